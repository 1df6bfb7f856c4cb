import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { Type } from 'typebox';
import { Secret, UserError } from '@papergate/config';
import { defaultText, defineInputs, type InputSpec } from './kinds.ts';
import { inputVariable, readInputs } from './read.ts';

const workspace = mkdtempSync(join(tmpdir(), 'papergate-inputs-'));
writeFileSync(join(workspace, 'file.txt'), '');
afterAll(() => rmSync(workspace, { recursive: true }));

const env = (values: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [inputVariable(name), value]));
const one = (spec: InputSpec, value?: string): unknown =>
  readInputs({ it: spec }, value === undefined ? {} : env({ it: value }), workspace).it;
const refusal = (read: () => unknown): UserError => {
  try {
    read();
  } catch (error) {
    if (error instanceof UserError) return error;
  }
  throw new Error('nothing was refused');
};

const description = 'x';
const SHA = 'a1'.repeat(20);
const DIGEST = `sha256:${'0f'.repeat(32)}`;

describe('an input', () => {
  test.each<[string, InputSpec, string, unknown]>([
    ['text, without blanks around it', { kind: 'text', description }, '  a b\n', 'a b'],
    ['text with a pattern', { kind: 'text', pattern: /^\d+$/, description }, '12', '12'],
    ['lines', { kind: 'lines', description }, 'a\r\n\n  b \n', ['a', 'b']],
    ['true', { kind: 'boolean', description }, 'true', true],
    ['false', { kind: 'boolean', description }, ' false ', false],
    ['a whole number', { kind: 'integer', min: -5, max: 5, description }, '-5', -5],
    ['a number', { kind: 'number', min: 0, max: 1, description }, '0.25', 0.25],
    ['a choice', { kind: 'choice', of: ['a', 'b'], description }, 'b', 'b'],
    ['a commit', { kind: 'commit', description }, SHA, SHA],
    ['a digest', { kind: 'digest', description }, DIGEST, DIGEST],
    ['a path', { kind: 'path', description }, 'a/../b', join(workspace, 'b')],
    ['the path of a file', { kind: 'path', is: 'file', description }, 'file.txt', join(workspace, 'file.txt')],
    ['the path of a folder', { kind: 'path', is: 'folder', description }, '.', workspace],
    ['an absolute path', { kind: 'path', description }, '/x/y', '/x/y'],
    ['JSON', { kind: 'json', description }, '{"a":[1]}', { a: [1] }],
    ['JSON of a shape', { kind: 'json', schema: Type.Object({ a: Type.Number() }), description }, '{"a":1}', { a: 1 }],
  ])('that is %s is read', (_title, spec, value, expected) => {
    expect(one(spec, value)).toEqual(expected);
  });

  test.each<[string, InputSpec, string, string]>([
    [
      'a text that fits no pattern',
      { kind: 'text', pattern: /^\d+$/, description },
      'x',
      'input it is "x", allowed: a text that matches ^\\d+$',
    ],
    ['a text that is too long', { kind: 'text', maxLength: 3, description }, 'abcd', '4 characters long'],
    ...['True', 'TRUE', 'yes', '1', 'on', 'false!'].map((value): [string, InputSpec, string, string] => [
      `the boolean ${value}`,
      { kind: 'boolean', description },
      value,
      'allowed: exactly true or false',
    ]),
    ...['1.0', '6', '-6', '1e0', '0x1', 'one', '٣', '9'.repeat(30)].map(
      (value): [string, InputSpec, string, string] => [
        `the whole number ${value}`,
        { kind: 'integer', min: -5, max: 5, description },
        value,
        'allowed: a whole number from -5 to 5',
      ],
    ),
    ...['NaN', 'Infinity', '1.', '.5', '2', '1e-1'].map((value): [string, InputSpec, string, string] => [
      `the number ${value}`,
      { kind: 'number', min: 0, max: 1, description },
      value,
      'allowed: a number from 0 to 1',
    ]),
    ['a choice that is none', { kind: 'choice', of: ['a', 'b'], description }, 'A', 'is "A", allowed: a, b'],
    ...['main', SHA.slice(1), SHA.toUpperCase(), `${SHA}a`, `${SHA.slice(1)}g`].map(
      (value): [string, InputSpec, string, string] => [
        `the commit ${value}`,
        { kind: 'commit', description },
        value,
        '40 hexadecimal digits',
      ],
    ),
    ['a digest without its algorithm', { kind: 'digest', description }, DIGEST.slice(7), 'sha256: and 64'],
    ['a file that is not there', { kind: 'path', is: 'file', description }, 'none', '"none", which is not there'],
    ['a folder in place of a file', { kind: 'path', is: 'file', description }, '.', 'which is no file'],
    ['a file in place of a folder', { kind: 'path', is: 'folder', description }, 'file.txt', 'which is no folder'],
    ['a path with a NUL in it', { kind: 'path', is: 'file', description }, 'a\0b', 'NUL'],
    ['broken JSON', { kind: 'json', description }, '{', 'is no JSON'],
    [
      'JSON of another shape',
      { kind: 'json', schema: Type.Object({ a: Type.Number() }), description },
      '{"a":"b"}',
      'JSON of another shape: /a must be number',
    ],
    ['secrets that are a list', { kind: 'secrets', description }, '["hunter2hunter2"]', 'is no object'],
    ['secrets that are no texts', { kind: 'secrets', description }, '{"a":{}}', 'an object of other values'],
    ['secrets that are no JSON', { kind: 'secrets', description }, 'hunter2hunter2', 'is no object'],
  ])('that is %s is refused, with what is allowed', (_title, spec, value, message) => {
    const { code, message: said } = refusal(() => one(spec, value));
    expect(code).toBe('INPUT_INVALID');
    expect(said).toContain(message);
    expect(said).not.toContain('hunter2');
  });

  test('that is long is not repeated: it may be a secret in the wrong place', () => {
    const { message } = refusal(() => one({ kind: 'commit', description }, 'hunter2'.repeat(10)));
    expect(message).toContain('a text of 70 characters');
    expect(message).not.toContain('hunter2');
  });

  test('that is a secret comes as one, exactly as it was given', () => {
    const secret = one({ kind: 'secret', description }, ' ab\n');
    expect(secret).toBeInstanceOf(Secret);
    expect((secret as Secret).reveal()).toBe(' ab\n');
  });

  test('that is all secrets comes as a map of them', () => {
    const secrets = one({ kind: 'secrets', description }, '{"A":"x","B":""}') as ReadonlyMap<string, Secret>;
    expect([...secrets].map(([name, secret]) => [name, secret.reveal()])).toEqual([
      ['A', 'x'],
      ['B', ''],
    ]);
  });
});

describe('an input that is not given', () => {
  test.each<[string, InputSpec, unknown]>([
    ['a default', { kind: 'integer', min: 1, max: 9, default: 7, description }, 7],
    ['the default of a boolean, though false', { kind: 'boolean', default: false, description }, false],
    ['the default of a path, absolute', { kind: 'path', default: '.', description }, workspace],
    ['no lines', { kind: 'lines', description }, []],
    ['the lines of a default', { kind: 'lines', default: 'a\nb', description }, ['a', 'b']],
    ['no secrets', { kind: 'secrets', description }, new Map()],
    ['nothing', { kind: 'text', description }, undefined],
    ['no secret', { kind: 'secret', description }, undefined],
  ])('is %s', (_title, spec, expected) => {
    expect(one(spec)).toEqual(expected);
    expect(one(spec, '')).toEqual(expected);
  });

  test('is refused where it is required, also where it is blank', () => {
    for (const value of [undefined, '', '  \n'])
      expect(refusal(() => one({ kind: 'text', required: true, description }, value)).message).toBe(
        'input it is missing, allowed: a text',
      );
  });
});

test('all problems are told at once', () => {
  const schema = defineInputs({
    sha: { kind: 'commit', required: true, description },
    'max-age': { kind: 'integer', min: 1, max: 2, description },
    fine: { kind: 'text', description },
  });
  const { message, fix } = refusal(() => readInputs(schema, env({ 'max-age': '3', fine: 'x' }), workspace));
  expect(message).toBe(
    '2 inputs are wrong:\n  - input sha is missing, allowed: the whole SHA of a commit: 40 hexadecimal digits in small letters' +
      '\n  - input max-age is "3", allowed: a whole number from 1 to 2',
  );
  expect(fix).toContain('README');
});

test('an input that was misspelt is refused, one that resembles none is left alone', () => {
  const schema = defineInputs({ 'max-age': { kind: 'text', description } });
  expect(refusal(() => readInputs(schema, env({ 'max-aeg': '1' }), workspace)).message).toBe(
    'input max-aeg is not known; did you mean max-age?',
  );
  expect(readInputs(schema, { INPUT_METHOD: 'ibus' }, workspace)).toEqual({ 'max-age': undefined });
});

test('types follow from the schema', () => {
  const schema = defineInputs({
    a: { kind: 'boolean', default: true, description },
    b: { kind: 'choice', of: ['x', 'y'], description },
    c: { kind: 'json', schema: Type.Object({ n: Type.Number() }), required: true, description },
  });
  const inputs = readInputs(schema, env({ c: '{"n":3}' }), workspace);
  const a: boolean = inputs.a;
  const b: 'x' | 'y' | undefined = inputs.b;
  const n: number = inputs.c.n;
  expect([a, b, n]).toEqual([true, undefined, 3]);
});

test('defaults are spelt as action.yml has them', () => {
  expect(defaultText({ kind: 'boolean', default: false, description })).toBe('false');
  expect(defaultText({ kind: 'secret', description })).toBeUndefined();
});

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { UserError } from '@papergate/config';
import { readDefinition } from '../definition.ts';
import { chooseActions, findActions } from '../find.ts';
import { staleReadme, writeReadme } from './readme.ts';
import { staleDefinition, writeDefinition } from './schema.ts';

const HEAD = 'name: Demo\ndescription: Shows it.\n';
const INPUTS = `inputs:
  level:
    description: How loud.
    default: '3'
  who:
    description: Whom | what.
    required: true
`;
const OUTPUTS = 'outputs:\n  verdict:\n    description: How it went.\n';
const RUNS = 'runs:\n  using: node24\n  main: dist/index.cjs\n';
const README =
  '# demo\n\n<!-- inputs:begin -->\nold\n<!-- inputs:end -->\n\nBetween.\n\n<!-- outputs:begin --><!-- outputs:end -->\nEnd.\n';

let root = '';
const at = (name: string): string => join(root, 'actions', 'demo', name);
const lay = (yaml: string, readme = README): void => {
  writeFileSync(at('action.yml'), yaml);
  writeFileSync(at('README.md'), readme);
};

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'papergate-demo-'));
  mkdirSync(at('src'), { recursive: true });
  // Plain data, as defineInputs gives it back.
  writeFileSync(
    at('src/inputs.ts'),
    `export const INPUTS = {
      level: { kind: 'integer', min: 1, max: 9, default: 3, description: 'How loud.' },
      who: { kind: 'text', required: true, description: 'Whom | what.' },
    };
    export const OUTPUTS = { verdict: 'How it went.' };`,
  );
  lay(HEAD + INPUTS + OUTPUTS + RUNS);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('the README of an action', () => {
  test('gets its tables out of action.yml, and keeps the rest', () => {
    expect(writeReadme(root, 'demo')).toBe(true);
    const text = readFileSync(at('README.md'), 'utf8');
    expect(text).toContain('| `level` | How loud.     | `3`          |\n| `who`   | Whom \\| what. | **required** |\n');
    expect(text).toContain('| `verdict` | How it went.  |');
    expect(text).toMatch(/^# demo\n[\s\S]*<!-- inputs:end -->\n\nBetween\.\n[\s\S]*<!-- outputs:end -->\nEnd\.\n$/);
    expect(text).not.toContain('\nold\n');
    expect(writeReadme(root, 'demo')).toBe(false);
    expect(staleReadme(root, 'demo')).toEqual([]);
  });

  test('shows descriptions as the text that they are', () => {
    const words = 'Name of papergate-<environment> in (*.json), A_B and _x_, [a](b), `c`.';
    lay((HEAD + INPUTS + OUTPUTS + RUNS).replace('How it went.', words));
    writeReadme(root, 'demo');
    expect(readFileSync(at('README.md'), 'utf8')).toContain(
      '| `verdict` | Name of papergate-\\<environment> in (\\*.json), A_B and \\_x\\_, \\[a](b), \\`c\\`. |',
    );
  });

  test('is told to be stale where action.yml has changed, and to lack its markers', () => {
    writeReadme(root, 'demo');
    lay((HEAD + INPUTS + OUTPUTS + RUNS).replace('How loud.', 'How very loud.'), readFileSync(at('README.md'), 'utf8'));
    expect(staleReadme(root, 'demo')).toEqual(['README.md has other tables than action.yml']);
    lay(HEAD + INPUTS + OUTPUTS + RUNS, '# demo\n');
    expect(staleReadme(root, 'demo')).toEqual([
      'README.md has no lines <!-- inputs:begin --> and <!-- inputs:end -->',
      'README.md has no lines <!-- outputs:begin --> and <!-- outputs:end -->',
    ]);
  });
});

describe('the definition of an action', () => {
  test('says what the code says', async () => {
    expect(await staleDefinition(root, 'demo')).toEqual([]);
  });

  test.each<[string, (yaml: string) => string, string]>([
    ['another default', (yaml) => yaml.replace("'3'", "'4'"), 'inputs.level says otherwise'],
    ['no default', (yaml) => yaml.replace("    default: '3'\n", ''), 'inputs.level says otherwise'],
    ['another description', (yaml) => yaml.replace('How it', 'Where it'), 'outputs.verdict says otherwise'],
    ['an input that is not required', (yaml) => yaml.replace('    required: true\n', ''), 'inputs.who says otherwise'],
    ['an input too few', (yaml) => yaml.replace(/ {2}who:\n(?: {4}.*\n)+/, ''), 'inputs.who is missing'],
    ['an output too many', (yaml) => yaml.replace('runs:', '  x:\n    description: y\nruns:'), 'outputs.x is nothing'],
  ])('is told to have %s', async (_title, change, expected) => {
    const before = HEAD + INPUTS + OUTPUTS + RUNS;
    lay(change(before));
    expect(change(before)).not.toBe(before);
    expect((await staleDefinition(root, 'demo')).join()).toContain(expected);
  });

  test('is written out of the code, and keeps the rest', async () => {
    lay(`# A comment.\n${HEAD}${OUTPUTS}\n${RUNS}  post: dist/index.cjs\n  post-if: always()\n`);
    expect(await writeDefinition(root, 'demo')).toBe(true);
    expect(await staleDefinition(root, 'demo')).toEqual([]);
    const text = readFileSync(at('action.yml'), 'utf8');
    expect(text).toBe(
      `# A comment.\n${HEAD}${INPUTS}\n${OUTPUTS}\n${RUNS}  post: dist/index.cjs\n  post-if: always()\n`,
    );
    expect(await writeDefinition(root, 'demo')).toBe(false);
  });

  test('has no expression in a description: the runner would evaluate it', async () => {
    const words = 'As ${{ toJSON(secrets) }}.';
    writeFileSync(
      at('src/inputs.ts'),
      `export const INPUTS = {}; export const OUTPUTS = { verdict: ${JSON.stringify(words)} };`,
    );
    await writeDefinition(root, 'demo');
    expect(await staleDefinition(root, 'demo')).toEqual([
      'action.yml, outputs.verdict has an expression in its description',
    ]);
  });

  test.each<[string, string]>([
    ['broken YAML', 'name: a\ndescription: b: c\n'],
    ['an old Node', (HEAD + OUTPUTS + RUNS).replace('node24', 'node20')],
    ['a default that is no text', (HEAD + INPUTS + OUTPUTS + RUNS).replace("'3'", '3')],
    ['another key', `${HEAD + OUTPUTS + RUNS}using: x\n`],
  ])('with %s is refused', (_title, yaml) => {
    lay(yaml);
    expect(() => readDefinition(root, 'demo')).toThrow(UserError);
    expect(() => readDefinition(root, 'demo')).toThrow(/actions\/demo\/action\.yml/);
  });
});

test('actions are found by their action.yml, and a wrong name is refused', () => {
  mkdirSync(join(root, 'actions', 'shared'));
  expect(findActions(root)).toEqual(['demo']);
  expect(chooseActions(root, [])).toEqual(['demo']);
  expect(() => chooseActions(root, ['demi'])).toThrow('demi: no such action; there are demo');
});

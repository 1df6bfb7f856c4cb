import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { makeEvent } from './event.ts';
import { readEvent, readPairs, writePairs } from './files.ts';
import { packZip, unpackZip } from './stand-ins/zip.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-files-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function file(text: string): string {
  const path = join(dir, 'file');
  writeFileSync(path, text);
  return path;
}

describe('a file of variables or secrets', () => {
  test('gives values as they stand, and passes by comments and empty lines', () => {
    expect(readPairs(file('# a word\n\nA=1\nB = 2\n'.replace('B = 2', 'B=two words = #3')))).toEqual({
      A: '1',
      B: 'two words = #3',
    });
  });

  test.each([
    ['A=1\nno pair\n', 'line 2: this is no NAME=value'],
    ['9A=1\n', 'line 1'],
    ['A=1\nA=2\n', 'line 2: A stands there twice'],
  ])('%j is refused with its line, and without what stands there', (text, message) => {
    const told = (): unknown => readPairs(file(text));
    expect(told).toThrow(
      expect.objectContaining({ code: 'ACT_FILE_INVALID', message: expect.stringContaining(message) }),
    );
    expect(told).not.toThrow(/no pair/);
  });

  test('may be missing only where it is optional', () => {
    expect(readPairs(join(dir, 'none'), { optional: true })).toEqual({});
    expect(() => readPairs(join(dir, 'none'))).toThrow(expect.objectContaining({ code: 'ACT_FILE_UNREADABLE' }));
  });

  test('is written so that nothing in a value means anything', () => {
    expect(writePairs({ A: 'x"y$z\\n\nend' })).toBe('A="x\\"y\\$z\\\\n\\nend"\n');
  });
});

describe('an event', () => {
  const origin = { dir: '/r', commit: 'a'.repeat(40), ref: 'refs/heads/main', defaultBranch: 'main' };

  test('is what GitHub would send, with what was given laid over it', () => {
    const facts = { event: 'workflow_dispatch', repository: 'o/n', origin, inputs: { sha: 'b' } };
    expect(makeEvent(facts, { sender: { login: 'jo' } })).toMatchObject({
      inputs: { sha: 'b' },
      repository: { full_name: 'o/n', default_branch: 'main', owner: { login: 'o' } },
      sender: { login: 'jo' },
    });
  });

  test.each(['[1]', 'null', '{'])('%s is none', (text) => {
    expect(() => readEvent(file(text))).toThrow(expect.objectContaining({ code: 'ACT_FILE_UNREADABLE' }));
  });
});

describe('the zip of an artifact', () => {
  const files = new Map([
    ['deep/b.json', Buffer.from('{"b":"ü"}')],
    ['a.txt', Buffer.from('a'.repeat(10_000))],
    ['empty', Buffer.alloc(0)],
  ]);

  test('gives back what was put in, and is the same for the same files', () => {
    const zip = packZip(files);
    expect(unpackZip(zip)).toEqual(new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1))));
    expect(packZip(new Map([...files].toReversed()))).toEqual(zip);
    expect(zip.length).toBeLessThan(1000);
  });

  test('that was damaged or cut off is refused', () => {
    const zip = packZip(files);
    expect(() => unpackZip(zip.subarray(0, -1))).toThrow('no zip');
    const damaged = Buffer.from(zip);
    const at = damaged.indexOf('deep/b.json') + 'deep/b.json'.length + 4;
    damaged.writeUInt8(damaged.readUInt8(at) ^ 0xff, at);
    expect(() => unpackZip(damaged)).toThrow();
  });
});

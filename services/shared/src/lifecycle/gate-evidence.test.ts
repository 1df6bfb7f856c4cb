import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { UserError } from '@papergate/config';
import { readGateEvidence } from './gate-evidence.ts';

const RELEASE_SHA = 'ab'.repeat(20);
const EVIDENCE = { approved: true, commit: RELEASE_SHA, approved_by: ['one'], approved_at: '2026-01-02T03:04:05Z' };

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-gate-'));
  file = join(dir, 'gate.json');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const read = (env: Record<string, string> = {}) =>
  readGateEvidence('production', { RELEASE_SHA, GATE_EVIDENCE_FILE: file, ...env });

const codeOf = (work: () => unknown): string | undefined => {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof UserError ? error.code : String(error);
  }
};

describe('the evidence of the gate', () => {
  test('is what its file holds', () => {
    writeFileSync(file, JSON.stringify(EVIDENCE));
    expect(read()).toEqual(EVIDENCE);
  });

  test.each(['', undefined])('is none where no file is named (%s): the policy says so', (name) => {
    expect(readGateEvidence('production', { RELEASE_SHA, GATE_EVIDENCE_FILE: name })).toBeUndefined();
  });

  test('is not asked for outside production', () => {
    expect(readGateEvidence('staging', { GATE_EVIDENCE_FILE: file })).toBeUndefined();
  });

  test.each<[string, string | undefined, RegExp]>([
    ['is not there', undefined, /cannot be read/],
    ['is empty', '', /is no JSON/],
    ['is no object', 'null', /is no JSON object/],
    ['is a list', '[]', /is no JSON object/],
  ])('in a file that %s is refused, without a word of what the file holds or where it lies', (_what, text, words) => {
    if (text !== undefined) writeFileSync(file, text);
    expect(codeOf(read)).toBe('GATE_EVIDENCE_UNREADABLE');
    expect(() => read()).toThrow(words);
    expect(() => read()).not.toThrow(dir);
  });

  test('in a folder is refused', () => {
    mkdirSync(file);
    expect(() => read()).toThrow(/cannot be read/);
  });

  test('is of no use to a process that does not know its own commit', () => {
    writeFileSync(file, JSON.stringify(EVIDENCE));
    expect(() => read({ RELEASE_SHA: 'unreleased' })).toThrow(/RELEASE_SHA is no commit/);
    expect(() => readGateEvidence('production', { GATE_EVIDENCE_FILE: file })).toThrow(/RELEASE_SHA is not set/);
  });
});

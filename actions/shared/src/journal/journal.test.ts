import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Journal, openSteps, readJournal } from './index.ts';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-journal-'));
  path = join(dir, 'journal.jsonl');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const journal = (run = 'r1'): Journal => new Journal(path, run, () => new Date(0));

describe('journal', () => {
  test('has a step on disk before the step is taken', async () => {
    await journal().during('start x', { port: 1 }, () => {
      expect(readJournal(path)).toEqual([
        { at: '1970-01-01T00:00:00.000Z', run: 'r1', step: 'start x', state: 'begin', detail: { port: 1 } },
      ]);
      return Promise.resolve();
    });
    expect(readJournal(path).at(-1)).toMatchObject({ step: 'start x', state: 'done' });
  });

  test('writes down why a step failed and passes the error on', async () => {
    await expect(journal().during('x', {}, () => Promise.reject(new Error('no room')))).rejects.toThrow('no room');
    expect(readJournal(path).at(-1)).toMatchObject({ state: 'failed', detail: { reason: 'no room' } });
  });

  test('tells which steps of a run were begun and never ended', () => {
    journal().begin('a').done();
    journal().begin('b');
    journal().begin('c').failed(new Error('x'));
    journal('r2').begin('d');
    expect(openSteps(readJournal(path), 'r1').map(({ step }) => step)).toEqual(['b']);
  });

  test('is empty where there is none', () => {
    expect(readJournal(join(dir, 'nowhere'))).toEqual([]);
  });

  test('begins a line of its own after one that a kill cut off', () => {
    journal().begin('a');
    appendFileSync(path, '{"at":"x","step":"b"');
    journal().begin('c');
    expect(readJournal(path).map(({ step }) => step)).toEqual(['a', 'c']);
    expect(readFileSync(path, 'utf8').endsWith('\n')).toBe(true);
  });

  test('property: cut off after any byte, it still gives every line that was whole', () => {
    for (const step of ['a', 'b', 'c']) journal().begin(step).done();
    const whole = readFileSync(path);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length }), (length) => {
        const cut = join(dir, 'cut.jsonl');
        rmSync(cut, { force: true });
        appendFileSync(cut, whole.subarray(0, length));
        const lines = whole.subarray(0, length).toString().split('\n');
        const complete = lines.filter((line) => line.endsWith('}') && line.includes('"state"')).length;
        expect(readJournal(cut).length).toBe(complete);
      }),
    );
  });
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ExternalError } from '@papergate/config';
import { EvidenceStore } from '../evidence/store.ts';
import { RELEASE } from '../promotion/testing/releases.ts';
import { keptTimed } from './stage.ts';

let dir = '';
let store: EvidenceStore;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-stage-'));
  store = EvidenceStore.open(RELEASE, { dir });
});
afterEach(() => rmSync(dir, { recursive: true }));

const to = { stage: 'smoke' as const, store: () => store, facts: { environment: 'staging', target: 'process' } };

describe('a stage', () => {
  test('that ends gives its result with its times, for whoever keeps it', async () => {
    const result = { status: 'passed' as const, checks: [] };
    expect(await keptTimed(to, () => Promise.resolve(result))).toMatchObject({ stage: 'smoke', result });
    expect(store.all()).toEqual([]);
  });

  test('that breaks off leaves evidence that it failed, in the place of an earlier one', async () => {
    const at = { startedAt: new Date(), finishedAt: new Date() };
    store.write('smoke', { status: 'passed', checks: [{ name: 'order', status: 'passed' }] }, at);
    const error = new ExternalError({ code: 'HOST_UNREACHABLE', message: 'no answer' });
    await expect(keptTimed(to, () => Promise.reject(error))).rejects.toBe(error);
    expect(store.all()).toMatchObject([
      { stage: 'smoke', status: 'failed', checks: [{ observed: 'HOST_UNREACHABLE', detail: 'no answer' }] },
    ]);
    expect(readFileSync(join(dir, 'report.html'), 'utf8')).toContain('HOST_UNREACHABLE');
  });

  test('that breaks in a way of nobody is told so, without what is like a secret', async () => {
    const key = `${String.fromCodePoint(80, 75)}A1B2C3D4E5F6G7H8I9`;
    const thrown = new TypeError(`cannot use ${key}`);
    await expect(keptTimed(to, () => Promise.reject(thrown))).rejects.toBe(thrown);
    const [{ checks } = { checks: [] }] = store.all();
    expect(checks[0]).toMatchObject({ observed: 'UNEXPECTED' });
    expect(JSON.stringify(checks)).not.toContain(key);
  });

  test('says its own error where its evidence cannot be kept', async () => {
    writeFileSync(join(dir, 'gate.json'), 'no JSON');
    const error = new Error('first');
    await expect(keptTimed(to, () => Promise.reject(error))).rejects.toBe(error);
    const without = { ...to, store: () => EvidenceStore.read(join(dir, 'nowhere')) };
    await expect(keptTimed(without, () => Promise.reject(error))).rejects.toBe(error);
  });
});

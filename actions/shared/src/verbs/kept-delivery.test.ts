import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ExternalError } from '@papergate/config';
import type { DeliverOutcome } from '../deliver/index.ts';
import type { StageName } from '../evidence/index.ts';
import { EvidenceStore } from '../evidence/store.ts';
import { RELEASE } from '../promotion/testing/releases.ts';
import { DeliveryTimes, keptDelivery } from './kept-delivery.ts';

let dir = '';
let store: EvidenceStore;
let warned: string[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-kept-'));
  store = EvidenceStore.open(RELEASE, { dir });
  warned = [];
  const at = { startedAt: new Date(0), finishedAt: new Date(0) };
  for (const stage of ['deploy', 'smoke'] as const)
    store.write(stage, { status: 'passed', checks: [{ name: 'of before', status: 'passed' }] }, at);
});
afterEach(() => rmSync(dir, { recursive: true }));

const keeping = () => ({
  store,
  facts: { environment: 'staging', target: 'process' },
  times: new DeliveryTimes(),
  warn: (message: string) => void warned.push(message),
});
const TAKEN = new ExternalError({ code: 'PLACE_TAKEN', message: 'somebody else is at it' });
const left = (stage: StageName) => JSON.parse(readFileSync(store.pathOf(stage), 'utf8')) as unknown;
const broken = { status: 'failed', checks: [{ name: 'it ran to its end', observed: 'PLACE_TAKEN' }] };

describe('a delivery', () => {
  test('that the engine breaks off leaves a failed deploy in the place of the earlier one, and says its own error', async () => {
    const validated = { stage: 'validate' as const, startedAt: new Date(), finishedAt: new Date() };
    const before = [{ ...validated, result: { status: 'passed' as const, checks: [] } }];
    await expect(keptDelivery({ ...keeping(), before }, () => Promise.reject(TAKEN))).rejects.toBe(TAKEN);
    expect(left('deploy')).toMatchObject(broken);
    expect(left('validate')).toMatchObject({ status: 'passed' });
    expect(left('smoke')).toMatchObject({ status: 'passed', checks: [{ name: 'of before' }] });
    expect(readFileSync(join(dir, 'report.html'), 'utf8')).toContain('PLACE_TAKEN');
  });

  test('that is broken off in its smoke test leaves that failed, too', async () => {
    const kept = keeping();
    const act = (): Promise<never> => {
      kept.times.onEvent({ type: 'step', step: 'smoke', state: 'begin' });
      return Promise.reject(TAKEN);
    };
    await expect(keptDelivery(kept, act)).rejects.toBe(TAKEN);
    expect(left('smoke')).toMatchObject(broken);
  });

  test('that ends leaves what it has proven', async () => {
    const smoke = { status: 'passed' as const, checks: [{ name: 'order', status: 'passed' as const }] };
    const outcome = {
      status: 'delivered',
      checks: [],
      to: RELEASE,
      from: undefined,
      smoke,
    } as unknown as DeliverOutcome;
    expect(await keptDelivery(keeping(), () => Promise.resolve(outcome))).toBe(outcome);
    expect(left('deploy')).toMatchObject({ status: 'passed', data: { outcome: 'delivered' } });
    expect(left('smoke')).toMatchObject({ checks: [{ name: 'order' }] });
  });

  test('whose evidence cannot be kept still says what went wrong, and that', async () => {
    writeFileSync(join(dir, 'gate.json'), 'no JSON');
    await expect(keptDelivery(keeping(), () => Promise.reject(TAKEN))).rejects.toBe(TAKEN);
    expect(warned).toEqual([expect.stringContaining(dir)]);
  });
});

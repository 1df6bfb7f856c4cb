import { describe, expect, test } from '@jest/globals';
import type { DeliverEvent } from '../../deliver/events.ts';
import type { DeliverOutcome } from '../../deliver/options.ts';
import type { ObservedService } from '../../deliver/types.ts';
import type { StageResult } from '../../evidence/index.ts';
import type { Manifest } from '../../release/index.ts';
import { Delivery } from './delivery.ts';
import { describeFailure } from './describe.ts';
import { deployEvidence, withRestarts } from './evidence.ts';

const manifest = (letter: string): Manifest =>
  ({ commit: letter.repeat(40), digest: `sha256:${letter.repeat(64)}`, services: {} }) as unknown as Manifest;
const smoke = (status: 'passed' | 'failed'): StageResult => ({ status, checks: [{ name: 'order', status }] });

const outcome = (change: Partial<DeliverOutcome>): DeliverOutcome => ({
  status: 'delivered',
  action: 'deploy',
  exitCode: 0,
  run: 'run',
  generation: 1,
  from: manifest('a'),
  to: manifest('b'),
  interrupted: false,
  checks: [{ name: 'disk space', status: 'passed' }],
  migrations: [],
  timings: [{ step: 'verify', ms: 1 }],
  warnings: [],
  ...change,
});
const diagnosis = {
  code: 'NOT_READY',
  message: 'orchestrator is not ready',
  step: 'start:orchestrator',
  logs: [],
  rolledBack: 'yes',
  next: 'look at its logs',
  tookMs: 1,
};
const refuse = (refused: DeliverOutcome): Error => new Error(`refused: ${refused.status}`);

/** A delivery that is told what happens step by step. */
function started() {
  let tell: (event: DeliverEvent) => void = () => {};
  let settle: (outcome: DeliverOutcome) => void = () => {};
  const seen: string[] = [];
  const delivery = new Delivery((onEvent) => {
    tell = onEvent;
    return new Promise((resolve) => (settle = resolve));
  });
  void delivery.start((event) => seen.push(event.type === 'step' ? `${event.step} ${event.state}` : event.type));
  return { delivery, tell: (event: DeliverEvent) => tell(event), settle: (made: DeliverOutcome) => settle(made), seen };
}

describe('one delivery as two stages', () => {
  test('the first is over when the smoke test begins, with the steps until then', async () => {
    const { delivery, tell, settle, seen } = started();
    tell({ type: 'step', step: 'verify', state: 'begin' });
    tell({ type: 'step', step: 'verify', state: 'done', ms: 12.4 });
    tell({ type: 'step', step: 'smoke', state: 'begin' });
    expect(await delivery.deployed(refuse)).toEqual({
      status: 'passed',
      checks: [{ name: 'verify', status: 'passed', observed: 12, unit: 'ms' }],
    });
    expect(seen).toEqual(['verify begin', 'verify done', 'smoke begin']);
    settle(outcome({ smoke: smoke('passed') }));
    expect(await delivery.smoked(refuse)).toEqual(smoke('passed'));
  });

  test('a release that does not come up fails the first', async () => {
    const { delivery, settle } = started();
    settle(outcome({ status: 'undone', exitCode: 3 }));
    await expect(delivery.deployed(refuse)).rejects.toThrow('refused: undone');
  });

  test('a smoke test that says no is the result of the second, and whoever is to be told of it is told', async () => {
    const { delivery, tell, settle } = started();
    const told: string[] = [];
    tell({ type: 'step', step: 'smoke', state: 'begin' });
    settle(outcome({ status: 'undone', exitCode: 1, smoke: smoke('failed') }));
    const result = await delivery.smoked(({ status }) => {
      told.push(status);
      return new Error();
    });
    expect(result.status).toBe('failed');
    expect(told).toEqual(['undone']);
  });

  test('one that fails after its smoke test has passed is no success', async () => {
    const { delivery, tell, settle } = started();
    tell({ type: 'step', step: 'smoke', state: 'begin' });
    settle(outcome({ status: 'undone', exitCode: 3, smoke: smoke('passed') }));
    await expect(delivery.smoked(refuse)).rejects.toThrow('refused: undone');
  });

  test('an engine that throws fails the stage that waits for it', async () => {
    const delivery = new Delivery(() => Promise.reject(new Error('LEASE_LOST')));
    void delivery.start(() => {}).catch(() => {});
    await expect(delivery.deployed(refuse)).rejects.toThrow('LEASE_LOST');
    await expect(delivery.smoked(refuse)).rejects.toThrow('LEASE_LOST');
  });
});

describe('evidence of a delivery', () => {
  test('is what the engine checked, without the smoke test', () => {
    const checks = [{ name: 'disk space', status: 'passed' as const }, ...smoke('passed').checks];
    const made = deployEvidence(outcome({ checks, smoke: smoke('passed'), intakeAwayMs: 900, checkpoint: 'id' }));
    expect(made.status).toBe('passed');
    expect(made.checks.map(({ name }) => name)).toEqual(['disk space']);
    expect(made.data).toMatchObject({ outcome: 'delivered', intake_away_ms: 900, checkpoint: 'id' });
  });

  test('of one that was undone is no pass, and never without a check', () => {
    expect(deployEvidence(outcome({ status: 'undone', checks: [] }))).toMatchObject({
      status: 'failed',
      checks: [{ name: 'undone', status: 'failed' }],
    });
  });

  const service = (change: Partial<ObservedService>): ObservedService => ({
    service: 'dashboard',
    digest: 'sha256:x',
    state: 'running',
    ready: true,
    restarts: 0,
    ...change,
  });
  test.each([
    ['all is as it was', {}, manifest('b').digest, 'passed'],
    ['a service came back', { restarts: 1 }, manifest('b').digest, 'failed'],
    ['a service is gone', { state: 'stopped', ready: false }, undefined, 'failed'],
    ['another release runs', {}, manifest('c').digest, 'failed'],
  ] as const)('after the load: %s', (_what, change, manifestDigest, status) => {
    const observed = { manifestDigest, services: [service(change)] };
    const made = withRestarts({ status: 'passed', checks: [] }, observed, manifest('b'));
    expect(made.status).toBe(status);
    expect(made.checks[0]?.status).toBe(status);
  });
});

describe('a delivery that did not get through', () => {
  test.each([
    [{ status: 'failed' }, 'nothing that ran was touched'],
    [{ status: 'undone' }, 'the release before runs again, verified'],
    [{ status: 'undone', from: undefined }, 'what was started is taken down; its data stay'],
    [{ status: 'undo-failed' }, 'the release before could not be brought back'],
  ] as const)('%j says what became of the bundle', (change, words) => {
    const error = describeFailure(outcome({ ...change, exitCode: 3, diagnosis }));
    expect(error).toMatchObject({ code: 'NOT_READY', exitCode: 3, fix: 'look at its logs' });
    expect(error.message).toBe(`orchestrator is not ready; ${words}`);
  });

  test('never ends as a success', () => {
    expect(describeFailure(outcome({ status: 'failed', exitCode: 0 })).exitCode).toBe(3);
  });
});

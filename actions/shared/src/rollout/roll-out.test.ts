import { beforeEach, describe, expect, test } from '@jest/globals';
import { rollOut, type RolloutEvent, type RollOutOptions, type RollOutOutcome } from './roll-out.ts';
import { CONFIG, RELEASE, SimBundle, SimClock, simPlan } from './testing/simulated.ts';

let clock: SimClock;
let bundle: SimBundle;
let events: RolloutEvent[];
beforeEach(() => {
  clock = new SimClock();
  bundle = new SimBundle(clock);
  events = [];
});

const run = (change: Partial<RollOutOptions> = {}): Promise<RollOutOutcome> =>
  rollOut({
    release: RELEASE,
    plan: simPlan(),
    scope: bundle.scope,
    look: bundle.look,
    by: 'roll-out, run 4711',
    clock,
    signal: new AbortController().signal,
    resume: false,
    onEvent: (event) => void events.push(event),
    ...change,
  });
const flowed = (): string[] => bundle.flow.map(({ symbols }) => symbols);
/** Once the step has been watched for so long. */
const within = (step: string, seconds: number, act: () => void): void => {
  let since: number | undefined;
  let done = false;
  clock.listeners.push((now) => {
    if (bundle.stored.stage === step) since ??= now;
    if (done || since === undefined || now - since < seconds * 1000) return;
    done = true;
    act();
  });
};

describe('a roll-out', () => {
  test('lets nothing, then a fifth of the symbols, then all through, each for its time, and stays without an end', async () => {
    const begun = clock.now();
    const outcome = await run();
    expect(outcome).toMatchObject({ status: 'complete', reached: 'all', already: false });
    expect(flowed()).toEqual(['', 'AAPL', 'all']);
    expect(bundle.flow.map(({ at }) => Math.round((at - begun) / 1000))).toEqual([0, 60, 180]);
    expect(clock.now() - begun).toBe(300_000);
    expect(bundle.stored).toMatchObject({ stage: 'all', symbols: 'all', expiresAt: null });
    clock.pass(24 * 3_600_000);
    expect(bundle.effective).toBe('all');
    expect(outcome.steps.map(({ result }) => result.status)).toEqual(['passed', 'passed', 'passed']);
    expect(outcome.steps[1]?.result.data).toMatchObject({ step: 'share', symbols: ['AAPL'], watched_ms: 120_000 });
    expect(events.filter(({ type }) => type === 'step')).toHaveLength(3);
  });

  test('ends by itself where its runner dies in the middle of a step', async () => {
    const never = new Promise<never>(() => {});
    let dies = false;
    within('share', 40, () => (dies = true));
    void run({ look: () => (dies ? never : bundle.look()), scope: { ...bundle.scope } });
    for (let turn = 0; turn < 500; turn++) await Promise.resolve();
    expect(bundle.effective).toEqual(['AAPL']);
    clock.pass(CONFIG.lease_seconds * 1000);
    expect(bundle.effective).toEqual([]);
  });

  test('holds no step open for longer than it watches, not even before its first look', async () => {
    const ends: Record<string, boolean> = {};
    const look = () => {
      ends[bundle.stored.stage] ??= bundle.stored.expiresAt !== null;
      return bundle.look();
    };
    await run({ look });
    expect(ends).toEqual({ 'no-order-flow': true, share: true, all: true });
  });

  test('begins from the first step again, also where one before it came further', async () => {
    within('share', 30, () => bundle.alerts.push('ServiceDown'));
    await run();
    bundle.alerts = [];
    bundle.flow.length = 0;
    const again = await run({ resume: true });
    expect(again.status).toBe('complete');
    expect(flowed().filter((symbols) => symbols !== '')).toEqual(['AAPL', 'all']);
  });

  test('is left alone where it was complete and the same release still runs', async () => {
    await run();
    const sets = bundle.sets;
    expect(await run({ resume: true })).toMatchObject({ status: 'complete', already: true, steps: [] });
    expect(bundle.sets).toBe(sets);
    expect(await run()).toMatchObject({ status: 'complete', already: false });
  });

  test('is not complete where its runner died in the last step', async () => {
    const never = new Promise<never>(() => {});
    let dies = false;
    within('all', 20, () => (dies = true));
    void run({ look: () => (dies ? never : bundle.look()) });
    for (let turn = 0; turn < 2_000; turn++) await Promise.resolve();
    expect(bundle.stored).toMatchObject({ stage: 'all', symbols: 'all' });
    dies = false;
    expect(await run({ resume: true })).toMatchObject({ status: 'complete', already: false });
  });

  test('waits for a risk-manager that is away when a step is set, for the grace and no longer', async () => {
    const set = bundle.scope.set;
    let tries = 0;
    const refuses = (times: number) => {
      tries = 0;
      bundle.scope.set = (wanted) =>
        wanted.ttl_seconds === undefined && wanted.stage === 'all' && tries++ < times
          ? Promise.reject(new Error('no answer'))
          : set(wanted);
    };
    refuses(5);
    expect(await run()).toMatchObject({ status: 'complete', reached: 'all' });
    expect(bundle.stored).toMatchObject({ stage: 'all', expiresAt: null });
    refuses(1_000);
    expect(await run()).toMatchObject({ status: 'failed', closed: { isClosed: true } });
    expect(bundle.effective).toEqual([]);
  });

  test('goes on over what is missing for less than the grace', async () => {
    within('share', 20, () => (bundle.isAway = true));
    within('share', 40, () => (bundle.isAway = false));
    within('all', 20, () => bundle.notReady.push('dashboard'));
    within('all', 40, () => (bundle.notReady = []));
    expect(await run()).toMatchObject({ status: 'complete' });
  });
});

describe('what is wrong ends a roll-out, and no more orders go out', () => {
  test.each<[string, string, (found: SimBundle) => void, RegExp]>([
    ['a breaker that trips', 'ROLLOUT_WATCH', (found) => (found.tradingState = 'HALTED'), /HALTED, allowed: ACTIVE/],
    ['lines of errors', 'ROLLOUT_WATCH', (found) => (found.counters.error_log_lines += 3), /errors in the logs: 3/],
    [
      'an order that the broker rejects',
      'ROLLOUT_WATCH',
      (found) => (found.counters.orders_rejected += 1),
      /rejected by the broker: 1/,
    ],
    [
      'orders that our checks refuse',
      'ROLLOUT_WATCH',
      (found) => (found.counters.orders_refused += 4),
      /our own checks: 4/,
    ],
    ['an unknown outcome', 'ROLLOUT_WATCH', (found) => (found.counters.orders_unknown += 1), /unknown outcome: 1/],
    [
      'a difference from the broker',
      'ROLLOUT_WATCH',
      (found) => (found.counters.reconciliation_differences += 1),
      /broker’s book: 1/,
    ],
    [
      'comparisons that fail',
      'ROLLOUT_WATCH',
      (found) => (found.counters.reconciliations_failed += 2),
      /that failed: 2/,
    ],
    ['a service that is started again', 'ROLLOUT_WATCH', (found) => (found.restarts += 1), /started again: 1/],
    [
      'a process that began anew',
      'ROLLOUT_WATCH',
      (found) => (found.starts = { ...found.starts, orchestrator: 200 }),
      /started again: 1/,
    ],
    ['a market that is silent', 'ROLLOUT_WATCH', (found) => (found.staleness = 31), /last tick: 31, allowed: <= 30 s/],
    ['an alert', 'ROLLOUT_WATCH', (found) => found.alerts.push('ServiceDown'), /ServiceDown, allowed: none/],
    [
      'orders that take long',
      'ROLLOUT_WATCH',
      (found) =>
        (found.orderSeconds = new Map([
          [0.5, 90],
          [1, 100],
          [Infinity, 100],
        ])),
      /p99: 1000, allowed: <= 500 ms/,
    ],
    [
      'a counter that began anew and grew',
      'ROLLOUT_WATCH',
      (found) => (found.counters.error_log_lines = 3),
      /errors in the logs: 3/,
    ],
    [
      'a service that does not become ready',
      'ROLLOUT_UNSEEN',
      (found) => found.notReady.push('dashboard'),
      /dashboard is not ready/,
    ],
  ])('%s: %s', async (_what, code, breaks, words) => {
    let brokeAt = Infinity;
    within('share', 30, () => {
      breaks(bundle);
      brokeAt = clock.now();
    });
    const outcome = await run();
    expect(outcome).toMatchObject({ status: 'failed', reached: 'no-order-flow', failure: { step: 'share', code } });
    expect(outcome.failure?.message).toMatch(words);
    expect(outcome.closed).toEqual({ isClosed: true, words: 'no order of it goes out any more' });
    expect(bundle.effective).toEqual([]);
    expect(bundle.stored).toMatchObject({ stage: 'undone', expiresAt: null });
    expect(flowed()).toEqual(['', 'AAPL', '']);
    const took = (bundle.flow.at(-1)?.at ?? Infinity) - brokeAt;
    expect(took).toBeLessThanOrEqual(code === 'ROLLOUT_WATCH' ? 5_000 : 40_000);
    expect(outcome.steps.at(-1)?.result.status).toBe('failed');
    expect(outcome.steps.at(-1)?.result.checks.some(({ status }) => status === 'failed')).toBe(true);
  });

  test('a release that runs in its place is left alone: its orders are not ours to stop', async () => {
    within('share', 30, () => (bundle.release = 'b'.repeat(40)));
    const outcome = await run();
    expect(outcome).toMatchObject({
      status: 'failed',
      failure: { code: 'OTHER_RELEASE' },
      closed: { isClosed: false },
    });
    expect(bundle.stored.stage).toBe('share');
  });

  test('a release that was started in its place is left alone also where risk-manager is still ours', async () => {
    let foreign = false;
    within('share', 30, () => (foreign = true));
    const look = () => (foreign ? Promise.resolve({ lacking: [], foreign: 'another one runs' }) : bundle.look());
    const outcome = await run({ look });
    expect(outcome).toMatchObject({ failure: { code: 'OTHER_RELEASE', message: 'another one runs' } });
    expect(outcome.closed?.words).toMatch(/not for this roll-out to stop/);
    expect(bundle.stored.stage).toBe('share');
  });

  test('a step does not end while something is missing', async () => {
    within('share', 110, () => bundle.notReady.push('dashboard'));
    expect(await run()).toMatchObject({ reached: 'no-order-flow', failure: { step: 'share', code: 'ROLLOUT_UNSEEN' } });
  });

  test('a scope of the same symbols that somebody else has named is not ours', async () => {
    within('share', 30, () => {
      const wanted = { release: RELEASE, stage: 'by-hand', symbols: ['AAPL'], reason: 'mine', set_by: 'ana' };
      void bundle.scope.set({ ...wanted, ttl_seconds: 600 });
    });
    expect(await run()).toMatchObject({ failure: { code: 'ROLLOUT_TAKEN' } });
  });

  test('a scope that would end by itself after the last step is none that stays', async () => {
    const set = bundle.scope.set;
    bundle.scope.set = (wanted, signal) => set({ ttl_seconds: 60, ...wanted }, signal);
    expect(await run()).toMatchObject({ status: 'failed', reached: 'all', failure: { code: 'ROLLOUT_TAKEN' } });
  });

  test('a scope that somebody else sets is noticed at the next look', async () => {
    within('share', 30, () => {
      const reason = 'I see something';
      void bundle.scope.set({ release: RELEASE, stage: 'by-hand', symbols: ['SPY'], reason, set_by: 'ana' });
    });
    const outcome = await run();
    expect(outcome).toMatchObject({ failure: { code: 'ROLLOUT_TAKEN' } });
    expect(outcome.failure?.message).toMatch(/by-hand: SPY, allowed: share: AAPL \(set by ana: I see something\)/);
    expect(bundle.effective).toEqual([]);
  });

  test('a place that does not answer ends it after the grace, and the scope ends by itself where it cannot be closed', async () => {
    within('share', 30, () => (bundle.isAway = true));
    const outcome = await run();
    expect(outcome).toMatchObject({ failure: { code: 'ROLLOUT_UNSEEN' }, closed: { isClosed: false } });
    expect(outcome.closed?.words).toMatch(/ends by itself 60 s after/);
    clock.pass(CONFIG.lease_seconds * 1000);
    expect(bundle.effective).toEqual([]);
  });

  test('closing is tried again where risk-manager is away for a moment', async () => {
    within('share', 30, () => {
      bundle.tradingState = 'HALTED';
      const set = bundle.scope.set;
      let refused = 0;
      bundle.scope.set = (wanted) =>
        wanted.stage === 'undone' && refused++ < 2 ? Promise.reject(new Error('no answer')) : set(wanted);
    });
    expect(await run()).toMatchObject({ status: 'failed', closed: { isClosed: true } });
    expect(bundle.effective).toEqual([]);
  });

  test('a job that is cancelled closes the scope as well, at once', async () => {
    const cancel = new AbortController();
    let cancelledAt = 0;
    within('share', 30, () => {
      cancelledAt = clock.now();
      cancel.abort(new Error('the job was cancelled'));
    });
    const outcome = await run({ signal: cancel.signal });
    expect(outcome).toMatchObject({ status: 'cancelled', failure: { step: 'share', code: 'ACTION_CANCELLED' } });
    expect(bundle.stored).toMatchObject({ stage: 'undone', symbols: [] });
    expect(clock.now()).toBe(cancelledAt);
    expect(outcome.steps.at(-1)?.result.status).toBe('failed');
  });

  test('a smoke test that fails at the end of a step, or does not come to its own', async () => {
    const check = (name: string, status: 'passed' | 'failed') => ({ name, status, observed: 'so' });
    const smoke = (status: 'passed' | 'failed') => ({ status, checks: [check('one', 'passed'), check('two', status)] });
    const asked: string[] = [];
    const recheck = () => {
      asked.push(bundle.stored.stage);
      return Promise.resolve(smoke(asked.length === 2 ? 'failed' : 'passed'));
    };
    const outcome = await run({ recheck });
    expect(asked).toEqual(['no-order-flow', 'share']);
    expect(outcome).toMatchObject({ failure: { step: 'share', code: 'SMOKE_FAILED', message: 'two: so' } });
    expect(outcome.steps[0]?.result.checks.at(-1)).toMatchObject({ name: 'smoke test', observed: 2 });
    expect(outcome.steps[1]?.result).toMatchObject({
      status: 'failed',
      checks: expect.arrayContaining([expect.objectContaining({ name: 'two', status: 'failed' })]),
    });
    expect(bundle.effective).toEqual([]);
    const broken = await run({ recheck: () => Promise.reject(new Error('no engine')) });
    expect(broken).toMatchObject({
      failure: { step: 'no-order-flow', code: 'SMOKE_FAILED', message: 'smoke test: no engine' },
    });
  });

  test('too few whole looks are no watch', async () => {
    const slow = async () => {
      clock.pass(20_000);
      return bundle.look();
    };
    expect(await run({ look: slow })).toMatchObject({
      failure: { step: 'no-order-flow', code: 'ROLLOUT_FEW_SAMPLES' },
    });
  });

  test('a scope that is answered and does not hold is none', async () => {
    const deaf = { ...bundle.scope, set: () => bundle.scope.read() };
    const outcome = await run({ scope: deaf });
    expect(outcome).toMatchObject({ status: 'failed', failure: { step: 'no-order-flow', code: 'ROLLOUT_TAKEN' } });
  });

  test('what is told is no reason to leave orders going out', async () => {
    within('share', 30, () => bundle.alerts.push('ServiceDown'));
    const outcome = await run({
      onEvent: ({ type }) => {
        if (type === 'closed' || type === 'step-end') throw new Error('GitHub is away');
      },
    });
    expect(outcome).toMatchObject({ status: 'failed', closed: { isClosed: true } });
    expect(bundle.effective).toEqual([]);
  });

  test('what happens between two steps counts for the next one', async () => {
    const outcome = await run({
      onEvent: (event) => {
        if (event.type === 'step' && event.stage.name === 'share') bundle.counters.orders_unknown += 1;
      },
    });
    expect(outcome).toMatchObject({ failure: { step: 'share', code: 'ROLLOUT_WATCH' } });
  });
});

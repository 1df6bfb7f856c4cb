import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { FAILURES, RegistryFailure, type FailureKind } from './failure.ts';
import { parseRetryAfter, pauseAfter, withRetries, type RetryPolicy } from './schedule.ts';

const kinds = Object.keys(FAILURES) as FailureKind[];
const policies: fc.Arbitrary<RetryPolicy> = fc.record({
  tries: fc.integer({ min: 1, max: 12 }),
  baseMs: fc.integer({ min: 1, max: 5_000 }),
  capMs: fc.integer({ min: 1, max: 60_000 }),
  retryAfterMaxMs: fc.integer({ min: 0, max: 300_000 }),
});
const failures = fc
  .record({
    kind: fc.constantFrom(...kinds),
    retryAfterMs: fc.option(fc.integer({ min: 0, max: 400_000 }), { nil: undefined }),
  })
  .map(({ kind, retryAfterMs }) => new RegistryFailure(kind, 'words', { retryAfterMs }));
const dice = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the schedule of tries', () => {
  test('every pause is below its ceiling, which doubles up to the cap, and never less than the registry asked for', () => {
    fc.assert(
      fc.property(policies, failures, dice, fc.integer({ min: 1, max: 15 }), (policy, failure, random, tried) => {
        const pause = pauseAfter(tried, failure, policy, () => random);
        const asked = failure.retryAfterMs ?? 0;
        const wanted = FAILURES[failure.kind].retry && tried < policy.tries && asked <= policy.retryAfterMaxMs;
        expect(pause !== undefined).toBe(wanted);
        if (pause === undefined) return;
        const ceiling = Math.min(policy.capMs, policy.baseMs * 2 ** (tried - 1));
        expect(pause).toBeGreaterThanOrEqual(asked);
        expect(pause - asked).toBeLessThan(ceiling);
        expect(Number.isInteger(pause)).toBe(true);
      }),
    );
  });

  test('whatever fails and however: no more tries than allowed, and every wait is bounded', async () => {
    await fc.assert(
      fc.asyncProperty(policies, fc.array(failures, { maxLength: 15 }), dice, async (policy, script, random) => {
        let acts = 0;
        let waited = 0;
        const act = async (): Promise<string> => {
          const failure = script[acts++];
          if (failure !== undefined) throw failure;
          return await Promise.resolve('done');
        };
        const sleep = (ms: number): Promise<void> => {
          waited += ms;
          return Promise.resolve();
        };
        const result = await withRetries(act, { policy, random: () => random, sleep }).catch((error: unknown) => error);
        expect(acts).toBeLessThanOrEqual(policy.tries);
        expect(waited).toBeLessThanOrEqual((policy.tries - 1) * (policy.capMs + policy.retryAfterMaxMs));
        // It stops at the first success, at the first failure that is none to repeat, or at the end; never between.
        const last = script[acts - 1];
        expect(result).toBe(last ?? 'done');
      }),
    );
  });

  test('full jitter: two clients that failed together come back at different times, anywhere below the ceiling', () => {
    const failure = new RegistryFailure('server', 'words');
    const policy = { tries: 9, baseMs: 1000, capMs: 8000, retryAfterMaxMs: 0 };
    expect([0, 0.25, 0.999].map((random) => pauseAfter(3, failure, policy, () => random))).toEqual([0, 1000, 3996]);
    expect(pauseAfter(8, failure, policy, () => 0.999)).toBe(7992);
  });

  test('what is no failure of a registry is not tried again', async () => {
    const act = jest.fn(() => Promise.reject(new TypeError('a defect')));
    await expect(withRetries(act, {})).rejects.toThrow('a defect');
    expect(act).toHaveBeenCalledTimes(1);
  });

  test('an abort ends the waiting, and nothing more is tried', async () => {
    const stop = new AbortController();
    const act = jest.fn(() => Promise.reject(new RegistryFailure('server', 'words')));
    const policy = { tries: 5, baseMs: 3_600_000, capMs: 3_600_000, retryAfterMaxMs: 0 };
    const tried = withRetries(act, { policy, random: () => 0.9, signal: stop.signal, onRetry: () => stop.abort() });
    await expect(tried).rejects.toMatchObject({ name: 'AbortError' });
    expect(act).toHaveBeenCalledTimes(1);
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-01-02T03:04:05Z');
  test.each([
    ['120', 120_000],
    [' 0 ', 0],
    ['Fri, 02 Jan 2026 03:04:15 GMT', 10_000],
    ['Fri, 02 Jan 2026 03:04:00 GMT', 0],
    ['soon', undefined],
    ['-5', undefined],
    ['1.5', undefined],
    ['', undefined],
    [null, undefined],
  ])('%j is %j ms', (value, ms) => {
    expect(parseRetryAfter(value, now)).toBe(ms);
  });
});

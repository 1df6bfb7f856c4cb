import { describe, expect, jest, test } from '@jest/globals';
import { createRateBudget } from './rate-budget.ts';

const headers = (limit: number, remaining: number, resetSeconds: number): Headers =>
  new Headers({
    'X-RateLimit-Limit': String(limit),
    'X-RateLimit-Remaining': String(remaining),
    'X-RateLimit-Reset': String(resetSeconds),
  });

function withClock(
  work: (clock: { now: number; advance: (ms: number) => Promise<void> }) => Promise<void>,
): () => Promise<void> {
  return async () => {
    jest.useFakeTimers({ now: 0 });
    try {
      await work({
        now: 0,
        advance: async (ms) => {
          await jest.advanceTimersByTimeAsync(ms);
        },
      });
    } finally {
      jest.useRealTimers();
    }
  };
}

function ask(budget: ReturnType<typeof createRateBudget>, urgent = false): { got: boolean; release: () => void } {
  const found = { got: false, release: (): void => undefined };
  budget.acquire(urgent).then(
    (release) => Object.assign(found, { got: true, release }),
    () => undefined,
  );
  return found;
}

describe('the request budget', () => {
  test(
    'is endless where the broker sends no headers',
    withClock(async ({ advance }) => {
      const budget = createRateBudget(Date.now);
      const many = Array.from({ length: 1000 }, () => ask(budget));
      budget.observe(new Headers());
      await advance(0);
      expect(many.every(({ got }) => got)).toBe(true);
      budget.close();
    }),
  );

  test(
    'holds orders back at the reserve, cancels only at nothing, and fills up at the reset',
    withClock(async ({ advance }) => {
      const budget = createRateBudget(Date.now);
      ask(budget);
      budget.observe(headers(200, 11, 30));
      const first = ask(budget);
      const second = ask(budget);
      const urgent = Array.from({ length: 11 }, () => ask(budget, true));
      await advance(0);
      expect([first.got, second.got]).toEqual([true, false]);
      expect(urgent.filter(({ got }) => got)).toHaveLength(10);
      await advance(29_000);
      expect(second.got).toBe(false);
      await advance(1_100);
      expect(second.got).toBe(true);
      expect(urgent.at(-1)?.got).toBe(true);
      budget.close();
    }),
  );

  test(
    'counts what is under way, which the answer could not know of',
    withClock(async ({ advance }) => {
      const budget = createRateBudget(Date.now);
      const under = Array.from({ length: 5 }, () => ask(budget));
      await advance(0);
      expect(under.every(({ got }) => got)).toBe(true);
      budget.observe(headers(20, 5, 60));
      const next = [ask(budget), ask(budget)];
      await advance(0);
      expect(next.map(({ got }) => got)).toEqual([false, false]);
      budget.close();
    }),
  );

  test(
    'waits out a 429, but no longer than the window however wrong the header',
    withClock(async ({ advance }) => {
      const budget = createRateBudget(Date.now);
      budget.pause(10_000_000);
      const waiting = ask(budget, true);
      await advance(60_000);
      expect(waiting.got).toBe(false);
      await advance(1_100);
      expect(waiting.got).toBe(true);
      budget.close();
    }),
  );

  test(
    'refuses who waits when it is closed, with a code that says that nothing was sent',
    withClock(async () => {
      const budget = createRateBudget(Date.now);
      budget.pause(1_000);
      const waiting = budget.acquire();
      budget.close();
      await expect(waiting).rejects.toMatchObject({ code: 'BUDGET_CLOSED' });
      await expect(budget.acquire()).rejects.toMatchObject({ code: 'BUDGET_CLOSED' });
    }),
  );
});

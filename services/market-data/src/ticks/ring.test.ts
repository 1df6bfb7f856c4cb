import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Tick } from '@papergate/service-kit';
import { TickRing } from './ring.ts';

const SYMBOLS = ['AAPL', 'MSFT', 'SPY'];
const SEED = 20_131_007;

const amount = fc.integer({ min: 0, max: 2 ** 50 });
const anyTick = fc
  .record(
    {
      s: fc.constantFrom(...SYMBOLS),
      k: fc.constantFrom('t' as const, 'q' as const),
      t: amount,
      r: amount,
      p: amount,
      v: fc.double({ min: 0, max: 1e9, noNaN: true }),
      b: amount,
      bs: amount,
      a: amount,
      as: amount,
      i: fc.oneof(amount, fc.stringMatching(/^[0-9]{17,20}$/)),
      x: fc.constant(true as const),
    },
    { requiredKeys: ['s', 'k', 't', 'r'] },
  )
  .map((tick) => tick as Omit<Tick, 'n'>);

describe('the ring of the last ticks', () => {
  test('gives back exactly what was put in, the last ones, however often it went round', () => {
    fc.assert(
      fc.property(fc.array(anyTick, { maxLength: 60 }), fc.integer({ min: 1, max: 20 }), (drafts, capacity) => {
        const ring = new TickRing(capacity, SYMBOLS);
        const ticks = drafts.map((draft, index) => ({ ...draft, n: index + 1 }));
        for (const tick of ticks) ring.append(tick);
        expect(ring.last).toBe(ticks.length);
        expect(ring.oldest).toBe(Math.max(1, ticks.length - capacity + 1));
        expect(ring.read(0, 1000)).toEqual(ticks.slice(-capacity));
      }),
      { seed: SEED, verbose: true },
    );
  });

  test('reads after a number, at most so many', () => {
    const ring = new TickRing(10, SYMBOLS);
    for (let n = 1; n <= 25; n += 1) ring.append({ n, s: 'SPY', k: 't', t: n, r: n, p: n, v: 1 });
    const numbers = (after: number, limit: number) => ring.read(after, limit).map(({ n }) => n);
    expect(numbers(20, 3)).toEqual([21, 22, 23]);
    expect(numbers(3, 2)).toEqual([16, 17]);
    expect(numbers(24, 100)).toEqual([25]);
    expect(numbers(25, 100)).toEqual([]);
    expect(numbers(1_000, 100)).toEqual([]);
  });

  test('refuses a number that does not follow and a symbol it does not know', () => {
    const ring = new TickRing(10, SYMBOLS);
    const tick: Tick = { n: 1, s: 'SPY', k: 't', t: 1, r: 1, p: 1, v: 1 };
    expect(() => ring.append({ ...tick, n: 2 })).toThrow('tick 2 does not follow 0');
    expect(() => ring.append({ ...tick, s: 'TSLA' })).toThrow('TSLA');
  });
});

import { describe, expect, test } from '@jest/globals';
import type { Tick } from '@papergate/service-kit';
import { Ledger } from './sums.ts';

const quote = (n: number, b: number, a: number): Tick => ({ n, s: 'SPY', k: 'q', t: 0, r: 0, b, bs: 1, a, as: 2 });

describe('the sums that prove completeness', () => {
  test('count trades and quotes per symbol; an absent side counts as nothing', () => {
    const ledger = new Ledger(['SPY', 'AAPL']);
    ledger.add({ n: 1, s: 'SPY', k: 't', t: 0, r: 0, p: 1_000_000, v: 0.1 });
    ledger.add({ n: 2, s: 'SPY', k: 't', t: 0, r: 0, p: 2_000_000, v: 0.2 });
    ledger.add(quote(3, 10, 20));
    ledger.add({ n: 4, s: 'SPY', k: 'q', t: 0, r: 0, a: 5, as: 3 });
    ledger.add({ n: 5, s: 'AAPL', k: 't', t: 0, r: 0, p: 1, x: true });
    expect(ledger.report()).toEqual({
      SPY: {
        trades: { count: 2, price_sum: '3000000', size_sum: '0.3' },
        quotes: { count: 2, price_sum: '35', size_sum: '6' },
      },
      AAPL: {
        trades: { count: 1, price_sum: '1', size_sum: '0' },
        quotes: { count: 0, price_sum: '0', size_sum: '0' },
      },
    });
  });

  test('stay exact far beyond what a double holds, in whatever order', () => {
    const big = 2 ** 51 + 1;
    const values = Array.from({ length: 1_000 }, (_, index) => (index % 3 === 0 ? big : index));
    const exact = values.reduce((sum, value) => sum + BigInt(value), 0n);
    for (const order of [values, values.toReversed()]) {
      const ledger = new Ledger(['SPY']);
      for (const value of order) ledger.add(quote(1, value, 0));
      expect(ledger.report()['SPY']?.quotes.price_sum).toBe(String(exact));
    }
  });
});

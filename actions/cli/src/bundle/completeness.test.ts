import { describe, expect, test } from '@jest/globals';
import { differences, totalOf, type Counted } from './completeness.ts';

const counted = (place: string, change: (sums: Counted['by_symbol']) => void = () => undefined): Counted => {
  const sums = {
    SPY: {
      trades: { count: 3, price_sum: '501', size_sum: '12.5' },
      quotes: { count: 7, price_sum: '9', size_sum: '1' },
    },
    AIG: { trades: { count: 1, price_sum: '5', size_sum: '1' }, quotes: { count: 0, price_sum: '0', size_sum: '0' } },
  };
  change(sums);
  return { place, by_symbol: sums };
};

describe('completeness', () => {
  test('two places that counted the same agree, however the sums are written', () => {
    const other = counted('database', (sums) => {
      sums['SPY']!.trades.size_sum = '12.500';
    });
    expect(differences(counted('exchange'), other)).toEqual([]);
    expect(totalOf(other)).toBe(11);
  });

  test('one tick too few, another price, a symbol that is not there: each is named', () => {
    const other = counted('database', (sums) => {
      sums['SPY']!.quotes.count = 6;
      sums['SPY']!.trades.price_sum = '502';
      delete sums['AIG'];
    });
    expect(differences(counted('exchange'), other)).toEqual([
      'AIG trades count: exchange 1, database 0',
      'AIG trades price_sum: exchange 5, database 0',
      'AIG trades size_sum: exchange 1, database 0',
      'SPY trades price_sum: exchange 501, database 502',
      'SPY quotes count: exchange 7, database 6',
    ]);
  });
});

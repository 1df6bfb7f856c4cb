import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  averagePrice,
  divideRounded,
  formatMoney,
  formatScaled,
  parseScaled,
  ratio,
  sizeToNanos,
  valueOf,
} from './amounts.ts';

describe('amounts', () => {
  test('decimal text and numbers become exact scaled integers', () => {
    expect(parseScaled('167.41', 6)).toBe(167_410_000n);
    expect(parseScaled(167.41, 6)).toBe(167_410_000n);
    expect(parseScaled('0.000000001', 9)).toBe(1n);
    expect(parseScaled(1e-7, 9)).toBe(100n);
    expect(parseScaled('5.10', 1)).toBe(51n);
    expect(parseScaled('-3', 2)).toBe(-300n);
  });

  test('what has too many places or is no plain number is not rounded but refused', () => {
    for (const text of ['1.0000001', '', '.', '1e5', 'NaN', '1,5', '+1', ' ', 'Infinity', '--1']) {
      expect(parseScaled(text, 6)).toBeUndefined();
    }
    expect(parseScaled(Number.NaN, 6)).toBeUndefined();
    expect(parseScaled(Infinity, 6)).toBeUndefined();
  });

  test('formatting undoes parsing for every number of places', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n }),
        fc.integer({ min: 0, max: 15 }),
        (value, places) => {
          const text = formatScaled(value, places);
          expect(text).toMatch(/^-?\d+(\.\d*[1-9])?$/);
          const [whole = '', fraction = ''] = text.replace('-', '').split('.');
          const back = BigInt(whole + fraction.padEnd(places, '0'));
          expect(text.startsWith('-') ? -back : back).toBe(value);
        },
      ),
      { seed: 11 },
    );
  });

  test('a value is exact, an average is rounded half away from zero at nine places', () => {
    expect(formatMoney(valueOf(167_410_000, 3_000_000_000n))).toBe('502.23');
    expect(
      averagePrice(valueOf(10_000_000, 1_000_000_000n) + valueOf(11_000_000, 2_000_000_000n), 3_000_000_000n),
    ).toBe('10.666666667');
    expect(averagePrice(0n, 0n)).toBeNull();
    expect([divideRounded(5n, 2n), divideRounded(-5n, 2n), divideRounded(4n, 3n)]).toEqual([3n, -3n, 1n]);
    expect(ratio(1n, 3n)).toBe('0.3333333333');
    expect(ratio(1n, 0n)).toBe('0');
  });

  test('sizes of ticks, whole or fractional, become nano-shares', () => {
    expect(sizeToNanos(300)).toBe(300_000_000_000n);
    expect(sizeToNanos(0.5)).toBe(500_000_000n);
  });
});

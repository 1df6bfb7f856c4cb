import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { attos, attosText, exceedsPercent, nanos, nanosText, percentUnits, reachesPercent, usd } from './units.ts';

describe('scaled amounts', () => {
  test('decimal text comes back as it went in', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n }), (value) => {
        expect(nanos(nanosText(value))).toBe(value);
        expect(attos(attosText(value))).toBe(value);
      }),
    );
    for (const text of ['0', '1', '-1', '167.41', '0.000000001', '-0.5', '1000000'])
      expect(nanosText(nanos(text))).toBe(text);
  });

  test('digits beyond the scale are cut off, and what is no decimal is refused', () => {
    expect(nanosText(nanos('1.0000000019'))).toBe('1.000000001');
    for (const bad of ['', '-', '1e5', 'NaN', '1,5', ' 1', '.5']) expect(() => nanos(bad)).toThrow(RangeError);
  });

  test('a quantity times a price is a value', () => {
    expect(attosText(nanos('2.5') * nanos('100.01'))).toBe('250.025');
    expect(usd(attos('-1234.567'))).toBe('-$1234.56');
  });

  test('percents are compared without rounding', () => {
    const percent = percentUnits(12.5);
    expect(exceedsPercent(attos('12.5'), attos('100'), percent)).toBe(false);
    expect(exceedsPercent(attos('12.500000000000000001'), attos('100'), percent)).toBe(true);
    expect(reachesPercent(attos('12.5'), attos('100'), percent)).toBe(true);
    expect(reachesPercent(attos('12.499999999999999999'), attos('100'), percent)).toBe(false);
  });
});

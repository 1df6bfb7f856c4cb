import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decimal, floatToMicros, fromMicros, toMicros } from './money.ts';

describe('micros', () => {
  test('a price comes back as the text that went in', () => {
    for (const text of ['167.41', '0.0001', '0', '12', '-3.5', '9007199254.740991']) {
      expect(fromMicros(toMicros(text))).toBe(text);
    }
  });

  test('every price of up to six decimals survives the float of the data stream', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2_000_000_000_000 }), (micros) => {
        expect(floatToMicros(Number(fromMicros(micros)))).toBe(micros);
        expect(toMicros(fromMicros(micros))).toBe(micros);
      }),
      // 1.001 × 10⁶ is 1000999.9999999999 as a float: cutting off instead of rounding would lose a micro.
      { numRuns: 5_000, examples: [[1_001_000], [1_009_000], [1_013_000], [4_100_001]] },
    );
  });

  test('what is no number or out of range is refused', () => {
    for (const bad of ['', 'abc', '1e', NaN, Infinity, '1e30']) expect(() => toMicros(bad)).toThrow(RangeError);
    expect(() => floatToMicros(1e12)).toThrow(RangeError);
  });

  test('decimal text has neither exponent nor trailing zeros', () => {
    expect(decimal('1e-7')).toBe('0.0000001');
    expect(decimal('1.500')).toBe('1.5');
  });
});

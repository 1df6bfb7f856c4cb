import { describe, expect, test } from '@jest/globals';

type Format = Record<
  'asMoney' | 'asPrice' | 'asShares' | 'asProfit' | 'toneOf' | 'asRate' | 'asDuration' | 'asTime',
  (value: unknown) => string
> & {
  asMoment(value: unknown, now: number): string;
};
const format = (await import(String(new URL('../../public/js/format.js', import.meta.url)))) as Format;

describe('numbers on the page', () => {
  test.each([
    ['asMoney', '1000183.4', '1,000,183.40'],
    ['asMoney', '-0.005', '−0.01'],
    ['asMoney', '9007199254740993.11', '9,007,199,254,740,993.11'],
    ['asMoney', null, '–'],
    ['asMoney', undefined, '–'],
    ['asMoney', 'NaN', '–'],
    ['asMoney', '<b>', '–'],
    ['asPrice', '167.41050', '167.4105'],
    ['asPrice', '902.5', '902.50'],
    ['asShares', '-10.000', '−10'],
    ['asProfit', '12', '+12.00'],
    ['asProfit', '-12.345', '−12.35'],
    ['asProfit', '0', '0.00'],
    ['asProfit', '-0.0001', '0.00'],
    ['asProfit', null, '–'],
    ['toneOf', '0.000', ''],
    ['toneOf', '-0', ''],
    ['toneOf', '-0.01', 'down'],
    ['toneOf', '3', 'up'],
    ['toneOf', null, ''],
    ['asRate', 3.12, '3.1'],
    ['asRate', 12_345.6, '12,346'],
    ['asRate', null, '–'],
    ['asDuration', 2.04, '2 ms'],
    ['asDuration', 7_400, '7.4 s'],
    ['asDuration', 600_000, '10 min'],
    ['asTime', '2026-03-02T14:31:07.000Z', '09:31:07'],
    ['asTime', '2026-07-02T13:31:07.000Z', '09:31:07'],
    ['asTime', 'yesterday', '–'],
  ] as const)('%s(%j) is %s', (name, value, expected) => {
    expect(format[name](value)).toBe(expected);
  });

  test('a moment of another day carries its date', () => {
    const now = Date.parse('2026-03-04T15:00:00Z');
    expect(format.asMoment('2026-03-02T14:31:07Z', now)).toBe('2 Mar 09:31:07');
    expect(format.asMoment('2026-03-04T14:31:07Z', now)).toBe('09:31:07');
  });
});

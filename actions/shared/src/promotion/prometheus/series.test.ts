import { describe, expect, test } from '@jest/globals';
import { busiest, gapsIn, growth, minutes } from './series.ts';

const M = 60_000;
const series = (...values: number[]) => ({
  labels: {},
  points: values.map((value, index) => ({ t: index * M, value })),
});

describe('growth of a counter', () => {
  test('counts what came after the first point, and all of it after a restart', () => {
    expect(growth(series(5, 5, 7, 1, 1, 4), 10 * M)).toEqual([
      { t: 2 * M, by: 2 },
      { t: 3 * M, by: 1 },
      { t: 5 * M, by: 3 },
    ]);
  });

  test('counts the first value of a counter that was born within the range', () => {
    expect(growth(series(5, 6), -1)).toEqual([
      { t: 0, by: 5 },
      { t: M, by: 1 },
    ]);
  });
});

describe('the busiest hour', () => {
  test('is any sixty minutes, not those of the clock', () => {
    const grown = [10, 50, 69, 71, 200].map((minute) => ({ t: minute * M, by: 2 }));
    expect(busiest(grown, 60 * M)).toEqual({ sum: 6, at: 69 * M });
    expect(busiest([], 60 * M).sum).toBe(0);
  });
});

describe('gaps', () => {
  const range = { from: 0, to: 60 * M };
  test('are found at the beginning, within, and at the end', () => {
    const times = [10, 11, 12, 20, 21, 50].map((minute) => minute * M);
    expect(gapsIn(times, range, 5 * M)).toEqual([
      { from: 0, to: 10 * M },
      { from: 12 * M, to: 20 * M },
      { from: 21 * M, to: 50 * M },
      { from: 50 * M, to: 60 * M },
    ]);
  });

  test('are longer than allowed: exactly as long is none', () => {
    const times = Array.from({ length: 13 }, (_, index) => index * 5 * M);
    expect(gapsIn(times, range, 5 * M)).toEqual([]);
    expect(gapsIn([], range, 60 * M - 1)).toEqual([range]);
  });
});

test('a range lies on whole minutes, so that asking twice asks the same', () => {
  expect(minutes(90_001, 299_999)).toEqual({ from: 2 * M, to: 4 * M, step: M });
});

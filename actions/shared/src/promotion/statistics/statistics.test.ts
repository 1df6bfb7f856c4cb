import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { median, shiftRatio } from './effect.ts';
import { holm } from './holm.ts';
import { mannWhitney } from './mann-whitney.ts';
import { normalTail } from './normal.ts';

interface Case {
  name: string;
  method: 'exact' | 'asymptotic';
  x: number[];
  y: number[];
  u: number;
  p: { greater: number; less: number };
}
const { cases } = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures', 'scipy-1.17.1.json'), 'utf8')) as {
  cases: Case[];
};

const counted = (from: number, length: number, step = 1): number[] =>
  Array.from({ length }, (_, index) => from + index * step);

describe('the Mann–Whitney test', () => {
  test.each(cases)('agrees with SciPy: $name', ({ x, y, u, p, method }) => {
    const found = mannWhitney(x, y);
    expect(found.method).toBe(method === 'exact' ? 'exact' : 'normal');
    expect(found.u).toBe(x.length * y.length - u);
    expect(found.p).toBeCloseTo(p.less, 12);
    expect(found.p / p.less).toBeCloseTo(1, 9);
    const other = mannWhitney(y, x);
    expect(other.u).toBe(u);
    expect(other.p / p.greater).toBeCloseTo(1, 9);
  });

  // Critical values of U at one-sided 0.05 and 0.01, from the tables of Mann and Whitney as every textbook prints them.
  test.each([
    [5, 5, 4, 1],
    [6, 7, 8, 4],
    [8, 8, 15, 9],
    [10, 10, 27, 19],
    [12, 15, 55, 42],
    [20, 20, 138, 114],
  ])('has the tables’ critical values for samples of %i and %i', (m, n, at05, at01) => {
    for (const [level, critical] of [
      [0.05, at05],
      [0.01, at01],
    ] as const) {
      expect(tailOf(m, n, critical)).toBeLessThanOrEqual(level);
      expect(tailOf(m, n, critical + 1)).toBeGreaterThan(level);
    }
  });

  test('finds nothing where all values are one', () => {
    expect(mannWhitney([3, 3, 3, 3], [3, 3, 3])).toMatchObject({ p: 1, effect: 0 });
  });

  test('has an effect of 1 where every second value is larger, of −1 where every one is smaller', () => {
    expect(mannWhitney(counted(1, 8), counted(20, 8)).effect).toBe(1);
    expect(mannWhitney(counted(20, 8), counted(1, 8)).effect).toBe(-1);
  });

  test('refuses an empty sample and what is no number', () => {
    expect(() => mannWhitney([], [1])).toThrow(/empty/);
    expect(() => mannWhitney([1], [Number.NaN])).toThrow(/finite/);
  });

  test('does not care for the scale or the order of values', () => {
    const sample = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 2, maxLength: 30 });
    fc.assert(
      fc.property(sample, sample, (x, y) => {
        const { p, u } = mannWhitney(x, y);
        const scaled = mannWhitney(
          x.toReversed().map((value) => value * 4),
          y.toReversed().map((value) => value * 4),
        );
        expect(scaled).toMatchObject({ p, u });
        expect(p).toBeGreaterThanOrEqual(0);
        expect(p).toBeLessThanOrEqual(1);
      }),
    );
  });
});

/** P(U ≤ u) of samples of m and n, out of samples made to have that U. */
function tailOf(m: number, n: number, u: number): number {
  // The first sample's values are whole; each of the second's is put above as many of them as it takes.
  const second = Array.from({ length: n }, (_, index) => {
    const above = Math.max(0, Math.min(m, u - index * m));
    return above + 0.5 + index / 1000;
  });
  const first = counted(1, m);
  expect(mannWhitney(first, second).u).toBe(u);
  return mannWhitney(second, first).p;
}

describe('the normal tail', () => {
  // Abramowitz and Stegun, table 26.1 and 26.2.
  test.each([
    [0, 0.5],
    [1, 0.158655253931457],
    [1.96, 0.0249978951482204],
    [3, 0.00134989803163009],
    [5, 2.86651571879194e-7],
    [10, 7.61985302416052e-24],
  ])('above %d is %d', (z, expected) => {
    expect(normalTail(z) / expected).toBeCloseTo(1, 11);
    expect(normalTail(-z)).toBeCloseTo(1 - expected, 14);
  });
});

describe('the size of a shift', () => {
  test('is the factor between two samples, whatever their scatter', () => {
    const before = [10, 12, 9, 11, 30, 10.5];
    expect(shiftRatio(before, before)).toBeCloseTo(1, 12);
    expect(
      shiftRatio(
        before,
        before.map((value) => value * 1.2),
      ),
    ).toBeCloseTo(1.2, 12);
  });

  test('is the median of all pairs', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(shiftRatio([1, 2], [2, 8])).toBeCloseTo(Math.sqrt(2 * 4), 12);
  });
});

describe('Holm’s correction', () => {
  test('raises the smallest most, and never lets a larger one fall below a smaller one', () => {
    expect(holm([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02]);
    expect(holm([0.9, 0.6])).toEqual([1, 1]);
    expect(holm([0.2])).toEqual([0.2]);
  });
});

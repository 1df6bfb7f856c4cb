import type { PrometheusSeries, Range } from './client.ts';

const MINUTE = 60_000;

/** Points a minute apart, on whole minutes, so that the same question gives the same answer. */
export function minutes(from: number, to: number): Range {
  return { from: Math.ceil(from / MINUTE) * MINUTE, to: Math.floor(to / MINUTE) * MINUTE, step: MINUTE };
}

export interface Gap {
  from: number;
  to: number;
}

/** Times within a range, both ends included, that are without a point for longer than `maxMs`. */
export function gapsIn(times: readonly number[], range: Pick<Range, 'from' | 'to'>, maxMs: number): Gap[] {
  const gaps: Gap[] = [];
  let last = range.from;
  for (const t of [...times.toSorted((a, b) => a - b), range.to]) {
    if (t < last) continue;
    if (t - last > maxMs) gaps.push({ from: last, to: t });
    last = t;
  }
  return gaps;
}

/**
 * By how much a counter grew, at each of its points. Prometheus' own `increase` leaves out what a counter had when it was
 * first seen, and guesses at the ends; here the first value counts wherever the counter was born within the range, and
 * the whole value after each restart.
 * @param bornAfter a first point later than this is a birth
 */
export function growth({ points }: PrometheusSeries, bornAfter: number): { t: number; by: number }[] {
  const grown: { t: number; by: number }[] = [];
  let before: number | undefined;
  for (const { t, value } of points) {
    const by = before === undefined ? (t > bornAfter ? value : 0) : value >= before ? value - before : value;
    if (by > 0) grown.push({ t, by });
    before = value;
  }
  return grown;
}

/** The largest sum within any window of this length, and when that window ended. */
export function busiest(grown: readonly { t: number; by: number }[], windowMs: number): { sum: number; at: number } {
  const sorted = grown.toSorted((a, b) => a.t - b.t);
  let worst = { sum: 0, at: 0 };
  let sum = 0;
  let start = 0;
  for (const { t, by } of sorted) {
    sum += by;
    while (sorted[start]!.t <= t - windowMs) sum -= sorted[start++]!.by;
    if (sum > worst.sum) worst = { sum, at: t };
  }
  return worst;
}

export const minute = (t: number): string => `${new Date(t).toISOString().slice(0, 16)}Z`;

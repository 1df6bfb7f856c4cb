/** A run of numbers, both ends included. */
export type Range = readonly [from: number, to: number];

/** The runs of `range` that are not in `taken`, which is sorted and does not overlap. */
export function without(range: Range, taken: readonly Range[]): Range[] {
  const left: Range[] = [];
  let [from] = range;
  const [, to] = range;
  for (const [start, end] of taken) {
    if (end < from || start > to) continue;
    if (start > from) left.push([from, start - 1]);
    from = end + 1;
  }
  if (from <= to) left.push([from, to]);
  return left;
}

export const countOf = ([from, to]: Range): number => to - from + 1;

/** Splits ticks in ascending order into runs of consecutive numbers. */
export function runsOf<T extends { n: number }>(items: readonly T[]): T[][] {
  const runs: T[][] = [];
  for (const item of items) {
    const run = runs.at(-1);
    if (run !== undefined && run.at(-1)!.n + 1 === item.n) run.push(item);
    else runs.push([item]);
  }
  return runs;
}

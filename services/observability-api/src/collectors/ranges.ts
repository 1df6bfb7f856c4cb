/** A run of numbers, both ends included. */
export type Range = readonly [from: number, to: number];

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

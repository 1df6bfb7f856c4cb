/**
 * p-values of several tests, each raised so far that the chance of any false alarm among all stays below the level
 * that they are then held against (Holm, Scand. J. Statist. 6, 1979). In the order in which they were given.
 */
export function holm(values: readonly number[]): number[] {
  const order = values.map((_, index) => index).sort((a, b) => values[a]! - values[b]!);
  const adjusted = [...values];
  let least = 0;
  for (const [rank, index] of order.entries()) {
    least = Math.max(least, Math.min(1, (values.length - rank) * values[index]!));
    adjusted[index] = least;
  }
  return adjusted;
}

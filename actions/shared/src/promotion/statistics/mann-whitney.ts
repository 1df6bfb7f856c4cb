import { normalTail } from './normal.ts';

export interface MannWhitney {
  /** U of the second sample: pairs in which its value is the larger one, ties for a half. */
  u: number;
  /** P of a U at least as large, were both of one distribution: small where the second sample is larger. */
  p: number;
  /** How `p` was found. */
  method: 'exact' | 'normal';
  /** Rank-biserial correlation, −1…1: share of pairs with a larger second value less share with a smaller one. */
  effect: number;
}

/** Up to here every arrangement is counted; above, the normal approximation is good to three digits. */
const EXACT_UP_TO = 20;

/**
 * One-sided Mann–Whitney U test (Mann and Whitney, Ann. Math. Statist. 18, 1947): is the second sample larger? Exact
 * by their recurrence for small samples without ties; else the normal approximation with continuity correction and
 * the variance corrected for ties (Lehmann, Nonparametrics, 1975, 1.4).
 * Rank-biserial effect: Kerby, Comprehensive Psychology 3, 2014.
 */
export function mannWhitney(first: readonly number[], second: readonly number[]): MannWhitney {
  const [m, n] = [first.length, second.length];
  if (m === 0 || n === 0) throw new RangeError('the Mann–Whitney test needs two samples, found an empty one');
  if ([...first, ...second].some((value) => !Number.isFinite(value)))
    throw new RangeError('the Mann–Whitney test needs finite numbers');
  const { ranks, ties } = rank([...first, ...second]);
  const rankSum = ranks.slice(m).reduce((sum, value) => sum + value, 0);
  const u = rankSum - (n * (n + 1)) / 2;
  const exact = ties === 0 && Math.max(m, n) <= EXACT_UP_TO;
  return {
    u,
    p: exact ? exactTail(u, m, n) : approximateTail(u, m, n, ties),
    method: exact ? 'exact' : 'normal',
    effect: (2 * u) / (m * n) - 1,
  };
}

/** Midranks from 1, and Σ(t³ − t) over groups of t equal values. */
function rank(values: readonly number[]): { ranks: number[]; ties: number } {
  const order = values.map((_, index) => index).sort((a, b) => values[a]! - values[b]!);
  const ranks = Array.from({ length: values.length }, () => 0);
  let ties = 0;
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (let at = start; at < end; at++) ranks[order[at]!] = (start + 1 + end) / 2;
    const same = end - start;
    ties += same ** 3 - same;
    start = end;
  }
  return { ranks, ties };
}

/** P(U ≥ u): shares of the arrangements of m and n values, by f(m, n, u) = f(m−1, n, u−n) + f(m, n−1, u). */
function exactTail(u: number, m: number, n: number): number {
  // counts[j][u]: arrangements of the first i of m values with j of n; at most C(40, 20), exact in a double.
  let counts = Array.from({ length: n + 1 }, () => [1]);
  for (let i = 1; i <= m; i++) {
    const next: number[][] = [[1]];
    for (let j = 1; j <= n; j++) {
      const row = Array.from({ length: i * j + 1 }, () => 0);
      for (const [at, count] of (counts[j] ?? []).entries()) row[at + j]! += count;
      for (const [at, count] of (next[j - 1] ?? []).entries()) row[at]! += count;
      next.push(row);
    }
    counts = next;
  }
  const all = counts[n] ?? [];
  const total = all.reduce((sum, count) => sum + count, 0);
  return all.slice(Math.ceil(u)).reduce((sum, count) => sum + count, 0) / total;
}

function approximateTail(u: number, m: number, n: number, ties: number): number {
  const total = m + n;
  const variance = ((m * n) / 12) * (total + 1 - ties / (total * (total - 1)));
  // All values are equal: nothing speaks for a difference.
  if (!(variance > 0)) return 1;
  return normalTail((u - (m * n) / 2 - 0.5) / Math.sqrt(variance));
}

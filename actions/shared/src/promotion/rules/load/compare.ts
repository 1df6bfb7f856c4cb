import { shiftRatio } from '../../statistics/effect.ts';
import { holm } from '../../statistics/holm.ts';
import { mannWhitney } from '../../statistics/mann-whitney.ts';

/** One latency: a sample a second, in ms, in the order of time. */
export interface Figure {
  name: string;
  before: readonly number[];
  after: readonly number[];
}

export interface CompareTerms {
  /** 0.1: a tenth more is tolerated. */
  tolerance: number;
  /** Chance of a false alarm over all figures together. */
  alpha: number;
  /** Rank-biserial effect, 0…1. */
  minEffect: number;
}

export interface Comparison {
  name: string;
  /** By what factor it is slower: 1.2 is a fifth. */
  ratio: number;
  /** After Holm's correction for all figures. */
  p: number;
  /** Rank-biserial, −1…1. */
  effect: number;
  isSlower: boolean;
}

/**
 * Whether latencies have grown. A figure is slower where all three say so: the difference is no chance (Mann–Whitney, corrected
 * for the number of figures by Holm), most seconds are slower than before (effect), and it is more than is tolerated
 * (Hodges–Lehmann).
 */
export function compareFigures(figures: readonly Figure[], terms: CompareTerms): Comparison[] {
  const tests = figures.map(({ before, after }) => mannWhitney(before, after));
  const adjusted = holm(tests.map(({ p }) => p));
  return figures.map(({ name, before, after }, index) => {
    const ratio = shiftRatio(before, after);
    const { effect } = tests[index]!;
    const p = adjusted[index]!;
    const isSlower = p < terms.alpha && effect >= terms.minEffect && ratio > 1 + terms.tolerance;
    return { name, ratio, p, effect, isSlower };
  });
}

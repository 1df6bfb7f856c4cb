import type { Rule } from '../types.ts';
import { judgement, unless } from './judgement.ts';

/** Soak and alerts are counted by two clocks that have to be one. */
export const clock: Rule<'clock'> = {
  name: 'clock',
  title: 'clocks agree',
  source: 'GitHub, Prometheus',
  waivable: true,
  codes: { CLOCKS_APART: 'GitHub and Prometheus do not have the same time' },
  async judge(context, { tolerance_seconds }) {
    const before = await context.now();
    const there = await context.prometheus().now();
    const apart = Math.round(Math.abs(there - before) / 1000);
    return judgement(
      `${apart} s apart`,
      `at most ${tolerance_seconds} s`,
      // Written so that a NaN blocks, too.
      unless(
        apart <= tolerance_seconds,
        'CLOCKS_APART',
        `Prometheus has ${new Date(there).toISOString()} when GitHub has ${new Date(before).toISOString()}: what it says of the soak is about another time`,
      ),
    );
  },
};

import type { Judgement, Problem } from '../types.ts';

export const HOUR = 3_600_000;
export const MINUTE = 60_000;
/** Clocks of two machines differ; what is dated further in the future than this is not believed. */
export const SKEW = 5 * MINUTE;

export function judgement(seen: string, wanted: string, ...problems: readonly (Problem | undefined)[]): Judgement {
  return { seen, wanted, problems: problems.filter((problem) => problem !== undefined) };
}

/** A problem where it does not hold. */
export const unless = (holds: boolean, code: string, message: string): Problem | undefined =>
  holds ? undefined : { code, message };

/** `51.2 h` */
export const hoursOf = (ms: number): string => `${Math.floor(ms / 360_000) / 10} h`;

export const short = (digest: string): string => digest.replace(/^sha256:/, '').slice(0, 12);

import type { Clock } from '../deliver/clock.ts';
import { GITHUB_FAILURES, GitHubFailure } from './failure.ts';

export type GitHubClock = Pick<Clock, 'now' | 'sleep'>;

export interface GitHubPatience {
  /** The first one included. */
  tries: number;
  /** Ceiling of the first pause, ms; it doubles with each try. */
  baseMs: number;
  /** Ceiling of all pauses, ms. */
  capMs: number;
  /** A limit that ends later than this is not waited for, ms. */
  limitMaxMs: number;
}
export const GITHUB_PATIENCE: GitHubPatience = { tries: 5, baseMs: 500, capMs: 20_000, limitMaxMs: 180_000 };

export interface RetryDeps {
  clock: GitHubClock;
  patience: GitHubPatience;
  /** 0 ≤ x < 1 */
  random: () => number;
  signal?: AbortSignal | undefined;
  onRetry?: ((event: GitHubRetry) => void) | undefined;
}

export interface GitHubRetry {
  tried: number;
  pauseMs: number;
  why: string;
}

/**
 * How long to wait after try number `tried` (1, 2, …), ms; undefined: give up. Full jitter, and never less than GitHub
 * asks for; see {@link GITHUB_FAILURES} for what is worth another try.
 */
export function pauseAfterFailure(
  tried: number,
  failure: GitHubFailure,
  isRepeatable: boolean,
  { patience, random }: Pick<RetryDeps, 'patience' | 'random'>,
): number | undefined {
  const { retry } = GITHUB_FAILURES[failure.kind];
  if (tried >= patience.tries || retry === 'never' || (retry === 'repeatable' && !isRepeatable)) return undefined;
  const jitter = Math.floor(random() * Math.min(patience.capMs, patience.baseMs * 2 ** (tried - 1)));
  if (failure.waitMs === undefined) return jitter;
  return failure.waitMs > patience.limitMaxMs ? undefined : failure.waitMs + jitter;
}

/** @throws GitHubFailure the last one, with the number of tries; the caller's abort as it is */
export async function retrying<T>(isRepeatable: boolean, deps: RetryDeps, act: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried++) {
    deps.signal?.throwIfAborted();
    try {
      return await act();
    } catch (error) {
      deps.signal?.throwIfAborted();
      if (!(error instanceof GitHubFailure)) throw error;
      error.tries = tried;
      const pauseMs = pauseAfterFailure(tried, error, isRepeatable, deps);
      if (pauseMs === undefined) throw error;
      deps.onRetry?.({ tried, pauseMs, why: error.message });
      await deps.clock.sleep(pauseMs, deps.signal);
    }
  }
}

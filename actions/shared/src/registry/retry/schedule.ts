import { setTimeout as delay } from 'node:timers/promises';
import { FAILURES, RegistryFailure } from './failure.ts';

export interface RetryPolicy {
  /** The first one included. */
  tries: number;
  /** Ceiling of the first pause, ms; it doubles with each try. */
  baseMs: number;
  /** Ceiling of all pauses, ms. */
  capMs: number;
  /** A registry that wants us to wait longer than this is not waited for, ms. */
  retryAfterMaxMs: number;
}
export const RETRY: RetryPolicy = { tries: 6, baseMs: 500, capMs: 20_000, retryAfterMaxMs: 120_000 };

/** Waiting and chance, injected: tests use neither a clock nor dice. */
export interface Chance {
  /** 0 ≤ x < 1 */
  random?: () => number;
  /** Rejects when the signal is aborted. */
  sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/**
 * How long to wait after try number `tried` (1, 2, …) failed, ms; undefined: not at all, give up.
 * Full jitter: anywhere below a ceiling that doubles, so that clients that failed together do not come back
 * together (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). What the registry asks for
 * is never undercut.
 */
export function pauseAfter(
  tried: number,
  failure: RegistryFailure,
  policy: RetryPolicy,
  random: () => number,
): number | undefined {
  if (!FAILURES[failure.kind].retry || tried >= policy.tries) return undefined;
  const ceiling = Math.min(policy.capMs, policy.baseMs * 2 ** (tried - 1));
  const jitter = Math.floor(random() * ceiling);
  if (failure.retryAfterMs === undefined) return jitter;
  return failure.retryAfterMs > policy.retryAfterMaxMs ? undefined : failure.retryAfterMs + jitter;
}

export interface RetryEvent {
  tried: number;
  failure: RegistryFailure;
  pauseMs: number;
}

export interface RetryOptions extends Chance {
  policy?: RetryPolicy;
  signal?: AbortSignal | undefined;
  onRetry?: (event: RetryEvent) => void;
}

/** A failure that stood after all tries, and how many there were. */
export interface Tried {
  failure: unknown;
  tries: number;
}

/**
 * Does something until it works, its failure is not worth another try, or the tries are used up.
 * @throws what the last try threw, through `giveUp`
 */
export async function withRetries<T>(
  act: (tried: number) => Promise<T>,
  options: RetryOptions,
  giveUp: (last: Tried) => unknown = ({ failure }) => failure,
): Promise<T> {
  const { policy = RETRY, random = Math.random, sleep = pause, signal, onRetry } = options;
  for (let tried = 1; ; tried++) {
    signal?.throwIfAborted();
    try {
      return await act(tried);
    } catch (error) {
      signal?.throwIfAborted();
      const pauseMs = error instanceof RegistryFailure ? pauseAfter(tried, error, policy, random) : undefined;
      if (pauseMs === undefined) throw giveUp({ failure: error, tries: tried });
      onRetry?.({ tried, failure: error as RegistryFailure, pauseMs });
      await sleep(pauseMs, signal);
    }
  }
}

async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms, undefined, signal === undefined ? {} : { signal });
}

/** `Retry-After`: seconds or an HTTP date (RFC 9110, 10.2.3); undefined where it is absent or neither. */
export function parseRetryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  const text = value.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const at = /^[A-Z][a-z]{2}, /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

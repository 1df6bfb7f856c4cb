import { messageOf } from '@papergate/config';
import type { Beat } from '../watchdog/beat.ts';
import { readDecision } from './decision.ts';
import type { Decision } from './plugin.ts';

/**
 * `threw`: an error came out of it. `output`: what it gave is no decision. `slow`: it held everything up. `stuck`: it held
 * everything up for good, in the process before this one.
 */
export type FailureReason = 'threw' | 'output' | 'slow' | 'stuck';

export interface Failure {
  reason: FailureReason;
  detail: string;
}

export interface GuardLimits {
  /** A call that takes longer is counted as slow, ms. */
  slowMs: number;
  /** A call that takes longer is the last, ms. */
  stopMs: number;
  /** So many slow calls in a row are too many. */
  slowRun: number;
}

export const GUARD_LIMITS: GuardLimits = { slowMs: 50, stopMs: 1_000, slowRun: 10 };

export interface GuardOptions {
  /** Told once, when it is stopped. */
  onFailure: (failure: Failure) => void;
  onSlow: (ms: number) => void;
  /** ms, monotonic; without it nothing is measured, so that a backtest does not depend on the machine. */
  now?: (() => number) | undefined;
  limits?: GuardLimits;
  /** Told when its code gets the thread and gives it back. */
  beat?: Beat | undefined;
}

/**
 * Stands between the service and one strategy's code: what it throws, what it gives that is no decision, and what takes
 * too long stops this strategy, on all its symbols and until the process ends, and no other. A call that never returns
 * is beyond it: the thread is gone with it. That is for the watchdog (`../watchdog`), which ends the process.
 */
export class Guard {
  readonly #options: GuardOptions;
  readonly #limits: GuardLimits;
  #failure: Failure | undefined;
  #slowRun = 0;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#limits = options.limits ?? GUARD_LIMITS;
  }

  /** Why it was stopped; undefined while it runs. */
  get failure(): Failure | undefined {
    return this.#failure;
  }

  /** What a strategy on `symbol` decides, made sure of; undefined for nothing, and for a failure. */
  decide<T>(ask: (about: T) => unknown, about: T, symbol: string): Decision | undefined {
    const value = this.run(ask, about);
    if (value === undefined || value === null || this.#failure !== undefined) return undefined;
    // Its getters are its code, too.
    const decision = this.watched(() => readUnharmed(value, symbol));
    if (!('problem' in decision)) return decision;
    this.#stop('output', decision.problem);
    return undefined;
  }

  run<T, R>(call: (about: T) => R, about: T): R | undefined {
    if (this.#failure !== undefined) return undefined;
    const { now } = this.#options;
    const startedAt = now?.() ?? 0;
    let value: R;
    const { beat } = this.#options;
    try {
      beat?.enter();
      value = call(about);
      beat?.leave();
    } catch (error) {
      beat?.leave();
      this.#stop('threw', thrown(error));
      return undefined;
    }
    if (now !== undefined) this.#measure(now() - startedAt);
    return value;
  }

  /** For whatever else runs its code; errors go to the caller. */
  watched<T>(act: () => T): T {
    const { beat } = this.#options;
    if (beat === undefined) return act();
    beat.enter();
    try {
      return act();
    } finally {
      beat.leave();
    }
  }

  /** It is not asked any more, for something that it did before. */
  stop(failure: Failure): void {
    if (this.#failure === undefined) this.#stop(failure.reason, failure.detail);
  }

  #measure(ms: number): void {
    const { slowMs, stopMs, slowRun } = this.#limits;
    if (ms <= slowMs) {
      this.#slowRun = 0;
      return;
    }
    this.#slowRun += 1;
    this.#options.onSlow(ms);
    if (ms > stopMs) this.#stop('slow', `one call took ${Math.round(ms)} ms, allowed: ${stopMs}`);
    else if (this.#slowRun >= slowRun) {
      this.#stop('slow', `${slowRun} calls in a row took longer than ${slowMs} ms, the last ${Math.round(ms)}`);
    }
  }

  #stop(reason: FailureReason, detail: string): void {
    this.#failure = { reason, detail: detail.slice(0, 300) };
    this.#options.onFailure(this.#failure);
  }
}

function readUnharmed(value: unknown, symbol: string): Decision | { problem: string } {
  try {
    return readDecision(value, symbol);
  } catch (error) {
    return { problem: `its decision cannot be read: ${thrown(error)}` };
  }
}

/** Also of an error whose own message throws. */
function thrown(error: unknown): string {
  try {
    return messageOf(error);
  } catch {
    return 'something that cannot even be shown';
  }
}

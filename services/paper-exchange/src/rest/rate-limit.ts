/** What the `X-RateLimit-*` headers of one answer say. `reset` in seconds since 1970. */
export interface RateState {
  limit: number;
  remaining: number;
  reset: number;
  exceeded: boolean;
}

/** Alpaca's limit: so many requests in each minute of the account; a fixed window by the wall clock. */
export class RateLimiter {
  readonly #limit: number;
  readonly #nowMs: () => number;
  #minute = -1;
  #used = 0;

  constructor(limit: number, nowMs: () => number = Date.now) {
    this.#limit = limit;
    this.#nowMs = nowMs;
  }

  /** Counts a request; `undefined` where there is no limit. */
  take(): RateState | undefined {
    if (this.#limit === 0) return undefined;
    const minute = Math.floor(this.#nowMs() / 60_000);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#used = 0;
    }
    this.#used += 1;
    return {
      limit: this.#limit,
      remaining: Math.max(0, this.#limit - this.#used),
      reset: (minute + 1) * 60,
      exceeded: this.#used > this.#limit,
    };
  }
}

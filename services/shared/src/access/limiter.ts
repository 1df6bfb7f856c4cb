/**
 * Requests a second per name, as a bucket that refills evenly and holds one second's worth (GCRA: the bucket is one number,
 * the time at which it will be full again). In memory and per service: names are those of tokens, so it is bounded by them.
 */
export class RateLimiter {
  readonly #now: () => number;
  readonly #fullAt = new Map<string, number>();

  /** @param now monotonic, ms */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** 0 where it may pass; else after how many ms it may. What may not pass costs nothing. */
  take(name: string, perSecond: number): number {
    const now = this.#now();
    const step = 1000 / perSecond;
    const fullAt = Math.max(this.#fullAt.get(name) ?? now, now);
    const wait = fullAt + step - now - 1000;
    // A thousandth of a millisecond: sums of fractions such as 1000/3 come out a little above.
    if (wait > 0.001) return wait;
    this.#fullAt.set(name, fullAt + step);
    return 0;
  }
}

/** The last `limit` moments at which an order was let through: exact, and constant in time and memory. */
export class RateWindow {
  readonly #moments: Float64Array;
  #next = 0;

  constructor(limit: number) {
    this.#moments = new Float64Array(limit).fill(-Infinity);
  }

  /** Whether `limit` orders went through within the last `windowMs`. */
  full(now: number, windowMs: number): boolean {
    return now - (this.#moments[this.#next] ?? -Infinity) < windowMs;
  }

  add(now: number): void {
    this.#moments[this.#next] = now;
    this.#next = (this.#next + 1) % this.#moments.length;
  }

  clear(): void {
    this.#moments.fill(-Infinity);
  }
}

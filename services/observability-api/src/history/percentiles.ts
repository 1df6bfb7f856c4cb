export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
  count: number;
}

/** Values of one stretch of time; at most `capacity` are kept, chosen evenly (reservoir sampling), so that any rate fits. */
export class Sampler {
  #values: number[] = [];
  #seen = 0;
  readonly #capacity: number;
  readonly #random: () => number;

  constructor(capacity = 2_000, random: () => number = Math.random) {
    this.#capacity = capacity;
    this.#random = random;
  }

  add(value: number): void {
    this.#seen += 1;
    if (this.#values.length < this.#capacity) {
      this.#values.push(value);
      return;
    }
    const at = Math.floor(this.#random() * this.#seen);
    if (at < this.#capacity) this.#values[at] = value;
  }

  /** The stretch ends here and the next begins; null where it was empty. */
  take(): Percentiles | null {
    const values = this.#values.toSorted((a, b) => a - b);
    const count = this.#seen;
    this.#values = [];
    this.#seen = 0;
    if (values.length === 0) return null;
    return { p50: at(values, 0.5), p95: at(values, 0.95), p99: at(values, 0.99), count };
  }
}

/** Nearest rank. */
function at(sorted: readonly number[], quantile: number): number {
  const rank = Math.max(0, Math.ceil(quantile * sorted.length) - 1);
  return Math.round(sorted[rank]! * 1000) / 1000;
}

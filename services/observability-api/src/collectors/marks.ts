import type { Tick } from '@papergate/service-kit';

export interface Mark {
  /** Micros: the middle of the last quote, or the last trade where there is no quote. */
  price: number;
  /** µs since 1970 of its arrival. */
  at: number;
}

/** What a share is worth now, for profit and loss that is not realized: the same rule as risk-manager's. */
export class Marks {
  readonly #marks = new Map<string, Mark & { quoted: boolean }>();

  accept(ticks: readonly Tick[]): void {
    for (const tick of ticks) {
      const { b, a, p } = tick;
      if (b !== undefined && a !== undefined && b > 0 && a > 0) {
        this.#marks.set(tick.s, { price: Math.round((a + b) / 2), at: tick.r, quoted: true });
      } else if (p !== undefined && this.#marks.get(tick.s)?.quoted !== true) {
        this.#marks.set(tick.s, { price: p, at: tick.r, quoted: false });
      }
    }
  }

  get(symbol: string): Mark | undefined {
    return this.#marks.get(symbol);
  }
}

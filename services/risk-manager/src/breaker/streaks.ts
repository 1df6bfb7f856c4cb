import type { Fill } from '@papergate/service-kit';
import { nanos, attos, type Attos } from '../units.ts';

export interface ClosedTrade {
  symbol: string;
  side: 'buy' | 'sell';
  quantity: string;
  realizedPnl: string;
}

/**
 * Positions that were closed at a loss, one after the other without a gain in between. A position counts once,
 * from zero to zero (or through it), however many fills took it there: ten partial fills are not ten losses.
 */
export class LossStreak {
  readonly #open = new Map<string, { pnl: Attos; side: number }>();
  readonly #onChange: (length: number) => void;
  #length = 0;

  constructor(onChange: (length: number) => void = () => undefined) {
    this.#onChange = onChange;
  }

  get length(): number {
    return this.#length;
  }

  clear(): void {
    this.#length = 0;
    this.#onChange(0);
  }

  /** A fill with the position that it left behind. */
  add(symbol: string, realized: Attos, quantityAfter: bigint): void {
    const episode = this.#open.get(symbol) ?? { pnl: 0n, side: 0 };
    const side = quantityAfter === 0n ? 0 : quantityAfter > 0n ? 1 : -1;
    const pnl = episode.pnl + realized;
    const ended = episode.side !== 0 ? side !== episode.side : side === 0 && realized !== 0n;
    if (ended && pnl !== 0n) this.#length = pnl < 0n ? this.#length + 1 : 0;
    this.#open.set(symbol, { pnl: ended ? 0n : pnl, side });
    this.#onChange(this.#length);
  }

  addFill(fill: Fill, realized: Attos): void {
    this.add(fill.symbol, realized, nanos(fill.position.quantity));
  }

  /** Rebuilds the streak from trades, oldest first, and the positions that they led to. */
  replay(trades: readonly ClosedTrade[], positions: ReadonlyMap<string, bigint>): void {
    const after = new Map(positions);
    const steps = trades.toReversed().map((trade) => {
      const quantity = after.get(trade.symbol) ?? 0n;
      after.set(trade.symbol, quantity - (trade.side === 'buy' ? 1n : -1n) * nanos(trade.quantity));
      return { trade, quantity };
    });
    this.#open.clear();
    this.#length = 0;
    for (const [symbol, quantity] of after) {
      this.#open.set(symbol, { pnl: 0n, side: quantity === 0n ? 0 : quantity > 0n ? 1 : -1 });
    }
    for (const { trade, quantity } of steps.toReversed()) this.add(trade.symbol, attos(trade.realizedPnl), quantity);
  }
}

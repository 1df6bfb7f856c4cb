import { divideRounded, valueOf, type MoneyFemtos, type PriceMicros, type QtyNanos } from '../units/amounts.ts';
import type { Side } from '../matching/book.ts';

export interface Position {
  symbol: string;
  /** Signed: negative is short. Never 0: a closed position is gone. */
  qty: QtyNanos;
  /** Signed like `qty`: what the open shares cost (a short's proceeds, negative). */
  cost: MoneyFemtos;
}

/** What a fill did to the account. */
export interface Booking {
  realized: MoneyFemtos;
  position: QtyNanos;
  cash: MoneyFemtos;
}

/**
 * Cash and positions, moved by fills and by nothing else. Average-cost accounting, as Alpaca's
 * `avg_entry_price` (https://docs.alpaca.markets/docs/position-average-entry-price-calculation). Cash is exact;
 * only the split of a cost basis at a partial close is rounded, by less than 10⁻¹⁵ USD.
 */
export class Account {
  readonly startingCash: MoneyFemtos;
  readonly positions = new Map<string, Position>();
  cash: MoneyFemtos;
  realized: MoneyFemtos = 0n;

  constructor(startingCash: MoneyFemtos) {
    this.startingCash = startingCash;
    this.cash = startingCash;
  }

  /** Back to the starting cash and nothing else. */
  reset(): void {
    this.positions.clear();
    this.cash = this.startingCash;
    this.realized = 0n;
  }

  /** As it was left by an earlier process. */
  restore(left: { cash: MoneyFemtos; realized: MoneyFemtos; positions: Iterable<Position> }): void {
    this.cash = left.cash;
    this.realized = left.realized;
    this.positions.clear();
    for (const position of left.positions) this.positions.set(position.symbol, position);
  }

  /** Signed quantity held; 0 where there is no position. */
  held(symbol: string): QtyNanos {
    return this.positions.get(symbol)?.qty ?? 0n;
  }

  book(symbol: string, side: Side, price: PriceMicros, qty: QtyNanos): Booking {
    const value = valueOf(price, qty);
    const signed = side === 'buy' ? qty : -qty;
    this.cash += side === 'buy' ? -value : value;

    const before = this.positions.get(symbol) ?? { symbol, qty: 0n, cost: 0n };
    const closing = before.qty > 0n === signed > 0n ? 0n : min(abs(before.qty), qty);
    // Shares that end a position leave at its average cost; shares beyond it open the other way at this price.
    const released = closing === 0n ? 0n : divideRounded(before.cost * closing, abs(before.qty));
    const proceeds = valueOf(price, closing);
    const realized = closing === 0n ? 0n : side === 'sell' ? proceeds - released : -released - proceeds;
    const opening = qty - closing;
    const after = before.qty + signed;
    const cost = before.cost - released + (side === 'buy' ? 1n : -1n) * valueOf(price, opening);

    this.realized += realized;
    if (after === 0n) this.positions.delete(symbol);
    else this.positions.set(symbol, { symbol, qty: after, cost });
    return { realized, position: after, cash: this.cash };
  }
}

export const abs = (value: bigint): bigint => (value < 0n ? -value : value);
export const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
export const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);

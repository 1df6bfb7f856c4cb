import type { MarketTick } from '../market/tick.ts';

/** An exact sum of non-negative integers: a plain number until it would lose its last digit. */
class Sum {
  #low = 0;
  #high = 0n;

  add(value: number): void {
    this.#low += value;
    if (this.#low > 2 ** 52) {
      this.#high += BigInt(this.#low);
      this.#low = 0;
    }
  }

  toString(): string {
    return (this.#high + BigInt(this.#low)).toString();
  }
}

class SymbolSent {
  trades = 0;
  quotes = 0;
  bars = 0;
  readonly price = new Sum();
  readonly size = new Sum();
  readonly bid = new Sum();
  readonly bidSize = new Sum();
  readonly ask = new Sum();
  readonly askSize = new Sum();
}

/**
 * Counts what went out on the data stream, per symbol and kind, with sums that do not depend on the order:
 * whoever stores the ticks can prove by count and sum that it has each of them.
 */
export class Sent {
  readonly #bySymbol = new Map<string, SymbolSent>();
  trades = 0;
  quotes = 0;

  of(symbol: string): SymbolSent {
    let found = this.#bySymbol.get(symbol);
    if (found === undefined) this.#bySymbol.set(symbol, (found = new SymbolSent()));
    return found;
  }

  count(into: SymbolSent, tick: MarketTick): void {
    if (tick.kind === 't') {
      this.trades += 1;
      into.trades += 1;
      into.price.add(tick.price);
      into.size.add(Math.round(tick.size * 1e6));
    } else {
      this.quotes += 1;
      into.quotes += 1;
      into.bid.add(tick.bid);
      into.bidSize.add(Math.round(tick.bidSize * 1e6));
      into.ask.add(tick.ask);
      into.askSize.add(Math.round(tick.askSize * 1e6));
    }
  }

  /** Sums are decimal text: prices in micros, sizes in millionths of a share. */
  toJSON(): Record<string, unknown> {
    const bySymbol: Record<string, unknown> = {};
    for (const [symbol, sent] of [...this.#bySymbol].sort(([a], [b]) => (a < b ? -1 : 1))) {
      bySymbol[symbol] = {
        trades: sent.trades,
        quotes: sent.quotes,
        bars: sent.bars,
        sums: {
          price: sent.price.toString(),
          size: sent.size.toString(),
          bid: sent.bid.toString(),
          bid_size: sent.bidSize.toString(),
          ask: sent.ask.toString(),
          ask_size: sent.askSize.toString(),
        },
      };
    }
    return { total: this.trades + this.quotes, trades: this.trades, quotes: this.quotes, by_symbol: bySymbol };
  }
}

export type { SymbolSent };

import { formatScaled } from '../units/amounts.ts';
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

  total(): bigint {
    return this.#high + BigInt(this.#low);
  }
}

/** Ticks of one kind of one symbol. */
class KindSent {
  count = 0;
  readonly #prices = new Sum();
  readonly #wholeSizes = new Sum();
  /** Billionths of a share, of the sizes that are no whole shares. */
  readonly #partSizes = new Sum();

  add(price: number, size: number): void {
    this.count += 1;
    this.#prices.add(price);
    if (Number.isInteger(size)) this.#wholeSizes.add(size);
    else {
      this.#wholeSizes.add(Math.floor(size));
      this.#partSizes.add(Math.round((size - Math.floor(size)) * 1e9));
    }
  }

  toJSON(): { count: number; price_sum: string; size_sum: string } {
    const sizes = this.#wholeSizes.total() * 10n ** 9n + this.#partSizes.total();
    return { count: this.count, price_sum: this.#prices.total().toString(), size_sum: formatScaled(sizes, 9) };
  }
}

export class SymbolSent {
  readonly trades = new KindSent();
  readonly quotes = new KindSent();
  bars = 0;
}

/**
 * Counts what went out on the data stream, per symbol and kind, with the sums of the architecture's "sums
 * that prove completeness": they do not depend on the order, so whoever stores the ticks can prove by them
 * that it has each of them.
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
      into.trades.add(tick.price, tick.size);
    } else {
      this.quotes += 1;
      into.quotes.add(tick.bid + tick.ask, tick.bidSize + tick.askSize);
    }
  }

  toJSON(): Record<string, unknown> {
    const bySymbol = Object.fromEntries([...this.#bySymbol].sort(([a], [b]) => (a < b ? -1 : 1)));
    return { total: this.trades + this.quotes, trades: this.trades, quotes: this.quotes, by_symbol: bySymbol };
  }
}

import type { Tick } from '@papergate/service-kit';

/** Count and content of the ticks of one symbol and kind, as docs/architecture.md defines it; it does not depend on order. */
export interface Sums {
  count: number;
  /** Micros, as decimal text. */
  price_sum: string;
  /** Decimal text. */
  size_sum: string;
}

export interface SymbolSums {
  trades: Sums;
  quotes: Sums;
}

const CARRY = 2 ** 52;

/** An exact sum of safe integers: a double takes the additions and is emptied into a bigint before it can round. */
class ExactSum {
  #low = 0;
  #high = 0n;

  add(value: number): void {
    this.#low += value;
    if (this.#low >= CARRY) this.#carry();
  }

  #carry(): void {
    this.#high += BigInt(this.#low);
    this.#low = 0;
  }

  get value(): bigint {
    return this.#high + BigInt(this.#low);
  }
}

class Tally {
  count = 0;
  readonly prices = new ExactSum();
  /** In millionths: fractional sizes must add up exactly, whatever their order. */
  readonly sizes = new ExactSum();

  toJSON(): Sums {
    return { count: this.count, price_sum: String(this.prices.value), size_sum: millionths(this.sizes.value) };
  }
}

function millionths(value: bigint): string {
  const whole = value / 1_000_000n;
  const fraction = String(value % 1_000_000n)
    .padStart(6, '0')
    .replace(/0+$/, '');
  return fraction === '' ? String(whole) : `${whole}.${fraction}`;
}

const sizeUnits = (size: number | undefined): number => (size === undefined ? 0 : Math.round(size * 1e6));

/** The sums of every symbol of a tape. */
export class Ledger {
  readonly #bySymbol = new Map<string, { trades: Tally; quotes: Tally }>();

  constructor(symbols: Iterable<string>) {
    for (const symbol of symbols) this.#bySymbol.set(symbol, { trades: new Tally(), quotes: new Tally() });
  }

  add(tick: Tick): void {
    const entry = this.#bySymbol.get(tick.s);
    if (entry === undefined) return;
    if (tick.k === 't') {
      entry.trades.count += 1;
      entry.trades.prices.add(tick.p ?? 0);
      entry.trades.sizes.add(sizeUnits(tick.v));
    } else {
      entry.quotes.count += 1;
      entry.quotes.prices.add((tick.b ?? 0) + (tick.a ?? 0));
      entry.quotes.sizes.add(sizeUnits(tick.bs));
      entry.quotes.sizes.add(sizeUnits(tick.as));
    }
  }

  report(): Record<string, SymbolSums> {
    const report: Record<string, SymbolSums> = {};
    for (const [symbol, { trades, quotes }] of this.#bySymbol) {
      report[symbol] = { trades: trades.toJSON(), quotes: quotes.toJSON() };
    }
    return report;
  }
}

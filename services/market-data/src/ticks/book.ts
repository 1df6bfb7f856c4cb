import { fromMicros, type Tick } from '@papergate/service-kit';
import { rfc3339 } from './time.ts';

/** Book and last trade of a symbol: prices as decimal text, times RFC 3339, null where nothing is known. */
export interface SymbolView {
  /** Number of the last tick that changed it. */
  n: number;
  bid: string | null;
  bid_size: number | null;
  ask: string | null;
  ask_size: number | null;
  quote_time: string | null;
  price: string | null;
  size: number | null;
  trade_time: string | null;
}

interface Entry {
  n: number;
  quote: Tick | undefined;
  trade: Tick | undefined;
}

/**
 * The newest quote and trade of every symbol, newest by arrival: after a reconnect or a replay that starts
 * again, event times go back, and what the source said last is still what it says now.
 */
export class Book {
  readonly #entries = new Map<string, Entry>();

  constructor(symbols: Iterable<string>) {
    for (const symbol of symbols) this.#entries.set(symbol, { n: 0, quote: undefined, trade: undefined });
  }

  /** True where the tick's event time lies before that of the same symbol and kind before it. */
  update(tick: Tick): boolean {
    const entry = this.#entries.get(tick.s);
    if (entry === undefined) return false;
    entry.n = tick.n;
    let before: Tick | undefined;
    if (tick.k === 't') {
      before = entry.trade;
      entry.trade = tick;
    }
    if (tick.k === 'q' || tick.b !== undefined || tick.a !== undefined) {
      if (tick.k === 'q') before = entry.quote;
      entry.quote = tick;
    }
    return before !== undefined && tick.t < before.t;
  }

  view(): Record<string, SymbolView> {
    const view: Record<string, SymbolView> = {};
    for (const [symbol, entry] of this.#entries) view[symbol] = viewOf(entry);
    return view;
  }
}

function viewOf({ n, quote, trade }: Entry): SymbolView {
  return {
    n,
    bid: price(quote?.b),
    bid_size: quote?.bs ?? null,
    ask: price(quote?.a),
    ask_size: quote?.as ?? null,
    quote_time: quote === undefined ? null : rfc3339(quote.t),
    price: price(trade?.p),
    size: trade?.v ?? null,
    trade_time: trade === undefined ? null : rfc3339(trade.t),
  };
}

function price(micros: number | undefined): string | null {
  return micros === undefined ? null : fromMicros(micros);
}

import { createHash } from 'node:crypto';
import { Book } from '../matching/book.ts';
import type { PriceMicros } from '../units/amounts.ts';
import type { QuoteTick, TradeTick } from './tick.ts';
import type { Micros } from '../clock/new-york.ts';

/** What the exchange lists: one share, its book, and the last that was seen of its market. */
export class Instrument {
  readonly symbol: string;
  readonly assetId: string;
  readonly book = new Book();
  last: PriceMicros = 0;
  lastTime: Micros = 0;
  bid: PriceMicros = 0;
  ask: PriceMicros = 0;
  /** Trades that were posted, to number the next. */
  postedTrades = 0;
  /** The first price of the run: what Alpaca calls the last day's price. */
  opening: PriceMicros = 0;

  constructor(symbol: string) {
    this.symbol = symbol;
    this.assetId = assetIdOf(symbol);
  }

  trade(tick: TradeTick): void {
    this.last = tick.price;
    this.lastTime = tick.time;
    if (this.opening === 0) this.opening = tick.price;
    this.book.setTrade(tick.price, tick.size);
  }

  quote(tick: QuoteTick): void {
    this.bid = tick.bid;
    this.ask = tick.ask;
    this.book.setQuote(tick.bid, tick.bidSize, tick.ask, tick.askSize);
  }

  /** What a share is worth now: last trade, else the middle of the quote, else 0. */
  get mark(): PriceMicros {
    if (this.last > 0) return this.last;
    if (this.bid > 0 && this.ask > 0) return Math.round((this.bid + this.ask) / 2);
    return this.ask > 0 ? this.ask : this.bid;
  }

  /** What a buyer would pay, for buying power: the ask, else the last trade. */
  get buyPrice(): PriceMicros {
    return this.ask > 0 ? this.ask : this.mark;
  }

  /** What a seller would get. */
  get sellPrice(): PriceMicros {
    return this.bid > 0 ? this.bid : this.mark;
  }
}

/** The same symbol has the same id in every run, as an asset has at Alpaca. */
function assetIdOf(symbol: string): string {
  const hash = createHash('sha256').update(`asset:${symbol}`).digest('hex');
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-4${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
}

const SYMBOL = /^[A-Z][A-Z0-9]{0,9}([./][A-Z0-9]{1,5})?$/;
export const isSymbol = (text: string): boolean => SYMBOL.test(text);

export class Instruments {
  readonly #bySymbol = new Map<string, Instrument>();
  readonly #byId = new Map<string, Instrument>();

  constructor(symbols: Iterable<string> = []) {
    for (const symbol of symbols) this.list(symbol);
  }

  /** The instrument of a symbol; a new symbol is listed. */
  list(symbol: string): Instrument {
    const known = this.#bySymbol.get(symbol);
    if (known !== undefined) return known;
    const instrument = new Instrument(symbol);
    this.#bySymbol.set(symbol, instrument);
    this.#byId.set(instrument.assetId, instrument);
    return instrument;
  }

  get(symbol: string): Instrument | undefined {
    return this.#bySymbol.get(symbol);
  }

  /** By symbol or asset id, as Alpaca's paths take either. */
  find(symbolOrId: string): Instrument | undefined {
    return this.#bySymbol.get(symbolOrId) ?? this.#byId.get(symbolOrId);
  }

  all(): Instrument[] {
    return [...this.#bySymbol.values()].sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
  }
}

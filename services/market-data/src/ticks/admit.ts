import type { Micros } from '@papergate/service-kit';

/** Why a tick of the exchange was not taken; each is a value of the label `reason`. */
export const DROP_REASONS = [
  'unknown_symbol',
  'not_a_number',
  'negative',
  'zero_price',
  'zero_size',
  'out_of_range',
  'bad_time',
  'future',
  'empty_quote',
] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** A tick that was checked but has no number yet. Prices in micros, `t` in µs. */
export interface TickDraft {
  s: string;
  k: 't' | 'q';
  t: number;
  p?: number;
  v?: number;
  b?: number;
  bs?: number;
  a?: number;
  as?: number;
  i?: number | string;
  x?: true;
}

/** A trade of the data stream, as the official client hands it over; prices in USD as floats. */
export interface UpstreamTrade {
  symbol: string;
  price: number;
  size: number;
  timestamp: Date;
  timestampRaw?: string | undefined;
  id?: number | undefined;
  idRaw?: string | undefined;
}

export interface UpstreamQuote {
  symbol: string;
  bidPrice: number;
  bidSize: number;
  askPrice: number;
  askSize: number;
  timestamp: Date;
  timestampRaw?: string | undefined;
}

/** How far an event's time may lie ahead of this machine's clock: clocks differ, a minute is a broken source. */
export const FUTURE_TOLERANCE_US = 60_000_000;

/**
 * Decides what of the data stream becomes a tick. It refuses only what cannot be true (NaN, negative,
 * no size, from the future); crossed quotes, stub quotes and odd prices are on every real tape and pass.
 */
export class Admission {
  readonly #symbols: ReadonlySet<string>;
  readonly #now: () => number;

  /** @param now µs since 1970 */
  constructor(symbols: Iterable<string>, now: () => number) {
    this.#symbols = new Set(symbols);
    this.#now = now;
  }

  knows(symbol: string): boolean {
    return this.#symbols.has(symbol);
  }

  isFuture(time: number): boolean {
    return time > this.#now() + FUTURE_TOLERANCE_US;
  }

  trade(trade: UpstreamTrade): TickDraft | DropReason {
    if (!this.#symbols.has(trade.symbol)) return 'unknown_symbol';
    const problem = amountProblem(trade.price) ?? amountProblem(trade.size);
    if (problem !== undefined) return problem;
    const p = micros(trade.price);
    if (p === undefined) return 'out_of_range';
    if (p === 0) return 'zero_price';
    if (trade.size === 0) return 'zero_size';
    const t = eventTime(trade.timestamp, trade.timestampRaw);
    if (t === undefined) return 'bad_time';
    if (this.isFuture(t)) return 'future';
    const i = sourceId(trade);
    return i === undefined
      ? { s: trade.symbol, k: 't', t, p, v: trade.size }
      : { s: trade.symbol, k: 't', t, p, v: trade.size, i };
  }

  /** A side of price 0 and size 0 is an empty side: its keys are left out. A quote without any side is no quote. */
  quote(quote: UpstreamQuote): TickDraft | DropReason {
    if (!this.#symbols.has(quote.symbol)) return 'unknown_symbol';
    const { bidPrice, bidSize, askPrice, askSize } = quote;
    const problem =
      amountProblem(bidPrice) ?? amountProblem(bidSize) ?? amountProblem(askPrice) ?? amountProblem(askSize);
    if (problem !== undefined) return problem;
    const b = micros(bidPrice);
    const a = micros(askPrice);
    if (b === undefined || a === undefined) return 'out_of_range';
    if ((b === 0) !== (bidSize === 0)) return b === 0 ? 'zero_price' : 'zero_size';
    if ((a === 0) !== (askSize === 0)) return a === 0 ? 'zero_price' : 'zero_size';
    if (a === 0 && b === 0) return 'empty_quote';
    const t = eventTime(quote.timestamp, quote.timestampRaw);
    if (t === undefined) return 'bad_time';
    if (this.isFuture(t)) return 'future';
    if (a === 0) return { s: quote.symbol, k: 'q', t, b, bs: bidSize };
    if (b === 0) return { s: quote.symbol, k: 'q', t, a, as: askSize };
    return { s: quote.symbol, k: 'q', t, b, bs: bidSize, a, as: askSize };
  }
}

function amountProblem(value: unknown): DropReason | undefined {
  if (typeof value !== 'number' || Number.isNaN(value)) return 'not_a_number';
  if (!Number.isFinite(value)) return 'out_of_range';
  return value < 0 ? 'negative' : undefined;
}

/** Like the kit's `floatToMicros`, but without an exception on the hot path. */
function micros(value: number): Micros | undefined {
  const result = Math.round(value * 1e6);
  return Number.isSafeInteger(result) ? result : undefined;
}

/** The exact id where a double holds it, its text where not. */
function sourceId(trade: UpstreamTrade): number | string | undefined {
  if (Number.isSafeInteger(trade.id)) return trade.id;
  return trade.idRaw;
}

const ZERO = 48;

/**
 * µs since 1970 from what the client gives: a Date (ms) and the lossless RFC 3339 text, of which the digits
 * four to six behind the point are added. What is finer than a µs is cut off.
 */
export function eventTime(date: Date, raw: string | undefined): number | undefined {
  const ms = date.getTime();
  if (Number.isNaN(ms)) return undefined;
  if (raw === undefined || raw.charCodeAt(19) !== 46) return ms * 1000;
  let extra = 0;
  for (let at = 23, weight = 100; weight >= 1; at += 1, weight /= 10) {
    const digit = raw.charCodeAt(at) - ZERO;
    if (!(digit >= 0 && digit <= 9)) break; // fewer digits, `Z`, an offset, or the end (NaN)
    extra += digit * weight;
  }
  return ms * 1000 + extra;
}

import { mistakes } from '../errors.ts';
import { isSymbol, type Instruments } from '../market/instruments.ts';
import type { MarketTick } from '../market/tick.ts';
import { parseScaled, type PriceMicros } from '../units/amounts.ts';
import type { Micros } from '../clock/new-york.ts';

const KEYS = new Set(['symbol', 'price', 'size', 'bid', 'bid_size', 'ask', 'ask_size', 'timestamp']);
export const MOST_POSTED_TICKS = 100_000;

/**
 * Ticks as `POST /sim/ticks` takes them, one or an array: `{symbol, price, size?}` a trade,
 * `{symbol, bid, bid_size?, ask, ask_size?}` a quote, both keys both. Numbers or decimal text.
 */
export function readPostedTicks(body: unknown, instruments: Instruments, now: Micros): MarketTick[] {
  const posted: unknown[] = Array.isArray(body) ? body : [body];
  if (posted.length > MOST_POSTED_TICKS) {
    throw mistakes.badTick(`${posted.length} ticks were posted, allowed: at most ${MOST_POSTED_TICKS} at once`);
  }
  const ids = new Map<string, number>();
  return posted.flatMap((entry, index) => readOne(entry, index, instruments, now, ids));
}

function readOne(
  entry: unknown,
  index: number,
  instruments: Instruments,
  now: Micros,
  ids: Map<string, number>,
): MarketTick[] {
  if (typeof entry !== 'object' || entry === null) throw mistakes.badTick(`tick ${index} is no JSON object`);
  const tick = entry as Record<string, unknown>;
  const unknown = Object.keys(tick).find((key) => !KEYS.has(key));
  if (unknown !== undefined) {
    throw mistakes.badTick(`tick ${index} has the unknown key ${unknown}, allowed: ${[...KEYS].join(', ')}`);
  }
  const { symbol } = tick;
  if (typeof symbol !== 'string' || !isSymbol(symbol)) {
    throw mistakes.badTick(`tick ${index}: symbol is ${JSON.stringify(symbol)}, allowed: text such as AAPL or BRK.B`);
  }
  const time = timeOf(tick['timestamp'], index) ?? now;
  const ticks: MarketTick[] = [];
  if (tick['bid'] !== undefined || tick['ask'] !== undefined) {
    const bid = price(tick, 'bid', index);
    const ask = price(tick, 'ask', index);
    const bidSize = size(tick, 'bid_size', index, bid);
    const askSize = size(tick, 'ask_size', index, ask);
    ticks.push({ kind: 'q', symbol, time, bid, bidSize, ask, askSize, exchange: 'V' });
  }
  if (tick['price'] !== undefined) {
    const at = price(tick, 'price', index);
    if (at === 0) throw mistakes.badTick(`tick ${index}: price is 0, allowed: more than 0`);
    const id = (ids.get(symbol) ?? instruments.list(symbol).postedTrades) + 1;
    ids.set(symbol, id);
    instruments.list(symbol).postedTrades = id;
    ticks.push({ kind: 't', symbol, time, price: at, size: size(tick, 'size', index, at), exchange: 'V', id });
  }
  if (ticks.length === 0) throw mistakes.badTick(`tick ${index} has neither price nor bid nor ask`);
  return ticks;
}

/** A side that is not named is not there. */
function price(tick: Record<string, unknown>, key: string, index: number): PriceMicros {
  const value = tick[key];
  if (value === undefined || value === null) return 0;
  const scaled =
    typeof value === 'number' ? rounded(value) : typeof value === 'string' ? parseScaled(value, 6) : undefined;
  if (scaled === undefined || scaled < 0n || scaled > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw mistakes.badTick(
      `tick ${index}: ${key} is ${JSON.stringify(value)}, allowed: a price with at most six decimals`,
    );
  }
  return Number(scaled);
}

/** A JSON number is a float: 108.04 may come as 108.03999999999999. Text has to be exact. */
function rounded(value: number): bigint | undefined {
  const micros = Math.round(value * 1e6);
  return Number.isSafeInteger(micros) ? BigInt(micros) : undefined;
}

/** Where a price came without a size, a round lot. */
function size(tick: Record<string, unknown>, key: string, index: number, at: PriceMicros): number {
  const value = tick[key];
  if (value === undefined || value === null) return at === 0 ? 0 : 100;
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number) || number < 0 || number > 1e12) {
    throw mistakes.badTick(`tick ${index}: ${key} is ${JSON.stringify(value)}, allowed: a number of shares`);
  }
  return number;
}

function timeOf(value: unknown, index: number): Micros | undefined {
  if (value === undefined || value === null) return undefined;
  const ms = typeof value === 'number' ? value : typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (!Number.isFinite(ms) || ms < 0) {
    throw mistakes.badTick(
      `tick ${index}: timestamp is ${JSON.stringify(value)}, allowed: RFC 3339 text or ms since 1970`,
    );
  }
  const below = typeof value === 'string' ? (/\.\d{3}(\d{1,3})/.exec(value)?.[1] ?? '') : '';
  return Math.round(ms * 1000) + Number(below.padEnd(3, '0') || 0);
}

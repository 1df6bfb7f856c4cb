import type { PriceMicros } from '../units/amounts.ts';
import type { Micros } from '../clock/new-york.ts';

/** One trade of the market. Prices in micros, sizes in shares as the feed gave them, time in µs UTC. */
export interface TradeTick {
  kind: 't';
  symbol: string;
  time: Micros;
  price: PriceMicros;
  size: number;
  exchange: string;
  /** Number of the trade within its symbol. */
  id: number;
}

/** The best bid and ask from `time` on. A side that is not there is price 0, size 0. */
export interface QuoteTick {
  kind: 'q';
  symbol: string;
  time: Micros;
  bid: PriceMicros;
  bidSize: number;
  ask: PriceMicros;
  askSize: number;
  exchange: string;
}

export type MarketTick = TradeTick | QuoteTick;

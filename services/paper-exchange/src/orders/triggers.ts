import type { PriceMicros } from '../units/amounts.ts';
import type { Order } from './model.ts';

/** Does a trade at `price` elect this stop? */
export function elects(order: Order, price: PriceMicros): boolean {
  if (order.stop === null) return false;
  return order.side === 'buy' ? price >= order.stop : price <= order.stop;
}

/** Moves a trailing stop's high-water mark (a low one for buys) and the stop that hangs on it; true where it moved. */
export function trail(order: Order, price: PriceMicros): boolean {
  if (order.type !== 'trailing_stop') return false;
  const better = order.hwm === null || (order.side === 'sell' ? price > order.hwm : price < order.hwm);
  if (!better) return false;
  order.hwm = price;
  setTrailingStop(order);
  return true;
}

/** The stop follows from the mark: hwm − trail for a sell, hwm + trail for a buy, in whole cents away from the mark. */
export function setTrailingStop(order: Order): void {
  if (order.hwm === null) return;
  const distance = order.trailPrice ?? Math.round((order.hwm * (order.trailPercent ?? 0)) / 1_000_000);
  const stop = order.side === 'sell' ? order.hwm - distance : order.hwm + distance;
  const tick = stop >= 1_000_000 ? 10_000 : 100;
  order.stop = Math.max(tick, (order.side === 'sell' ? Math.floor(stop / tick) : Math.ceil(stop / tick)) * tick);
}

/**
 * The most that an elected stop pays: Alpaca turns a buy stop into a stop-limit 4 % above a stop below 50 USD,
 * 2.5 % above a higher one; sell stops stay market orders.
 */
export function limitAfterElection(order: Order): PriceMicros | null {
  if (order.type === 'stop_limit') return order.limit;
  if (order.type !== 'stop' || order.side === 'sell' || order.stop === null) return null;
  return Math.floor((order.stop * (order.stop < 50_000_000 ? 1040 : 1025)) / 1000);
}

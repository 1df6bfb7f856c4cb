import { abs, min, type Account } from '../account/account.ts';
import { claimOf, marginOf, type Multiplier } from '../account/margin.ts';
import { refusals } from '../errors.ts';
import type { Instrument, Instruments } from '../market/instruments.ts';
import { formatMoney, formatPrice, formatQty, isWholeShares, type QtyNanos } from '../units/amounts.ts';
import { holdsShares } from './groups.ts';
import { remainingQty, type Order, type OrderSpec } from './model.ts';
import type { OrderStore } from './store.ts';

export interface CheckDeps {
  account: Account;
  store: OrderStore;
  instruments: Instruments;
  multiplier: Multiplier;
  shorting: () => boolean;
}

/** Shares of a position that no open order has claimed yet. */
export function availableQty(deps: Pick<CheckDeps, 'account' | 'store'>, symbol: string, ignore?: Order): QtyNanos {
  return abs(deps.account.held(symbol)) - heldForOrders(deps, symbol, ignore);
}

function heldForOrders(deps: Pick<CheckDeps, 'account' | 'store'>, symbol: string, ignore?: Order): QtyNanos {
  const position = deps.account.held(symbol);
  let held = 0n;
  for (const order of deps.store.openOf(symbol)) {
    if (order === ignore || !holdsShares(order)) continue;
    if (order.side === (position > 0n ? 'sell' : 'buy')) held += order.qty === null ? 0n : remainingQty(order);
  }
  return min(held, abs(position));
}

/**
 * A trade of an account with itself. Stops count whatever their price, limits where they cross; trailing
 * stops and the members of complex orders are exempt. https://docs.alpaca.markets/docs/user-protection
 */
export function refuseWashTrade(deps: CheckDeps, spec: OrderSpec): void {
  if (spec.orderClass !== 'simple' || spec.type === 'trailing_stop') return;
  for (const order of deps.store.openOf(spec.symbol)) {
    if (order.side === spec.side || order.orderClass !== 'simple' || order.type === 'trailing_stop') continue;
    const reason = washReason(spec, order);
    if (reason === undefined) continue;
    throw refusals.forbidden('potential wash trade detected. use complex orders', {
      existing_order_id: order.id,
      reject_reason: reason,
    });
  }
}

function washReason(spec: OrderSpec, order: Order): string | undefined {
  const certain = (type: string) => type === 'market' || type === 'stop';
  if (certain(spec.type) || certain(order.type)) return 'opposite side market/stop order exists';
  const [buy, sell] = spec.side === 'buy' ? [spec.limit, order.limit] : [order.limit, spec.limit];
  return buy !== null && sell !== null && buy >= sell ? 'opposite side limit order exists' : undefined;
}

/** Whether the order opens or closes; refuses shares that are not there and shorts that may not be. */
export function decideOpening(deps: CheckDeps, spec: OrderSpec, instrument: Instrument, ignore?: Order): boolean {
  const { symbol, side } = spec;
  const position = deps.account.held(symbol);
  const reduces = side === 'sell' ? position > 0n : position < 0n;
  if (!reduces) {
    if (spec.orderClass === 'oco') throw refusals.unprocessable('oco orders must be exit orders');
    if (side === 'sell') refuseShort(deps, spec);
    if (position === 0n) refuseBothWays(deps, spec, ignore);
    return true;
  }
  if (spec.orderClass === 'bracket' || spec.orderClass === 'oto') {
    throw refusals.unprocessable(`${spec.orderClass} orders must be entry orders`);
  }
  const sellPrice = BigInt(Math.max(1, instrument.sellPrice));
  const requested = spec.qty ?? (spec.notional ?? 0n) / sellPrice;
  const available = availableQty(deps, symbol, ignore);
  if (requested <= available) return false;
  throw refusals.forbidden(
    `insufficient qty available for order (requested: ${formatQty(requested)}, available: ${formatQty(available)})`,
    {
      available: formatQty(available),
      existing_qty: formatQty(abs(position)),
      held_for_orders: formatQty(heldForOrders(deps, symbol, ignore)),
      related_orders: [...deps.store.openOf(symbol)].filter(holdsShares).map(({ id }) => id),
      symbol,
    },
  );
}

function refuseShort(deps: CheckDeps, spec: OrderSpec): void {
  if (!deps.shorting()) throw refusals.forbidden('account is not allowed to short');
  if (spec.notional !== null || (spec.qty !== null && !isWholeShares(spec.qty))) {
    throw refusals.unprocessable('fractional orders cannot be sold short');
  }
  if (deps.multiplier === 1) throw refusals.forbidden('account is not allowed to short');
}

/** Flat, with an order open that would go one way: none may be opened that would go the other. */
function refuseBothWays(deps: CheckDeps, spec: OrderSpec, ignore?: Order): void {
  for (const order of deps.store.openOf(spec.symbol)) {
    if (order === ignore || !order.opening || order.side === spec.side) continue;
    throw refusals.forbidden(
      spec.side === 'buy'
        ? 'cannot open a long buy while a short sell order is open'
        : 'cannot open a short sell while a long buy order is open',
      { existing_order_id: order.id },
    );
  }
}

/** The claim of a new opening order against what open orders leave. `replaces`: its claim comes free. */
export function refuseUnaffordable(deps: CheckDeps, order: Order, replaces?: Order): void {
  if (!order.opening) return;
  const cost = claimOf(order, deps.instruments);
  const open = [...deps.store.open()].filter((other) => other !== replaces);
  const { buyingPower } = marginOf(deps.account, deps.instruments, open, deps.multiplier);
  if (cost <= buyingPower) return;
  throw refusals.forbidden('insufficient buying power', {
    buying_power: formatMoney(buyingPower),
    cost_basis: formatMoney(cost),
  });
}

/** A stop-loss must lie a cent off the market, or the pair of exits would race. */
export function refuseStopAtMarket(spec: OrderSpec, instrument: Instrument): void {
  if (spec.stopLoss === null || instrument.mark === 0) return;
  const exit = spec.orderClass === 'oco' ? spec.side : spec.side === 'buy' ? 'sell' : 'buy';
  const base = instrument.mark;
  const { stop } = spec.stopLoss;
  const wrong = exit === 'sell' ? stop > base - 10_000 : stop < base + 10_000;
  if (!wrong) return;
  throw refusals.unprocessable(
    `stop_loss.stop_price must be ${exit === 'sell' ? '<=' : '>='} base_price ${exit === 'sell' ? '-' : '+'} 0.01 (base_price: ${formatPrice(base)})`,
  );
}

/** Auction orders have a time of day at which their window shuts. */
export function refuseLateAuction(spec: OrderSpec, regularHours: boolean, timeOfDayMinutes: number): void {
  if (!regularHours || (spec.tif !== 'opg' && spec.tif !== 'cls')) return;
  const from = spec.tif === 'opg' ? 9 * 60 + 28 : 15 * 60 + 50;
  if (timeOfDayMinutes < from || timeOfDayMinutes >= 19 * 60) return;
  throw refusals.unprocessable(
    spec.tif === 'opg'
      ? 'opg orders must be submitted after 7:00pm and before 9:28am'
      : 'cls orders must be submitted after 7:00pm and before 3:50pm',
  );
}

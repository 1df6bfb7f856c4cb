import type { OrderType, RiskOrder, Side } from '@papergate/service-kit';
import { dailyPnl, markOf, worstQuantity, type Exposure, type SymbolExposure } from '../exposure/exposure.ts';
import { sumOthers } from '../exposure/totals.ts';
import type { CompiledLimits } from '../limits/compile.ts';
import { abs, exceedsPercent, max, nanos, nanosText, reachesPercent, usd, type Nanos } from '../units.ts';
import type { RateWindow } from './rate-window.ts';

/** An order in the units of the limits. */
export interface CheckedOrder {
  clientOrderId: string;
  symbol: string;
  side: Side;
  type: OrderType;
  quantity: Nanos;
  price: Nanos | undefined;
  stopPrice: Nanos | undefined;
}

export type Refusal = { code: string; message: string };

/** Approved at `price`, which values the reservation; or refused. */
export type Verdict = { allowed: true; price: Nanos } | ({ allowed: false } & Refusal);

/** Throws RangeError where an amount is no decimal text. */
export function readRiskOrder(order: RiskOrder): CheckedOrder {
  return {
    clientOrderId: order.client_order_id,
    symbol: order.symbol,
    side: order.side,
    type: order.type,
    quantity: nanos(order.quantity),
    price: order.price === undefined ? undefined : nanos(order.price),
    stopPrice: order.stop_price === undefined ? undefined : nanos(order.stop_price),
  };
}

const refuse = (code: string, message: string): Refusal => ({ code, message });

/**
 * Whether an order may go. A function of what it is given: it changes nothing and reads no clock. The limits of
 * exposure are held against the worst that open orders and this one can come to together, so whatever is
 * approved stays within them in whichever order the fills arrive. An order that makes none of these measures
 * larger passes them even where a limit is exceeded already: getting out must stay possible.
 */
export function evaluate(
  order: CheckedOrder,
  exposure: Exposure,
  limits: CompiledLimits,
  rate: RateWindow,
  now: number,
): Verdict {
  if (exposure.state === undefined || exposure.state === 'HALTED') {
    return { allowed: false, ...refuse('RISK_HALTED', `trading is halted: ${exposure.stateReason}`) };
  }
  const symbol = exposure.symbols.get(order.symbol) ?? new EmptySymbol(order.symbol);
  const price = priceOf(order, symbol, limits, now);
  if (typeof price !== 'bigint') return { allowed: false, ...price };

  const shrinks = shrinksPosition(order, symbol);
  const refusal =
    checkOrder(order, price, symbol, limits) ??
    checkTime(order, shrinks, limits, now) ??
    checkTraffic(exposure, limits, rate, now) ??
    checkDirection(order, shrinks, symbol, exposure, limits) ??
    (shrinks ? undefined : checkLoss(exposure, limits)) ??
    checkExposure(order, price, symbol, exposure, limits);
  return refusal === undefined ? { allowed: true, price } : { allowed: false, ...refusal };
}

/** Stands in for a symbol that nothing is known of, without putting it into the state. */
class EmptySymbol implements SymbolExposure {
  readonly symbol: string;
  readonly quantity = 0n;
  readonly averagePrice = 0n;
  readonly openedAt = undefined;
  readonly buys = 0n;
  readonly sells = 0n;
  readonly bid = 0;
  readonly ask = 0;
  readonly last = 0;
  readonly marketAt = undefined;
  readonly markAt = undefined;
  readonly orderPrice = 0n;

  constructor(symbol: string) {
    this.symbol = symbol;
  }
}

/** What a share is reckoned at: its limit or stop where the mark is lower, the mark for a market order. */
function priceOf(order: CheckedOrder, symbol: SymbolExposure, limits: CompiledLimits, now: number): Nanos | Refusal {
  const mark = markOf(symbol);
  const own = order.price ?? order.stopPrice;
  if (order.type !== 'market' && own !== undefined) return mark === undefined ? own : max(own, mark);
  if (mark === undefined || symbol.markAt === undefined) {
    return refuse(
      'RISK_NO_PRICE',
      `there is no market price of ${order.symbol}; a market order cannot be valued without`,
    );
  }
  const age = now - symbol.markAt;
  if (age > limits.breaker.max_stale_data_ms) {
    return refuse(
      'RISK_STALE_DATA',
      `the market price of ${order.symbol} is ${age} ms old, allowed: ${limits.breaker.max_stale_data_ms} ms`,
    );
  }
  return mark;
}

function checkOrder(
  order: CheckedOrder,
  price: Nanos,
  symbol: SymbolExposure,
  { order: limits }: CompiledLimits,
): Refusal | undefined {
  if (limits.restricted.has(order.symbol))
    return refuse('RISK_RESTRICTED_SYMBOL', `${order.symbol} is on the restricted list`);
  if (!limits.types.has(order.type)) {
    return refuse(
      'RISK_ORDER_TYPE',
      `orders of type ${order.type} are not allowed, allowed: ${[...limits.types].join(', ')}`,
    );
  }
  if (order.quantity > limits.quantity) {
    return refuse(
      'RISK_ORDER_QUANTITY',
      `the order is for ${nanosText(order.quantity)} shares, allowed: ${nanosText(limits.quantity)}`,
    );
  }
  const value = order.quantity * price;
  if (value > limits.value)
    return refuse('RISK_ORDER_VALUE', `the order is worth ${usd(value)}, allowed: ${usd(limits.value)}`);
  const mark = markOf(symbol);
  for (const found of order.type === 'market' ? [price] : [order.price, order.stopPrice]) {
    if (found === undefined) continue;
    if (found < limits.minPrice || found > limits.maxPrice) {
      return refuse(
        'RISK_PRICE',
        `the price is ${nanosText(found)}, allowed: ${nanosText(limits.minPrice)} to ${nanosText(limits.maxPrice)}`,
      );
    }
    if (mark !== undefined && exceedsPercent(abs(found - mark), mark, limits.deviationPercent)) {
      return refuse(
        'RISK_PRICE_DEVIATION',
        `the price ${nanosText(found)} is further from the market (${nanosText(mark)}) than ${Number(limits.deviationPercent) / 1e6} %`,
      );
    }
  }
  return undefined;
}

function checkTime(
  order: CheckedOrder,
  shrinks: boolean,
  { calendar }: CompiledLimits,
  now: number,
): Refusal | undefined {
  const closed = calendar.closed(now);
  if (closed !== undefined) return refuse('RISK_OUTSIDE_HOURS', `no orders now: ${closed}`);
  const blackout = calendar.blackout(order.symbol, now);
  if (blackout !== undefined)
    return refuse('RISK_BLACKOUT', `no orders in ${order.symbol} during the blackout "${blackout.name}"`);
  if (!shrinks && calendar.closing(now)) {
    return refuse('RISK_OUTSIDE_HOURS', 'this shortly before the close only orders that shrink a position are allowed');
  }
  return undefined;
}

function checkTraffic(
  exposure: Exposure,
  { order: limits }: CompiledLimits,
  rate: RateWindow,
  now: number,
): Refusal | undefined {
  if (rate.full(now, 1000))
    return refuse(
      'RISK_ORDER_RATE',
      `${limits.perSecond} orders went through within the last second, which is the limit`,
    );
  if (exposure.reservations.size >= limits.open) {
    return refuse('RISK_OPEN_ORDERS', `${exposure.reservations.size} orders are open, allowed: ${limits.open}`);
  }
  return undefined;
}

/** The order takes from the position and cannot turn it, even when every other open order on its side is filled first. */
function shrinksPosition({ side, quantity }: CheckedOrder, symbol: SymbolExposure): boolean {
  if (side === 'sell') return symbol.quantity > 0n && symbol.sells + quantity <= symbol.quantity;
  return symbol.quantity < 0n && symbol.buys + quantity <= -symbol.quantity;
}

function checkDirection(
  order: CheckedOrder,
  shrinks: boolean,
  symbol: SymbolExposure,
  exposure: Exposure,
  limits: CompiledLimits,
): Refusal | undefined {
  if (exposure.state === 'REDUCING' && !shrinks) {
    return refuse('RISK_REDUCING_ONLY', `only orders that shrink a position are allowed: ${exposure.stateReason}`);
  }
  if (order.side === 'sell' && !limits.position.allowShort && symbol.quantity - symbol.sells - order.quantity < 0n) {
    const free = max(symbol.quantity - symbol.sells, 0n);
    return refuse(
      'RISK_SHORT',
      `short positions are not allowed; ${nanosText(free)} shares of ${order.symbol} can be sold`,
    );
  }
  return undefined;
}

/** The loss limits, as a refusal; the breaker trips on the same. A limit that is reached counts. */
export function checkLoss(exposure: Exposure, { loss: limits }: CompiledLimits): Refusal | undefined {
  const { total } = dailyPnl(exposure);
  const { equity } = exposure;
  const lost = -total;
  if (lost >= limits.daily)
    return refuse('RISK_DAILY_LOSS', `today's loss is ${usd(lost)}, allowed: less than ${usd(limits.daily)}`);
  if (equity === undefined) return undefined;
  if (lost > 0n && reachesPercent(lost, equity.opening, limits.dailyPercent)) {
    return refuse(
      'RISK_DAILY_LOSS',
      `today's loss is ${usd(lost)}, allowed: less than ${Number(limits.dailyPercent) / 1e6} % of ${usd(equity.opening)}`,
    );
  }
  const down = equity.peak - equity.current;
  if (down > 0n && reachesPercent(down, equity.peak, limits.drawdownPercent)) {
    return refuse(
      'RISK_DRAWDOWN',
      `the account is ${usd(down)} below its peak of ${usd(equity.peak)}, allowed: less than ${Number(limits.drawdownPercent) / 1e6} %`,
    );
  }
  return undefined;
}

function checkExposure(
  order: CheckedOrder,
  price: Nanos,
  before: SymbolExposure,
  exposure: Exposure,
  { position: limits }: CompiledLimits,
): Refusal | undefined {
  const after = {
    quantity: before.quantity,
    buys: before.buys + (order.side === 'buy' ? order.quantity : 0n),
    sells: before.sells + (order.side === 'sell' ? order.quantity : 0n),
  };
  const worstBefore = worstQuantity(before);
  const worst = worstQuantity(after);
  if (worst > worstBefore) {
    if (worst > limits.quantity) {
      return refuse(
        'RISK_POSITION_QUANTITY',
        `the position in ${order.symbol} could come to ${nanosText(worst)} shares, allowed: ${nanosText(limits.quantity)}`,
      );
    }
    const value = worst * price;
    if (value > limits.value) {
      return refuse(
        'RISK_POSITION_VALUE',
        `the position in ${order.symbol} could come to ${usd(value)}, allowed: ${usd(limits.value)}`,
      );
    }
    const { equity } = exposure;
    if (equity === undefined) {
      return refuse(
        'RISK_CONCENTRATION',
        'the account’s equity is not known yet, so the share of a symbol cannot be held against its limit',
      );
    }
    if (exceedsPercent(value, equity.current, limits.concentration)) {
      return refuse(
        'RISK_CONCENTRATION',
        `${order.symbol} could come to ${usd(value)}, allowed: ${Number(limits.concentration) / 1e6} % of the equity of ${usd(equity.current)}`,
      );
    }
  }
  return checkTotals(order, price, { worst, worstBefore, after }, exposure, limits);
}

interface Reckoned {
  worst: Nanos;
  worstBefore: Nanos;
  after: { quantity: Nanos; buys: Nanos; sells: Nanos };
}

function checkTotals(
  order: CheckedOrder,
  price: Nanos,
  { worst, worstBefore, after }: Reckoned,
  exposure: Exposure,
  limits: CompiledLimits['position'],
): Refusal | undefined {
  const others = sumOthers(exposure, order.symbol);
  const gross = others.gross + worst * price;
  if (worst > worstBefore && gross > limits.gross) {
    return refuse('RISK_GROSS_EXPOSURE', `gross exposure could come to ${usd(gross)}, allowed: ${usd(limits.gross)}`);
  }
  const highest = others.high + (after.quantity + after.buys) * price;
  const lowest = others.low + (after.quantity - after.sells) * price;
  const net = order.side === 'buy' ? highest : -lowest;
  if (net > limits.net)
    return refuse(
      'RISK_NET_EXPOSURE',
      `net exposure could come to ${usd(order.side === 'buy' ? highest : lowest)}, allowed: ±${usd(limits.net)}`,
    );
  if (worstBefore === 0n && others.open + 1 > limits.open) {
    return refuse('RISK_OPEN_POSITIONS', `${others.open} positions are open or ordered, allowed: ${limits.open}`);
  }
  return undefined;
}

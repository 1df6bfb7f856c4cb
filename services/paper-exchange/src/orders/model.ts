import type { Side } from '../matching/book.ts';
import {
  averagePrice,
  formatMoney,
  formatPrice,
  formatQty,
  formatScaled,
  type MoneyFemtos,
  type PriceMicros,
  type QtyNanos,
} from '../units/amounts.ts';
import { toRfc3339, type Micros } from '../clock/new-york.ts';

export const ORDER_TYPES = ['market', 'limit', 'stop', 'stop_limit', 'trailing_stop'] as const;
export type OrderType = (typeof ORDER_TYPES)[number];
export const TIMES_IN_FORCE = ['day', 'gtc', 'opg', 'cls', 'ioc', 'fok'] as const;
export type TimeInForce = (typeof TIMES_IN_FORCE)[number];
export const ORDER_CLASSES = ['simple', 'bracket', 'oco', 'oto'] as const;
export type OrderClass = (typeof ORDER_CLASSES)[number];

export type OrderStatus =
  | 'accepted'
  | 'pending_new'
  | 'new'
  | 'held'
  | 'partially_filled'
  | 'filled'
  | 'canceled'
  | 'expired'
  | 'replaced'
  | 'rejected';

const CLOSED: ReadonlySet<OrderStatus> = new Set(['filled', 'canceled', 'expired', 'replaced', 'rejected']);
export const isClosed = (status: OrderStatus): boolean => CLOSED.has(status);

/** What a client asked for, checked and in integers. `trailPercent` is in ten-thousandths of a percent. */
export interface OrderSpec {
  clientOrderId: string;
  symbol: string;
  side: Side;
  type: OrderType;
  tif: TimeInForce;
  orderClass: OrderClass;
  extendedHours: boolean;
  qty: QtyNanos | null;
  notional: MoneyFemtos | null;
  limit: PriceMicros | null;
  stop: PriceMicros | null;
  trailPrice: PriceMicros | null;
  trailPercent: number | null;
  takeProfit: { limit: PriceMicros } | null;
  stopLoss: { stop: PriceMicros; limit: PriceMicros | null } | null;
}

/** Which part of a group of orders this is. */
export type GroupRole = 'entry' | 'take_profit' | 'stop_loss';

export interface Order extends Omit<OrderSpec, 'takeProfit' | 'stopLoss'> {
  id: string;
  assetId: string;
  /** Order of acceptance: time priority and the order of listings. */
  seq: number;
  status: OrderStatus;
  filledQty: QtyNanos;
  filledValue: MoneyFemtos;
  createdAt: Micros;
  updatedAt: Micros;
  submittedAt: Micros;
  expiresAt: Micros | null;
  filledAt: Micros | null;
  canceledAt: Micros | null;
  expiredAt: Micros | null;
  failedAt: Micros | null;
  replacedAt: Micros | null;
  replaces: string | null;
  replacedBy: string | null;
  /** Trailing stops: the best price since it was accepted. */
  hwm: PriceMicros | null;
  /** A stop that has been elected. */
  triggered: boolean;
  /** It opens or adds to a position: it takes buying power. Otherwise it takes shares from one. */
  opening: boolean;
  role: GroupRole | null;
  parent: Order | null;
  legs: Order[];
}

export function newOrder(
  spec: OrderSpec,
  given: Pick<Order, 'id' | 'assetId' | 'seq' | 'createdAt' | 'expiresAt' | 'opening'>,
): Order {
  const { takeProfit: _takeProfit, stopLoss: _stopLoss, ...rest } = spec;
  return {
    ...rest,
    ...given,
    status: 'pending_new',
    filledQty: 0n,
    filledValue: 0n,
    updatedAt: given.createdAt,
    submittedAt: given.createdAt,
    filledAt: null,
    canceledAt: null,
    expiredAt: null,
    failedAt: null,
    replacedAt: null,
    replaces: null,
    replacedBy: null,
    hwm: null,
    triggered: false,
    role: null,
    parent: null,
    legs: [],
  };
}

/** Shares still to be had; a notional order's are only known at a price. */
export function remainingQty(order: Order): QtyNanos {
  return order.qty === null ? 0n : order.qty - order.filledQty;
}

export function remainingBudget(order: Order): MoneyFemtos | null {
  return order.notional === null ? null : order.notional - order.filledValue;
}

const time = (at: Micros | null): string | null => (at === null ? null : toRfc3339(at));
const price = (value: PriceMicros | null): string | null => (value === null ? null : formatPrice(value));

/** An order as Alpaca's REST and stream show it; `nested` puts the legs under their parent. */
export function orderJson(order: Order, nested: boolean): Record<string, unknown> {
  const legs = nested && order.legs.length > 0 ? order.legs.map((leg) => orderJson(leg, false)) : null;
  return {
    id: order.id,
    client_order_id: order.clientOrderId,
    created_at: time(order.createdAt),
    updated_at: time(order.updatedAt),
    submitted_at: time(order.submittedAt),
    filled_at: time(order.filledAt),
    expired_at: time(order.expiredAt),
    expires_at: time(order.expiresAt),
    canceled_at: time(order.canceledAt),
    failed_at: time(order.failedAt),
    replaced_at: time(order.replacedAt),
    replaced_by: order.replacedBy,
    replaces: order.replaces,
    asset_id: order.assetId,
    symbol: order.symbol,
    asset_class: 'us_equity',
    notional: order.notional === null ? null : formatMoney(order.notional),
    qty: order.qty === null ? null : formatQty(order.qty),
    filled_qty: formatQty(order.filledQty),
    filled_avg_price: averagePrice(order.filledValue, order.filledQty),
    order_class: order.orderClass,
    order_type: order.type,
    type: order.type,
    side: order.side,
    position_intent: `${order.side}_to_${order.opening ? 'open' : 'close'}`,
    time_in_force: order.tif,
    limit_price: price(order.limit),
    stop_price: price(order.stop),
    status: order.status,
    extended_hours: order.extendedHours,
    legs,
    trail_percent: order.trailPercent === null ? null : formatScaled(BigInt(order.trailPercent), 4),
    trail_price: price(order.trailPrice),
    hwm: price(order.hwm),
    subtag: null,
    source: null,
  };
}

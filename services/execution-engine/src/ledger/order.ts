import { Big, type OrderType, type OrderView, type Side, type TimeInForce } from '@papergate/service-kit';
import { divide } from './position.ts';
import { timeText } from './time-text.ts';

export type OrderSource = 'api' | 'signal' | 'protection';

/** An order before it is durable: normalised, decimal text, `stop_loss` already `stop_limit`. */
export interface NewOrder {
  orderId: string;
  clientOrderId: string;
  /** Of the order's terms: the same client_order_id with another hash is another order. */
  requestHash: string;
  source: OrderSource;
  strategy: string | null;
  symbol: string;
  side: Side;
  type: OrderType;
  quantity: string;
  price: string | null;
  stopPrice: string | null;
  timeInForce: TimeInForce;
  /** ms since 1970 at which the intake took it. */
  createdAt: number;
}

/** A durable order as the ledger holds it. */
export interface Order extends NewOrder {
  brokerOrderId: string | null;
  status: string;
  /** Requests that were recorded to place it; null where a release wrote the row that records none. */
  attempts: number | null;
  /** Sum of the executions that are recorded, and of their values. */
  filledQuantity: Big;
  filledNotional: Big;
  rejectCode: string | null;
  rejectReason: string | null;
  submittedAt: number | null;
  updatedAt: number;
}

/** Numbers of big.js never change, so all orders that wait share this one: what is kept for each is what the collector copies. */
const NOTHING = new Big(0);

export function acceptedOrder(order: NewOrder): Order {
  return {
    ...order,
    brokerOrderId: null,
    status: 'accepted',
    attempts: 0,
    filledQuantity: NOTHING,
    filledNotional: NOTHING,
    rejectCode: null,
    rejectReason: null,
    submittedAt: null,
    updatedAt: order.createdAt,
  };
}

export function averageFillPrice(order: Pick<Order, 'filledQuantity' | 'filledNotional'>): string | null {
  if (order.filledQuantity.eq(0)) return null;
  return divide(order.filledNotional, order.filledQuantity, 9).toFixed();
}

/** The order as HTTP and the bus show it. */
export function viewOf(order: Order): OrderView {
  return {
    order_id: order.orderId,
    client_order_id: order.clientOrderId,
    broker_order_id: order.brokerOrderId,
    strategy: order.strategy,
    symbol: order.symbol,
    side: order.side,
    type: order.type,
    quantity: order.quantity,
    price: order.price,
    stop_price: order.stopPrice,
    time_in_force: order.timeInForce,
    status: order.status,
    filled_quantity: order.filledQuantity.toFixed(),
    avg_fill_price: averageFillPrice(order),
    reject_code: order.rejectCode,
    reject_reason: order.rejectReason,
    created_at: timeText(order.createdAt),
    updated_at: timeText(order.updatedAt),
  };
}

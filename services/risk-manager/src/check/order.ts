import type { OrderType, RiskOrder, Side } from '@papergate/service-kit';
import { nanos, type Nanos } from '../units.ts';

/** An order in the units of the limits. */
export interface CheckedOrder {
  clientOrderId: string;
  symbol: string;
  side: Side;
  type: OrderType;
  quantity: Nanos;
  price: Nanos | undefined;
  stopPrice: Nanos | undefined;
  strategy: string | undefined;
  /** What it wants, as text; worked out when it is first asked for. */
  intent?: string;
}

export type Refusal = { code: string; message: string };

/** Approved at `price`, which values the reservation (0: nobody knows one), and `cost` in buying power; or refused. */
export type Verdict = { allowed: true; price: Nanos; cost: bigint } | ({ allowed: false } & Refusal);

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
    strategy: order.strategy,
  };
}

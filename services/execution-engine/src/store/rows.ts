import { Big } from '@papergate/service-kit';
import type { Order } from '../ledger/order.ts';
import type { Interval } from '../ledger/tracked.ts';

/** The columns of `orders` with the sums of its trades, as every query of this service selects them. */
export const ORDER_COLUMNS = `o.order_id, o.client_order_id, o.request_hash, o.broker_order_id, o.source, o.strategy, o.symbol, o.side, o.type,
  o.quantity::text, o.price::text, o.stop_price::text, o.time_in_force, o.status, o.attempts, o.filled_quantity::text, o.avg_fill_price::text,
  o.reject_code, o.reject_reason, o.created_at, o.submitted_at, o.updated_at`;

export interface OrderRow {
  order_id: string;
  client_order_id: string;
  request_hash: string;
  broker_order_id: string | null;
  source: Order['source'];
  strategy: string | null;
  symbol: string;
  side: Order['side'];
  type: Order['type'];
  quantity: string;
  price: string | null;
  stop_price: string | null;
  time_in_force: Order['timeInForce'];
  status: string;
  attempts: number | null;
  filled_quantity: string;
  avg_fill_price: string | null;
  reject_code: string | null;
  reject_reason: string | null;
  created_at: Date;
  submitted_at: Date | null;
  updated_at: Date;
}

export interface ExecutionRow {
  execution_id: string;
  quantity: string;
  price: string;
  cumulative: string | null;
}

/** PostgreSQL keeps trailing zeros of NUMERIC; the API does not show them. */
export function plain(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

export function orderFromRow(row: OrderRow): Order {
  const filledQuantity = new Big(row.filled_quantity);
  return {
    orderId: row.order_id,
    clientOrderId: row.client_order_id,
    requestHash: row.request_hash,
    brokerOrderId: row.broker_order_id,
    source: row.source,
    strategy: row.strategy,
    symbol: row.symbol,
    side: row.side,
    type: row.type,
    quantity: plain(row.quantity),
    price: row.price === null ? null : plain(row.price),
    stopPrice: row.stop_price === null ? null : plain(row.stop_price),
    timeInForce: row.time_in_force,
    status: row.status,
    attempts: row.attempts,
    filledQuantity,
    // Good for showing; the ledger replaces it by the sum over the trades, which is exact.
    filledNotional: filledQuantity.times(row.avg_fill_price ?? '0'),
    rejectCode: row.reject_code,
    rejectReason: row.reject_reason,
    createdAt: row.created_at.getTime(),
    submittedAt: row.submitted_at?.getTime() ?? null,
    updatedAt: row.updated_at.getTime(),
  };
}

export function executionsFromRows(rows: readonly ExecutionRow[]): {
  executions: Map<string, Interval>;
  notional: Big;
} {
  const executions = new Map<string, Interval>();
  let notional = new Big(0);
  for (const row of rows) {
    const to = row.cumulative === null ? undefined : new Big(row.cumulative);
    executions.set(row.execution_id, to === undefined ? undefined : { from: to.minus(row.quantity), to });
    notional = notional.plus(new Big(row.quantity).times(row.price));
  }
  return { executions, notional };
}

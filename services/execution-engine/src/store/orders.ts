import type { Pool } from '@papergate/service-kit';
import { FINAL_STATES } from '../life/states.ts';
import type { Order } from '../ledger/order.ts';
import type { Interval } from '../ledger/tracked.ts';
import { executionsFromRows, ORDER_COLUMNS, orderFromRow, type ExecutionRow, type OrderRow } from './rows.ts';

export interface StoredOrder {
  order: Order;
  executions: Map<string, Interval>;
}

const WITH_EXECUTIONS = `SELECT ${ORDER_COLUMNS},
  coalesce((SELECT json_agg(json_build_object('execution_id', t.execution_id, 'quantity', t.quantity::text, 'price', t.price::text,
    'cumulative', t.cumulative::text)) FROM trades t WHERE t.order_id = o.order_id), '[]') AS executions
  FROM orders o`;

const OPEN = `o.status NOT IN (${FINAL_STATES.map((status) => `'${status}'`).join(', ')})`;

function stored(row: OrderRow & { executions: ExecutionRow[] }): StoredOrder {
  const order = orderFromRow(row);
  const { executions, notional } = executionsFromRows(row.executions);
  return { order: { ...order, filledNotional: notional }, executions };
}

/** Every order that is not final, oldest first. */
export async function loadOpenOrders(pool: Pool): Promise<StoredOrder[]> {
  const { rows } = await pool.query<OrderRow & { executions: ExecutionRow[] }>(
    `${WITH_EXECUTIONS} WHERE ${OPEN} ORDER BY o.created_at, o.order_id`,
  );
  return rows.map(stored);
}

export async function loadByClientIds(pool: Pool, clientOrderIds: string[]): Promise<StoredOrder[]> {
  const { rows } = await pool.query<OrderRow & { executions: ExecutionRow[] }>(
    `${WITH_EXECUTIONS} WHERE o.client_order_id = ANY($1::text[])`,
    [clientOrderIds],
  );
  return rows.map(stored);
}

export interface OrderFilter {
  status: 'open' | 'closed' | 'all';
  symbol?: string | undefined;
  clientOrderId?: string | undefined;
  limit: number;
}

/** Newest first. */
export async function listOrders(pool: Pool, filter: OrderFilter): Promise<Order[]> {
  const where: string[] = [];
  const values: unknown[] = [];
  if (filter.status !== 'all') where.push(filter.status === 'open' ? OPEN : `NOT (${OPEN})`);
  for (const [column, value] of [
    ['symbol', filter.symbol],
    ['client_order_id', filter.clientOrderId],
  ] as const) {
    if (value === undefined) continue;
    values.push(value);
    where.push(`o.${column} = $${values.length}`);
  }
  values.push(filter.limit);
  const { rows } = await pool.query<OrderRow>(
    `SELECT ${ORDER_COLUMNS} FROM orders o ${where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`}
     ORDER BY o.created_at DESC, o.order_id LIMIT $${values.length}`,
    values,
  );
  return rows.map(orderFromRow);
}

export async function findOrder(pool: Pool, orderId: string): Promise<Order | undefined> {
  const { rows } = await pool.query<OrderRow>(`SELECT ${ORDER_COLUMNS} FROM orders o WHERE o.order_id = $1`, [orderId]);
  return rows[0] === undefined ? undefined : orderFromRow(rows[0]);
}

/** Of the orders that are open, those that had ended here before the broker showed them: they are to be canceled. */
export async function loadUnwanted(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ client_order_id: string }>(
    `SELECT o.client_order_id FROM orders o
     WHERE ${OPEN} AND EXISTS (SELECT 1 FROM order_events e WHERE e.order_id = o.order_id AND e.event = 'revive')`,
  );
  return rows.map((row) => row.client_order_id);
}

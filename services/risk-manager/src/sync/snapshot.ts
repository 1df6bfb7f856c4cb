import { transaction, type Pool, type Side } from '@papergate/service-kit';
import { attos, nanos, type Attos, type Nanos } from '../units.ts';

export interface OpenOrder {
  clientOrderId: string;
  symbol: string;
  side: Side;
  quantity: Nanos;
  filled: Nanos;
  price: Nanos;
  createdAt: number;
}

/** What the database says, all of one moment. */
export interface Snapshot {
  positions: { symbol: string; quantity: Nanos; averagePrice: Nanos; openedAt: number | undefined }[];
  orders: OpenOrder[];
  /** Of the reservations that were asked about, those whose order is there and has ended. */
  ended: string[];
  realizedToday: Attos;
  /** Executions that are in it, newest first: messages about them say nothing new. */
  executions: string[];
}

/** Executions that may still be on the bus when the snapshot is taken. */
const RECENT = 2_000;
/** Those of the index `orders_open`. */
const FINAL = `('filled', 'canceled', 'expired', 'rejected', 'replaced')`;

/** Amounts with more decimals than limits are compared in are cut off. */
export async function loadSnapshot(pool: Pool, day: string, reserved: string[]): Promise<Snapshot> {
  return transaction(pool, async (client) => {
    await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const positions = await client.query<{
      symbol: string;
      quantity: string;
      avg_entry_price: string;
      opened_at: Date | null;
      updated_at: Date;
    }>('SELECT symbol, quantity::text, avg_entry_price::text, opened_at, updated_at FROM positions');
    const orders = await client.query<{
      client_order_id: string;
      symbol: string;
      side: Side;
      quantity: string;
      filled_quantity: string;
      price: string;
      created_at: Date;
    }>(
      `SELECT client_order_id, symbol, side, quantity::text, filled_quantity::text, coalesce(price, stop_price, 0)::text AS price, created_at
       FROM orders WHERE status NOT IN ${FINAL}`,
    );
    const ended = await client.query<{ client_order_id: string }>(
      `SELECT client_order_id FROM orders WHERE client_order_id = ANY($1::text[]) AND status IN ${FINAL}`,
      [reserved],
    );
    const daily = await client.query<{ realized_pnl: string }>(
      'SELECT coalesce(sum(realized_pnl), 0)::text AS realized_pnl FROM daily_pnl WHERE day = $1::date',
      [day],
    );
    const trades = await client.query<{ execution_id: string }>(
      'SELECT execution_id FROM trades ORDER BY trade_id DESC LIMIT $1',
      [RECENT],
    );
    return {
      positions: positions.rows.map((row) => ({
        symbol: row.symbol,
        quantity: nanos(row.quantity),
        averagePrice: nanos(row.avg_entry_price),
        openedAt: (row.opened_at ?? row.updated_at).getTime(),
      })),
      orders: orders.rows.map((row) => ({
        clientOrderId: row.client_order_id,
        symbol: row.symbol,
        side: row.side,
        quantity: nanos(row.quantity),
        filled: nanos(row.filled_quantity),
        price: nanos(row.price),
        createdAt: row.created_at.getTime(),
      })),
      ended: ended.rows.map((row) => row.client_order_id),
      realizedToday: attos(daily.rows[0]?.realized_pnl ?? '0'),
      executions: trades.rows.map((row) => row.execution_id),
    };
  });
}

import { transaction, type Pool, type Side } from '@papergate/service-kit';
import { attos, nanos, type Attos, type Nanos } from '../units.ts';
import type { Period } from './period.ts';

export interface OpenOrder {
  clientOrderId: string;
  symbol: string;
  side: Side;
  quantity: Nanos;
  filled: Nanos;
  price: Nanos;
  /** Of limit and stop-limit orders. */
  limit: Nanos | undefined;
  /** It was filled in part today. */
  traded: boolean;
  /** The broker has it. */
  atBroker: boolean;
  createdAt: number;
}

/** What the database says, all of one moment. */
export interface Snapshot {
  positions: { symbol: string; quantity: Nanos; averagePrice: Nanos; openedAt: number | undefined }[];
  orders: OpenOrder[];
  /** Of the reservations that were asked about, those whose order is there and has ended. */
  ended: string[];
  realizedToday: Attos;
  realizedWeek: Attos;
  realizedMonth: Attos;
  /** Orders that were filled today, at least in part. */
  tradesToday: number;
  /** The latest of these, by client_order_id. */
  traded: string[];
  /** Executions that are in it, newest first: messages about them say nothing new. */
  executions: string[];
}

/** Executions that may still be on the bus when the snapshot is taken. */
const RECENT = 2_000;
/** Midnight in New York at the beginning of the day $1. */
const DAY_START = `($1::date)::timestamp AT TIME ZONE 'America/New_York'`;
/** Those of the index `orders_open`. */
const FINAL = `('filled', 'canceled', 'expired', 'rejected', 'replaced')`;

/** Amounts with more decimals than limits are compared in are cut off. */
export async function loadSnapshot(pool: Pool, period: Period, reserved: string[]): Promise<Snapshot> {
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
      limit: string | null;
      traded: boolean;
      at_broker: boolean;
      created_at: Date;
    }>(
      `SELECT client_order_id, symbol, side, quantity::text, filled_quantity::text, coalesce(price, stop_price, 0)::text AS price,
         price::text AS limit, broker_order_id IS NOT NULL AS at_broker, created_at,
         filled_quantity > 0 AND EXISTS (SELECT 1 FROM trades WHERE trades.order_id = orders.order_id AND filled_at >= ${DAY_START}) AS traded
       FROM orders WHERE status NOT IN ${FINAL}`,
      [period.day],
    );
    const ended = await client.query<{ client_order_id: string }>(
      `SELECT client_order_id FROM orders WHERE client_order_id = ANY($1::text[]) AND status IN ${FINAL}`,
      [reserved],
    );
    const realized = await client.query<{ day: string; week: string; month: string }>(
      `SELECT coalesce(sum(realized_pnl) FILTER (WHERE day >= $1::date), 0)::text AS day,
         coalesce(sum(realized_pnl) FILTER (WHERE day >= $2::date), 0)::text AS week,
         coalesce(sum(realized_pnl) FILTER (WHERE day >= $3::date), 0)::text AS month
       FROM daily_pnl WHERE day >= least($2::date, $3::date)`,
      [period.day, period.week, period.month],
    );
    const traded = await client.query<{ orders: string }>(
      `SELECT count(DISTINCT order_id)::text AS orders FROM trades WHERE filled_at >= ${DAY_START}`,
      [period.day],
    );
    const trades = await client.query<{ execution_id: string; client_order_id: string; today: boolean }>(
      `SELECT execution_id, client_order_id, filled_at >= ${DAY_START} AS today FROM trades ORDER BY trade_id DESC LIMIT $2`,
      [period.day, RECENT],
    );
    const sums = realized.rows[0];
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
        limit: row.limit === null ? undefined : nanos(row.limit),
        traded: row.traded,
        atBroker: row.at_broker,
        createdAt: row.created_at.getTime(),
      })),
      ended: ended.rows.map((row) => row.client_order_id),
      realizedToday: attos(sums?.day ?? '0'),
      realizedWeek: attos(sums?.week ?? '0'),
      realizedMonth: attos(sums?.month ?? '0'),
      tradesToday: Number(traded.rows[0]?.orders ?? 0),
      traded: trades.rows.filter((row) => row.today).map((row) => row.client_order_id),
      executions: trades.rows.map((row) => row.execution_id),
    };
  });
}

import { ExternalError } from '@papergate/config';
import { transaction, type Pool, type PoolClient } from '@papergate/service-kit';
import type { Book, Changes } from '../ledger/book.ts';
import { averageFillPrice } from '../ledger/order.ts';
import { averageEntryPrice, flatPosition } from '../ledger/position.ts';
import { timeText } from '../ledger/time-text.ts';

export interface RiskEventRow {
  code: string;
  symbol: string | null;
  clientOrderId: string | null;
  message: string;
  detail: Record<string, unknown>;
}

/** How long a transaction of the ledger may wait for its writer, ms. */
const STANDSTILL_MS = 3_000;

/**
 * Writes what a batch changed, in one transaction. Every statement says what is, not by how much it grew, or
 * is dropped when it comes twice: a batch whose COMMIT was lost on the wire can be written again.
 */
export async function writeChanges(
  pool: Pool,
  fence: number,
  book: Book,
  changes: Changes,
  riskEvents: readonly RiskEventRow[],
): Promise<void> {
  await transaction(pool, async (client) => {
    await assertFence(client, fence);
    if (changes.orders.size > 0) await updateOrders(client, changes);
    if (changes.events.length > 0) await insertEvents(client, changes);
    if (changes.trades.length > 0) await insertTrades(client, changes);
    if (changes.positions.size > 0) await upsertPositions(client, book, changes);
    if (changes.cash) await upsertCash(client, book);
    if (changes.daily.size > 0) await upsertDays(client, book, changes);
    if (riskEvents.length > 0) await insertRiskEvents(client, riskEvents);
  });
}

/** Locks the row, so that a takeover waits for this transaction and then reads what it wrote; but not for one whose writer stands still. */
export async function assertFence(client: PoolClient, fence: number, standstillMs = STANDSTILL_MS): Promise<void> {
  const { rowCount } = await client.query({
    name: 'fence',
    // A writer that stands still within the transaction holds the row: the server ends it, or no successor could begin.
    text: `SELECT set_config('idle_in_transaction_session_timeout', $2, true) FROM order_writer WHERE fence = $1 FOR SHARE`,
    values: [fence, String(standstillMs)],
  });
  if (rowCount !== 1) {
    throw new ExternalError({
      code: 'ORDER_WRITER_REPLACED',
      message: 'another execution-engine has taken over the orders',
      fix: 'nothing is lost: the other engine goes on; start only one execution-engine per database',
    });
  }
}

async function updateOrders(client: PoolClient, changes: Changes): Promise<void> {
  const orders = [...changes.orders].map(({ order }) => order);
  await client.query({
    name: 'update-orders',
    text: `UPDATE orders SET broker_order_id = c.broker_order_id, status = c.status, filled_quantity = c.filled_quantity,
        avg_fill_price = c.avg_fill_price, reject_code = c.reject_code, reject_reason = c.reject_reason,
        submitted_at = c.submitted_at, updated_at = c.updated_at
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::numeric[], $5::numeric[], $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[])
        AS c(order_id, broker_order_id, status, filled_quantity, avg_fill_price, reject_code, reject_reason, submitted_at, updated_at)
      WHERE orders.order_id = c.order_id`,
    values: [
      orders.map((order) => order.orderId),
      orders.map((order) => order.brokerOrderId),
      orders.map((order) => order.status),
      orders.map((order) => order.filledQuantity.toFixed()),
      orders.map((order) => averageFillPrice(order)),
      orders.map((order) => order.rejectCode),
      orders.map((order) => order.rejectReason),
      orders.map((order) => (order.submittedAt === null ? null : timeText(order.submittedAt))),
      orders.map((order) => timeText(order.updatedAt)),
    ],
  });
}

async function insertEvents(client: PoolClient, { events }: Changes): Promise<void> {
  await client.query({
    name: 'insert-order-events',
    text: `INSERT INTO order_events (order_id, event_key, event, at, detail)
      SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::jsonb[])
      ON CONFLICT (order_id, event_key) DO NOTHING`,
    values: [
      events.map((row) => row.orderId),
      events.map((row) => row.key),
      events.map((row) => row.event),
      events.map((row) => timeText(row.at)),
      events.map((row) => JSON.stringify(row.detail)),
    ],
  });
}

async function insertTrades(client: PoolClient, { trades }: Changes): Promise<void> {
  await client.query({
    name: 'insert-trades',
    text: `INSERT INTO trades (execution_id, order_id, client_order_id, strategy, symbol, side, quantity, price, realized_pnl, cumulative, filled_at)
      SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::numeric[], $8::numeric[], $9::numeric[],
        $10::numeric[], $11::timestamptz[])
      ON CONFLICT (execution_id) DO NOTHING`,
    values: [
      trades.map((row) => row.executionId),
      trades.map((row) => row.order.orderId),
      trades.map((row) => row.order.clientOrderId),
      trades.map((row) => row.order.strategy),
      trades.map((row) => row.order.symbol),
      trades.map((row) => row.order.side),
      trades.map((row) => row.quantity.toFixed()),
      trades.map((row) => row.price.toFixed()),
      trades.map((row) => row.realizedPnl.toFixed()),
      trades.map((row) => row.cumulative?.toFixed() ?? null),
      trades.map((row) => timeText(row.at)),
    ],
  });
}

async function upsertPositions(client: PoolClient, book: Book, changes: Changes): Promise<void> {
  const positions = [...changes.positions]
    .toSorted()
    .map((symbol) => book.positions.get(symbol) ?? flatPosition(symbol));
  await client.query({
    name: 'upsert-positions',
    text: `INSERT INTO positions (symbol, quantity, avg_entry_price, cost_basis, realized_pnl, opened_at, adopted_quantity, adopted_at)
      SELECT * FROM unnest($1::text[], $2::numeric[], $3::numeric[], $4::numeric[], $5::numeric[], $6::timestamptz[], $7::numeric[],
        $8::timestamptz[])
      ON CONFLICT (symbol) DO UPDATE SET quantity = excluded.quantity, avg_entry_price = excluded.avg_entry_price,
        cost_basis = excluded.cost_basis, realized_pnl = excluded.realized_pnl, opened_at = excluded.opened_at,
        adopted_quantity = excluded.adopted_quantity, adopted_at = excluded.adopted_at, updated_at = now()`,
    values: [
      positions.map((position) => position.symbol),
      positions.map((position) => position.quantity.toFixed()),
      positions.map((position) => averageEntryPrice(position)),
      positions.map((position) => position.costBasis.toFixed()),
      positions.map((position) => position.realizedPnl.toFixed()),
      positions.map((position) => (position.openedAt === undefined ? null : timeText(position.openedAt))),
      positions.map((position) => position.adopted.toFixed()),
      positions.map((position) => (position.adoptedAt === undefined ? null : timeText(position.adoptedAt))),
    ],
  });
}

async function upsertCash(client: PoolClient, { cash }: Book): Promise<void> {
  if (cash === undefined) return;
  await client.query({
    name: 'upsert-cash',
    text: `INSERT INTO account_cash (cash, adopted) VALUES ($1, $2)
      ON CONFLICT (singleton) DO UPDATE SET cash = excluded.cash, adopted = excluded.adopted, updated_at = now()`,
    values: [cash.amount.toFixed(), cash.adopted.toFixed()],
  });
}

async function upsertDays(client: PoolClient, book: Book, changes: Changes): Promise<void> {
  const days = [...changes.daily].toSorted().flatMap((key) => book.daily.get(key) ?? []);
  await client.query({
    name: 'upsert-daily-pnl',
    text: `INSERT INTO daily_pnl (day, symbol, realized_pnl, trades, volume, notional)
      SELECT * FROM unnest($1::date[], $2::text[], $3::numeric[], $4::integer[], $5::numeric[], $6::numeric[])
      ON CONFLICT (day, symbol) DO UPDATE SET realized_pnl = excluded.realized_pnl, trades = excluded.trades,
        volume = excluded.volume, notional = excluded.notional, updated_at = now()`,
    values: [
      days.map((row) => row.day),
      days.map((row) => row.symbol),
      days.map((row) => row.realizedPnl.toFixed()),
      days.map((row) => row.trades),
      days.map((row) => row.volume.toFixed()),
      days.map((row) => row.notional.toFixed()),
    ],
  });
}

async function insertRiskEvents(client: PoolClient, rows: readonly RiskEventRow[]): Promise<void> {
  await client.query({
    name: 'insert-risk-events',
    text: `INSERT INTO risk_events (kind, code, symbol, client_order_id, message, detail)
      SELECT 'reconciliation', * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[])`,
    values: [
      rows.map((row) => row.code),
      rows.map((row) => row.symbol),
      rows.map((row) => row.clientOrderId),
      rows.map((row) => row.message),
      rows.map((row) => JSON.stringify(row.detail)),
    ],
  });
}

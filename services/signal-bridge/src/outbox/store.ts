import { fromMicros, type Pool, type Signal } from '@papergate/service-kit';

/** A row of `signals` as `GET /api/v1/signals` shows it: decimal text, RFC 3339. */
export interface StoredSignal {
  id: string;
  strategy: string;
  symbol: string;
  side: 'buy' | 'sell';
  quantity: string;
  price: string;
  reason: string;
  event_time: string;
  created_at: string;
}

/** One statement for a whole batch; what is there already stays as it is. Gives the ids that are new. */
export async function insertSignals(pool: Pool, signals: readonly Signal[]): Promise<Set<string>> {
  const result = await pool.query<{ signal_id: string }>({
    name: 'insert-signals',
    text: `INSERT INTO signals (signal_id, strategy, symbol, side, quantity, price, reason, event_time)
           SELECT id, strategy, symbol, side, quantity, price, reason, to_timestamp(event_ms / 1000.0)
           FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::numeric[], $6::numeric[], $7::text[], $8::numeric[])
             AS row (id, strategy, symbol, side, quantity, price, reason, event_ms)
           ON CONFLICT (signal_id) DO NOTHING
           RETURNING signal_id`,
    values: [
      signals.map(({ id }) => id),
      signals.map(({ strategy }) => strategy),
      signals.map(({ symbol }) => symbol),
      signals.map(({ side }) => side),
      signals.map(({ quantity }) => quantity),
      signals.map(({ price }) => fromMicros(price)),
      signals.map(({ reason }) => reason),
      // Bars begin and end at whole milliseconds.
      signals.map(({ event_time: time }) => String(time / 1000)),
    ],
  });
  return new Set(result.rows.map(({ signal_id: id }) => id));
}

export async function latestSignals(pool: Pool, limit: number): Promise<StoredSignal[]> {
  const result = await pool.query<StoredSignal>({
    name: 'latest-signals',
    text: `SELECT signal_id AS id, strategy, symbol, side, quantity::text, price::text, reason,
                  to_char(event_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS event_time,
                  to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at
           FROM signals ORDER BY signals.created_at DESC, signals.event_time DESC, signal_id LIMIT $1`,
    values: [limit],
  });
  return result.rows;
}

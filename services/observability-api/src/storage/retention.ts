import type { Pool } from '@papergate/service-kit';
import { storedSymbols } from './queries.ts';

/** Ticks are kept so long by the time at which they were received. They are market history, not books: what orders did is kept for good. */
export const RETENTION_DAYS = 30;
const DAY_MICROS = 86_400_000_000;
/** Rows in one DELETE: small enough not to be in the writer's way. */
const CHUNK = 10_000;

/** Removes ticks older than the retention, symbol by symbol along the index, in small transactions. Resolves to how many went. */
export async function removeOldTicks(
  pool: Pool,
  nowMicros: number,
  options: { days?: number; chunk?: number; signal?: AbortSignal } = {},
): Promise<number> {
  const { days = RETENTION_DAYS, chunk = CHUNK } = options;
  const oldest = Math.floor(nowMicros - days * DAY_MICROS);
  let removed = 0;
  for (const symbol of await storedSymbols(pool)) {
    for (let count = chunk; count === chunk && options.signal?.aborted !== true; removed += count) {
      const { rowCount } = await pool.query(
        `DELETE FROM ticks WHERE (epoch, n) IN (
           SELECT epoch, n FROM ticks WHERE symbol = $1 AND received_at < $2 ORDER BY received_at DESC LIMIT $3)`,
        [symbol, oldest, chunk],
      );
      count = rowCount ?? 0;
    }
  }
  return removed;
}

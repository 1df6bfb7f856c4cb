import type { Pool } from '@papergate/service-kit';
import { nanos, nanosText, type Nanos } from '../units.ts';

/** What is remembered of a position that is protected; a restart goes on from it. */
export interface GuardRow {
  symbol: string;
  /** ms since 1970 of the fill that opened the position: another one has another guard. */
  openedAt: number;
  /** The most favourable mark since then. */
  best: Nanos;
  /** Number of the next order that closes it. */
  attempt: number;
}

export interface GuardStore {
  load(): Promise<GuardRow[]>;
  save(rows: readonly GuardRow[], gone: readonly string[]): Promise<void>;
}

/** `position_guards`, one row a symbol. */
export function createGuardStore(pool: Pick<Pool, 'query'>): GuardStore {
  return {
    async load() {
      const { rows } = await pool.query<{ symbol: string; opened_at: Date; best: string; attempt: number }>(
        'SELECT symbol, opened_at, best::text, attempt FROM position_guards',
      );
      return rows.map((row) => ({
        symbol: row.symbol,
        openedAt: row.opened_at.getTime(),
        best: nanos(row.best),
        attempt: row.attempt,
      }));
    },
    async save(rows, gone) {
      if (gone.length > 0) await pool.query('DELETE FROM position_guards WHERE symbol = ANY($1::text[])', [gone]);
      if (rows.length === 0) return;
      await pool.query(
        `INSERT INTO position_guards (symbol, opened_at, best, attempt)
         SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::numeric[], $4::integer[])
         ON CONFLICT (symbol) DO UPDATE SET opened_at = excluded.opened_at, best = excluded.best,
           attempt = excluded.attempt, updated_at = now()`,
        [
          rows.map(({ symbol }) => symbol),
          rows.map(({ openedAt }) => new Date(openedAt).toISOString()),
          rows.map(({ best }) => nanosText(best)),
          rows.map(({ attempt }) => attempt),
        ],
      );
    },
  };
}

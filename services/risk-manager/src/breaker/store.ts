import type { Pool, TradingState } from '@papergate/service-kit';

export interface StoredState {
  state: TradingState;
  reason: string;
  /** The limit that tripped the breaker; null where a person decided. */
  code: string | null;
  /** A person tripped it, or tripped it again: it never resumes by itself. */
  held: boolean;
  /** ms since 1970. */
  since: number;
}

export interface StateStore {
  load(): Promise<StoredState>;
  save(state: StoredState): Promise<void>;
}

/** `trading_state`, one row. A row that is missing reads as HALTED: somebody took it away. */
export function createStateStore(pool: Pool): StateStore {
  return {
    async load() {
      const { rows } = await pool.query<{
        state: TradingState;
        reason: string;
        code: string | null;
        held: boolean;
        since: Date;
      }>('SELECT state, reason, code, held, since FROM trading_state');
      const row = rows[0];
      if (row === undefined)
        return {
          state: 'HALTED',
          reason: 'the stored trading state is missing',
          code: null,
          held: true,
          since: Date.now(),
        };
      return { state: row.state, reason: row.reason, code: row.code, held: row.held, since: row.since.getTime() };
    },
    async save({ state, reason, code, held, since }) {
      await pool.query(
        `INSERT INTO trading_state (singleton, state, reason, code, since, held) VALUES (true, $1, $2, $3, $4, $5)
         ON CONFLICT (singleton) DO UPDATE SET state = excluded.state, reason = excluded.reason, code = excluded.code, since = excluded.since, held = excluded.held`,
        [state, reason, code, new Date(since).toISOString(), held],
      );
    },
  };
}

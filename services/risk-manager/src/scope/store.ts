import type { Pool } from '@papergate/service-kit';

/** `all`, or exactly these. */
export type Symbols = 'all' | readonly string[];

export interface StoredScope {
  /** The roll-out's word for it: `no-order-flow`, `share`, `all`. */
  stage: string;
  symbols: Symbols;
  reason: string;
  setBy: string;
  /** ms since 1970. */
  setAt: number;
  /** ms since 1970; null: it does not expire. */
  expiresAt: number | null;
}

export interface ScopeStore {
  load(): Promise<StoredScope | undefined>;
  /** `audit`: it is a change, and not a lease that is renewed. */
  save(scope: StoredScope, audit: boolean): Promise<void>;
}

interface Row {
  stage: string;
  symbols: string[] | null;
  reason: string;
  set_by: string;
  set_at: Date;
  expires_at: Date | null;
}

/** `order_scopes`, the row of this release, and `order_scope_changes`: no change is stored without its line there. */
export function createScopeStore(pool: Pick<Pool, 'query'>, release: string): ScopeStore {
  return {
    async load() {
      const { rows } = await pool.query<Row>(
        'SELECT stage, symbols, reason, set_by, set_at, expires_at FROM order_scopes WHERE release = $1',
        [release],
      );
      const row = rows[0];
      return row === undefined
        ? undefined
        : {
            stage: row.stage,
            symbols: row.symbols ?? 'all',
            reason: row.reason,
            setBy: row.set_by,
            setAt: row.set_at.getTime(),
            expiresAt: row.expires_at?.getTime() ?? null,
          };
    },
    async save({ stage, symbols, reason, setBy, setAt, expiresAt }, audit) {
      await pool.query(
        `WITH saved AS (
           INSERT INTO order_scopes (release, stage, symbols, reason, set_by, set_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (release) DO UPDATE SET stage = excluded.stage, symbols = excluded.symbols, reason = excluded.reason,
             set_by = excluded.set_by, set_at = excluded.set_at, expires_at = excluded.expires_at
           RETURNING *
         )
         INSERT INTO order_scope_changes (release, stage, symbols, reason, set_by, set_at, expires_at)
         SELECT release, stage, symbols, reason, set_by, set_at, expires_at FROM saved WHERE $8`,
        [
          release,
          stage,
          symbols === 'all' ? null : symbols,
          reason,
          setBy,
          new Date(setAt).toISOString(),
          expiresAt === null ? null : new Date(expiresAt).toISOString(),
          audit,
        ],
      );
    },
  };
}

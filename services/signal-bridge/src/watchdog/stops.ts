import type { Pool } from '@papergate/service-kit';

/** A process that knows no release it is of: what was stopped is tried again after a while. */
const WITHOUT_RELEASE_MS = 3_600_000;
const isRelease = (sha: string): boolean => /^[0-9a-f]{40}$/.test(sha);

export interface StrategyStop {
  strategy: string;
  detail: string;
}

export async function recordStop(pool: Pool, release: string, { strategy, detail }: StrategyStop): Promise<void> {
  await pool.query(
    `INSERT INTO strategy_stops (release, strategy, detail) VALUES ($1, $2, $3)
     ON CONFLICT (release, strategy) DO UPDATE SET detail = excluded.detail, stopped_at = now()`,
    [release, strategy, detail],
  );
}

/** The strategies that are not started any more in this release. */
export async function stopsOf(pool: Pool, release: string): Promise<StrategyStop[]> {
  const { rows } = await pool.query<StrategyStop>(
    `SELECT strategy, detail FROM strategy_stops
     WHERE release = $1 AND ($2::float8 IS NULL OR stopped_at > now() - $2::float8 * interval '1 millisecond')
     ORDER BY strategy`,
    [release, isRelease(release) ? null : WITHOUT_RELEASE_MS],
  );
  return rows;
}

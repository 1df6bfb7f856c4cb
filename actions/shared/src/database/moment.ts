import type { Client } from 'pg';
import type { Moment } from './types.ts';

/** Which database this is, and what its present transaction sees. */
export async function momentOf(client: Client): Promise<Moment> {
  const { rows } = await client.query<Moment>(
    `SELECT (SELECT system_identifier::text FROM pg_control_system()) AS system,
       (SELECT oid::text FROM pg_database WHERE datname = current_database()) AS oid,
       pg_current_snapshot()::text AS snapshot`,
  );
  const [moment] = rows;
  if (moment === undefined) throw new Error('the server gives no snapshot');
  return moment;
}

/** Name of the last migration that was applied; `none` where none was. */
export async function schemaVersionOf(client: Client): Promise<string> {
  const { rows } = await client.query<{ found: boolean }>(
    "SELECT to_regclass('public.schema_migrations') IS NOT NULL AS found",
  );
  if (rows[0]?.found !== true) return 'none';
  const last = await client.query<{ name: string }>(
    'SELECT name FROM public.schema_migrations ORDER BY name DESC LIMIT 1',
  );
  return last.rows[0]?.name ?? 'none';
}

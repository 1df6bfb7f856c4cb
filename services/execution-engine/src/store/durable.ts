import pg from 'pg';
import { UserError, type Secret } from '@papergate/config';
import { describeDatabase } from '@papergate/service-kit';

/** What every session of this service that writes asks for, whatever a role or a database says meanwhile. */
export const DURABLE_SESSION = '-c synchronous_commit=on';

/** How PostgreSQL names where a setting comes from (pg_settings.source), and how it is taken back there. */
const RESETS: Readonly<Record<string, string>> = {
  user: 'ALTER ROLE … RESET',
  database: 'ALTER DATABASE … RESET',
  'database user': 'ALTER ROLE … IN DATABASE … RESET',
};

/**
 * An order is acknowledged when its row is committed: a server that answers a COMMIT before it is on disk would make that
 * a lie at its next crash. Asked on a session as the server, the database and the role make it, so that it is said where
 * somebody turned it off, and not only covered up for our own sessions.
 *
 * @throws UserError DATABASE_NOT_DURABLE
 */
export async function requireDurable(url: Secret): Promise<void> {
  const client = new pg.Client({
    connectionString: url.reveal(),
    application_name: 'papergate-execution-engine',
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ source: string }>(
      `SELECT source FROM pg_settings WHERE name = 'synchronous_commit' AND setting = 'off'`,
    );
    const [off] = rows;
    if (off === undefined) return;
    const { source } = off;
    throw new UserError({
      code: 'DATABASE_NOT_DURABLE',
      message: `synchronous_commit is off at ${describeDatabase(url)} (set by: ${source}), where it has to be on: an order that was acknowledged would be lost with the server`,
      fix: `turn it on: ${RESETS[source] ?? 'ALTER SYSTEM RESET'} synchronous_commit, then start again`,
    });
  } finally {
    await client.end().catch(() => undefined);
  }
}

import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { ExternalError } from '@papergate/config';
import type { DatabaseAccess } from '../deliver/types.ts';
import { connect, databaseOf, during, quoted, withDatabase } from './connection.ts';

/** Databases that every PostgreSQL has; locks and the making of databases happen there. */
export const maintenanceUrl = ({ adminUrl }: DatabaseAccess): DatabaseAccess['adminUrl'] =>
  withDatabase(adminUrl, 'postgres');

/** Begins the names of all databases that checks of this one make and drop. */
export function scratchPrefix(database: string): string {
  return `papergate_scratch_${createHash('sha256').update(database).digest('hex').slice(0, 8)}_`;
}

const RETRY_MS = 200;

/**
 * Works while no other checkpoint, restore or drill of the same database runs, on whatever machine. The lock is
 * the server's own and ends with the connection, so that a killed holder leaves none behind; and what it left of
 * scratch databases nobody can be using any more, and is dropped first.
 * @throws ExternalError DATABASE_CARE_BUSY after `waitMs`
 */
export async function exclusively<T>(
  database: DatabaseAccess,
  { waitMs, signal }: { waitMs: number; signal?: AbortSignal | undefined },
  work: () => Promise<T>,
): Promise<T> {
  const name = databaseOf(database.adminUrl);
  const { client, close } = await connect(maintenanceUrl(database), signal);
  try {
    const until = performance.now() + waitMs;
    for (;;) {
      const { rows } = await client.query<{ got: boolean }>(
        "SELECT pg_try_advisory_lock(hashtextextended('papergate database care: ' || $1, 0)) AS got",
        [name],
      );
      if (rows[0]?.got === true) break;
      if (performance.now() >= until) throw busy(name);
      await delay(RETRY_MS, undefined, signal === undefined ? {} : { signal });
    }
    await dropScratch(database);
    return await work();
  } finally {
    await close();
  }
}

function busy(name: string): ExternalError {
  return new ExternalError({
    code: 'DATABASE_CARE_BUSY',
    message: `another checkpoint, restore or restore drill of ${name} is running`,
    fix: 'wait for its end and try again',
  });
}

async function dropScratch(database: DatabaseAccess): Promise<void> {
  const prefix = scratchPrefix(databaseOf(database.adminUrl));
  await during(maintenanceUrl(database), 'removing what an earlier check left', async ({ client }) => {
    const { rows } = await client.query<{ datname: string }>(
      'SELECT datname FROM pg_database WHERE starts_with(datname, $1)',
      [prefix],
    );
    for (const { datname } of rows) await client.query(`DROP DATABASE IF EXISTS ${quoted(datname)} WITH (FORCE)`);
  });
}

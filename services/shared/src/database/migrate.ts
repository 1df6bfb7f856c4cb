import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { PG_MIGRATE_LOCK_ID, runner } from 'node-pg-migrate';
import pg from 'pg';
import { errorCode, ExternalError, messageOf, PapergateError, UserError, type Secret } from '@papergate/config';
import { dropInvalidIndexes, recordDigests, refuseEdited } from './digests.ts';
import { LIMITS, loadMigrations } from './load-migrations.ts';
import { describeDatabase } from './pool.ts';

const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));

const LOCK_NOT_AVAILABLE = '55P03';
const ATTEMPTS = 20;
const PAUSE_MS = 1_000;

export interface MigrationReport {
  applied: string[];
  /** Name of the newest migration: the schema version of a release's manifest. */
  schema_version: string;
}

export interface MigrateOptions {
  /** Folder of the migrations; default: this release's own. */
  dir?: string;
  attempts?: number;
  pauseMs?: number;
}

/**
 * Applies what is missing, in one transaction a migration, under an advisory lock so that two at once are one.
 * A database that is ahead of this release, as after a rollback, stays as it is.
 * @throws UserError DATABASE_URL_MISSING, MIGRATION_EDITED; ExternalError MIGRATION_FAILED
 */
export async function migrateDatabase(url: Secret | undefined, options: MigrateOptions = {}): Promise<MigrationReport> {
  if (url === undefined || url.isEmpty) {
    throw new UserError({
      code: 'DATABASE_URL_MISSING',
      message: 'DATABASE_URL is not set',
      fix: 'set DATABASE_URL or DATABASE_URL_FILE',
    });
  }
  const { dir = MIGRATIONS } = options;
  let client: pg.Client | undefined;
  try {
    client = new pg.Client({
      connectionString: url.reveal(),
      application_name: 'papergate-migrate',
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
    });
    // A connection that dies between two statements says so by an event, which without a listener would end the process.
    client.on('error', () => {});
    await client.connect();
    // The same lock that node-pg-migrate takes itself, and older releases with it.
    await client.query(`SELECT pg_advisory_lock(${PG_MIGRATE_LOCK_ID})`);
    await client.query(LIMITS);
    await refuseEdited(client, dir);
    await dropInvalidIndexes(client);
    const applied = await applyPatiently(client, dir, options);
    await recordDigests(client, dir);
    return { applied, schema_version: schemaVersion(dir) };
  } catch (error) {
    if (error instanceof PapergateError) throw error;
    throw new ExternalError({
      code: 'MIGRATION_FAILED',
      message: `the migrations could not be applied to ${describeDatabase(url)}: ${messageOf(error)}`,
      fix: 'look at the database server’s log; nothing of the failed migration was kept',
      cause: error,
    });
  } finally {
    await client?.end().catch(() => {});
  }
}

async function applyPatiently(
  client: pg.Client,
  dir: string,
  { attempts = ATTEMPTS, pauseMs = PAUSE_MS }: MigrateOptions,
): Promise<string[]> {
  const applied: string[] = [];
  for (let attempt = 1; ; attempt += 1) {
    try {
      const run = await runner({
        dbClient: client,
        noLock: true,
        dir,
        direction: 'up',
        migrationsTable: 'schema_migrations',
        count: Infinity,
        checkOrder: true,
        migrationLoaderStrategies: [{ extensions: ['.sql'], loader: loadMigrations }],
        log: () => undefined,
      });
      applied.push(...run.map(({ name }) => name));
      return applied;
    } catch (error) {
      await client.query('ROLLBACK');
      if (errorCode(error) !== LOCK_NOT_AVAILABLE || attempt >= attempts) throw error;
      await delay(pauseMs);
    }
  }
}

export function schemaVersion(dir = MIGRATIONS): string {
  const files = readdirSync(dir)
    .filter((file) => file.endsWith('.sql'))
    .toSorted();
  return (files.at(-1) ?? 'none').replace(/\.sql$/, '');
}

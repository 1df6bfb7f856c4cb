import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import { ExternalError, messageOf, UserError, type Secret } from '@papergate/config';
import { describeDatabase } from './pool.ts';

const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));

export interface MigrationReport {
  applied: string[];
  /** Name of the newest migration: the schema version of a release's manifest. */
  schema_version: string;
}

/** Applies what is missing, in one transaction a migration, under an advisory lock so that two at once are one. */
export async function migrateDatabase(url: Secret | undefined): Promise<MigrationReport> {
  if (url === undefined || url.isEmpty) {
    throw new UserError({
      code: 'DATABASE_URL_MISSING',
      message: 'DATABASE_URL is not set',
      fix: 'set DATABASE_URL or DATABASE_URL_FILE',
    });
  }
  try {
    const applied = await runner({
      databaseUrl: url.reveal(),
      dir: MIGRATIONS,
      direction: 'up',
      migrationsTable: 'schema_migrations',
      count: Infinity,
      checkOrder: true,
      advisoryLockMode: 'wait',
      log: () => undefined,
    });
    return { applied: applied.map(({ name }) => name), schema_version: schemaVersion() };
  } catch (error) {
    throw new ExternalError({
      code: 'MIGRATION_FAILED',
      message: `the migrations could not be applied to ${describeDatabase(url)}: ${messageOf(error)}`,
      fix: 'look at the database server’s log; nothing of the failed migration was kept',
      cause: error,
    });
  }
}

export function schemaVersion(): string {
  const files = readdirSync(MIGRATIONS)
    .filter((file) => file.endsWith('.sql'))
    .toSorted();
  return (files.at(-1) ?? 'none').replace(/\.sql$/, '');
}

import { join } from 'node:path';
import { checkMigrations, databaseFacts, type DatabaseFacts } from '../../database/index.ts';
import type { DeliverOptions } from '../../deliver/options.ts';
import type { DatabaseAccess, DeliveryTarget } from '../../deliver/types.ts';
import type { Home } from '../../home/index.ts';
import { sourceOf } from './source.ts';

export interface MigrationsOf {
  repository: string;
  home: Home;
  target: DeliveryTarget;
  signal: AbortSignal;
}

const MIGRATIONS = join('services', 'shared', 'migrations');

/** Holds a release's migrations against what the database has, and what every release that may still run on it needs. */
export function migrationsCheck(options: MigrationsOf): DeliverOptions['checkMigrations'] {
  return async ({ current, next, kept }) => {
    const { dir } = await sourceOf(options, next);
    const facts = current === undefined ? undefined : await factsOf(options.target);
    return checkMigrations({
      migrationsDir: join(dir, MIGRATIONS),
      current,
      kept: kept.map(({ manifest }) => ({ commit: manifest.commit, schemaVersion: manifest.schema_version })),
      ...(facts === undefined ? {} : { applied: facts.applied, rowsOf: facts.rowsOf }),
    });
  };
}

// A place that is down has no database that could be asked: what its record says has to do. One that answers and
// cannot tell is another matter, and stops the deploy.
async function factsOf(target: DeliveryTarget): Promise<DatabaseFacts | undefined> {
  let database: DatabaseAccess;
  try {
    database = await target.database();
  } catch {
    return undefined;
  }
  try {
    return await databaseFacts(database);
  } finally {
    await database.close();
  }
}

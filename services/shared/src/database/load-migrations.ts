import { readFile } from 'node:fs/promises';
import type { MigrationBuilder } from 'node-pg-migrate';

/** While a migration waits for a table, all that comes after it waits too: orders. So it gives up soon. */
export const LIMITS = "SET lock_timeout = '2s'; SET statement_timeout = '120s'";
/** Building an index beside the writes takes as long as it takes, and waits for transactions that were there before. */
const LONG = "SET lock_timeout = 0; SET statement_timeout = '9min'";

interface LoadedMigration {
  id: string;
  filePaths: string[];
  actions: { up: (builder: MigrationBuilder) => void; down: false };
}

/**
 * Reads SQL migrations as node-pg-migrate does, and runs one that says `-- papergate: no transaction` outside of one:
 * CREATE INDEX CONCURRENTLY, which holds up no writes, cannot run within.
 */
export function loadMigrations(filePaths: string[]): Promise<LoadedMigration[]> {
  return Promise.all(filePaths.map(loadMigration));
}

async function loadMigration(filePath: string): Promise<LoadedMigration> {
  const text = await readFile(filePath, 'utf8');
  const withoutTransaction = /^\s*--\s*papergate\s*:\s*no transaction\s*$/im.test(text);
  const up = (builder: MigrationBuilder): void => {
    if (withoutTransaction) builder.noTransaction().sql(LONG);
    builder.sql(upPart(text));
    if (withoutTransaction) builder.sql(LIMITS);
  };
  return { id: filePath, filePaths: [filePath], actions: { up, down: false } };
}

/** From `-- Up Migration` to `-- Down Migration`. */
function upPart(text: string): string {
  const up = text.search(/^\s*--[\s-]*up\s+migration/im);
  const down = text.search(/^\s*--[\s-]*down\s+migration/im);
  return up < 0 ? text : text.slice(up, down < up ? undefined : down);
}

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from 'pg';
import { UserError } from '@papergate/config';

/**
 * A migration that was applied is history: whoever edits its file has another schema than everybody else, and nobody
 * notices. So the digest of each file is kept beside the fact that it was applied.
 */
const TABLE = `CREATE TABLE IF NOT EXISTS schema_migration_digests (
  name         text PRIMARY KEY,
  sha256       text NOT NULL,
  recorded_at  timestamptz NOT NULL DEFAULT now()
)`;

/** @throws UserError MIGRATION_EDITED */
export async function refuseEdited(client: Client, dir: string): Promise<void> {
  const present = await client.query<{ found: boolean }>(
    "SELECT to_regclass('schema_migration_digests') IS NOT NULL AS found",
  );
  if (present.rows[0]?.found !== true) return;
  const { rows } = await client.query<{ name: string; sha256: string }>(
    'SELECT name, sha256 FROM schema_migration_digests',
  );
  const files = await digestsOf(dir);
  const edited = rows.filter(({ name, sha256 }) => files.has(name) && files.get(name) !== sha256);
  if (edited.length === 0) return;
  throw new UserError({
    code: 'MIGRATION_EDITED',
    message: `a migration was edited after it was applied: ${edited.map(({ name }) => `${name}.sql`).join(', ')}`,
    fix: 'put the file back as it was, and write what is to change into a new migration',
  });
}

/** Those that are applied and have no digest yet; a kill between the two is made up for by the next run. */
export async function recordDigests(client: Client, dir: string): Promise<void> {
  await client.query(TABLE);
  const files = await digestsOf(dir);
  await client.query(
    `INSERT INTO schema_migration_digests (name, sha256)
     SELECT f.name, f.sha256 FROM unnest($1::text[], $2::text[]) AS f (name, sha256) JOIN schema_migrations m ON m.name = f.name
     ON CONFLICT DO NOTHING`,
    [[...files.keys()], [...files.values()]],
  );
}

async function digestsOf(dir: string): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  for (const file of await readdir(dir)) {
    if (!file.endsWith('.sql')) continue;
    const sha256 = createHash('sha256')
      .update(await readFile(join(dir, file)))
      .digest('hex');
    digests.set(file.replace(/\.sql$/, ''), sha256);
  }
  return digests;
}

/** What a CREATE INDEX CONCURRENTLY that failed left behind: it serves nobody, and would be taken for the real one. */
export async function dropInvalidIndexes(client: Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT i.indexrelid::regclass::text AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE NOT i.indisvalid AND c.relkind = 'i' AND n.nspname = current_schema()`,
  );
  for (const { name } of rows) await client.query(`DROP INDEX IF EXISTS ${name}`);
}

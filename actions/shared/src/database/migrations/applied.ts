import type { DatabaseAccess } from '../../deliver/types.ts';
import { during } from '../connection.ts';

export interface DatabaseFacts {
  /** In the order of their names; the digest of the file that was applied, where it is on record. */
  applied: { name: string; sha256: string | undefined }[];
  /** Rows of a table, about: the planner's estimate, or by its size where that says more; undefined where there is no such table. */
  rowsOf: (table: string) => number | undefined;
}

/** What a running database says of its migrations and sizes: for `checkMigrations`. */
export async function databaseFacts(database: DatabaseAccess): Promise<DatabaseFacts> {
  return during(database.adminUrl, 'reading what migrations were applied', async ({ client }) => {
    const present = await client.query<{ main: boolean; digests: boolean }>(
      `SELECT to_regclass('public.schema_migrations') IS NOT NULL AS main,
         to_regclass('public.schema_migration_digests') IS NOT NULL AS digests`,
    );
    const { main = false, digests = false } = present.rows[0] ?? {};
    const applied = main
      ? await client.query<{ name: string; sha256: string | null }>(
          digests
            ? 'SELECT m.name, d.sha256 FROM public.schema_migrations m LEFT JOIN public.schema_migration_digests d USING (name) ORDER BY m.name'
            : 'SELECT name, NULL AS sha256 FROM public.schema_migrations ORDER BY name',
        )
      : { rows: [] };
    const sizes = await client.query<{ name: string; rows: number }>(
      `SELECT CASE n.nspname WHEN 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END AS name, greatest(c.reltuples, pg_relation_size(c.oid) / 100)::float8 AS rows
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')`,
    );
    const rows = new Map(sizes.rows.map((size) => [size.name, size.rows]));
    return {
      applied: applied.rows.map(({ name, sha256 }) => ({ name, sha256: sha256 ?? undefined })),
      rowsOf: (table) => rows.get(table),
    };
  });
}

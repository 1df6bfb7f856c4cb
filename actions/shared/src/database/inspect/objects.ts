import type { Client } from 'pg';
import { QUERIES, UNSUPPORTED } from './object-queries.ts';

/** One thing of the schema. `ddl` makes it, and two databases that have the same have it in the same words. */
export interface SchemaObject {
  kind: string;
  name: string;
  ddl: string;
}

export type Phase = 'before-data' | 'after-data';

/**
 * Everything that the schema consists of but the tables' content, in an order in which it can be made: kinds in a
 * fixed order, and within a kind by object number, which is the order in which it was first made. The connection's
 * search path has to be empty, so that all names come with their schema.
 */
export async function readObjects(client: Client, phase?: Phase): Promise<SchemaObject[]> {
  const objects: SchemaObject[] = [];
  for (const { kind, phase: own, sql } of QUERIES) {
    if (phase !== undefined && phase !== own) continue;
    const { rows } = await client.query<{ name: string; ddl: string }>(sql);
    for (const { name, ddl } of rows) objects.push({ kind, name, ddl });
  }
  if (phase === undefined) objects.push(...(await readUnsupported(client)));
  return objects;
}

/** What {@link readObjects} has no words for. `pg_dump` has; a dump of ours refuses a database that has any. */
export async function readUnsupported(client: Client): Promise<SchemaObject[]> {
  const { rows } = await client.query<{ kind: string; name: string }>(UNSUPPORTED);
  return rows.map(({ kind, name }) => ({ kind, name, ddl: '' }));
}

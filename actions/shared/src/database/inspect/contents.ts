import { createHash } from 'node:crypto';
import type { Client } from 'pg';
import type { Contents, TableContents } from '../types.ts';
import { readObjects, type SchemaObject } from './objects.ts';

// Not temporary, not the system's, not an extension's.
const OWN_RELATIONS = `
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`;

/** Tables that hold rows, quoted and with their schema, in a fixed order. */
export async function tableNames(client: Client): Promise<string[]> {
  return names(client, `AND c.relkind = 'r'`);
}

export async function sequenceNames(client: Client): Promise<string[]> {
  return names(client, `AND c.relkind = 'S'`);
}

async function names(client: Client, only: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name ${OWN_RELATIONS} ${only} ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

/**
 * Counts and hashes a table. The hash is the sum over all rows of 64 bits of the SHA-256 of the row's text, every
 * column of it: it does not depend on the order of the rows, nor on the server's version or machine, and two
 * million ticks take about three seconds.
 */
export async function hashTable(client: Client, name: string): Promise<TableContents> {
  const row = 'papergate_row';
  const { rows } = await client.query<{ rows: string; hash: string }>(
    `SELECT count(*) AS rows,
       coalesce(sum(('x' || substr(encode(sha256(convert_to(${row}::text, 'UTF8')), 'hex'), 1, 16))::bit(64)::bigint::numeric), 0)::text AS hash
     FROM ONLY ${name} AS ${row}`,
  );
  return { name, rows: Number(rows[0]?.rows), hash: rows[0]?.hash ?? '' };
}

/** What a sequence gives next, decimal text. Sequences stand outside of transactions: it is of now, not of the snapshot. */
export async function nextValues(client: Client): Promise<Map<string, string>> {
  const values = new Map<string, string>();
  for (const name of await sequenceNames(client)) {
    const { rows } = await client.query<{ next: string }>(
      `SELECT (CASE WHEN v.is_called THEN v.last_value::numeric + s.seqincrement ELSE v.last_value END)::text AS next
       FROM ${name} v, pg_sequence s WHERE s.seqrelid = $1::regclass`,
      [name],
    );
    values.set(name, rows[0]?.next ?? '');
  }
  return values;
}

/** Everything of a database that is compared, as this connection's transaction sees it. */
export async function readContents(client: Client, onTable: (name: string) => void = () => {}): Promise<Contents> {
  const tables: TableContents[] = [];
  for (const name of await tableNames(client)) {
    onTable(name);
    tables.push(await hashTable(client, name));
  }
  const sequences = [...(await nextValues(client))].map(([name, next]) => ({ name, low: next, high: next }));
  return { tables, sequences, objects: (await readObjects(client)).map(digestOf) };
}

export function digestOf({ kind, name, ddl }: SchemaObject): Contents['objects'][number] {
  return { kind, name, sha256: createHash('sha256').update(ddl).digest('hex') };
}

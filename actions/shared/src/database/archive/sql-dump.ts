import { to as copyTo } from 'pg-copy-streams';
import type { Client } from 'pg';
import { ExternalError } from '@papergate/config';
import { some } from '../errors.ts';
import { nextValues, tableNames } from '../inspect/contents.ts';
import { readObjects, readUnsupported } from '../inspect/objects.ts';

export const HEADER = '-- papergate checkpoint 1';
/** Before a statement: how many bytes it has, so that nobody has to understand SQL to find its end. */
export const STATEMENT = '-- papergate: statement ';
/** Before a COPY with its rows, which end with a line of `\.` */
export const COPY = '-- papergate: copy ';
/** The last line: without it the script was cut off. */
export const END = '-- papergate: end';
export const END_OF_ROWS = '\\.\n';

export interface SqlDump {
  script: AsyncIterable<string | Buffer>;
  /** What each sequence gave next when it was read; filled before the script's end. */
  sequences: Map<string, string>;
}

/**
 * The database as a script that `psql` takes as well, for where no pg_dump is: the schema out of the catalogue,
 * the rows by COPY, all as the connection's transaction sees them.
 * @throws ExternalError CHECKPOINT_UNSUPPORTED where the schema has something that the script has no words for
 */
export async function dumpSql(client: Client): Promise<SqlDump> {
  const unsupported = await readUnsupported(client);
  if (unsupported.length > 0) {
    throw new ExternalError({
      code: 'CHECKPOINT_UNSUPPORTED',
      message: `without pg_dump a checkpoint cannot hold ${some(unsupported.map(({ kind, name }) => `${kind} ${name}`))}`,
      fix: 'run this database where pg_dump is (the compose target), or leave these out of the schema',
    });
  }
  const sequences = await nextValues(client);
  return { sequences, script: script(client, sequences) };
}

async function* script(client: Client, sequences: ReadonlyMap<string, string>): AsyncGenerator<string | Buffer> {
  yield `${HEADER}\n${statement("SET search_path = ''; SET check_function_bodies = off;")}`;
  for (const { ddl } of await readObjects(client, 'before-data')) yield statement(ddl);
  for (const table of await tableNames(client)) {
    const columns = await columnsOf(client, table);
    yield `${COPY}${JSON.stringify(table)}\nCOPY ${table}${columns} FROM stdin;\n`;
    yield* client.query(copyTo(`COPY ${table}${columns} TO STDOUT`)) as AsyncIterable<Buffer>;
    yield END_OF_ROWS;
  }
  for (const { ddl } of await readObjects(client, 'after-data')) yield statement(ddl);
  for (const [name, next] of sequences)
    yield statement(`SELECT pg_catalog.setval('${name.replaceAll("'", "''")}', ${next}, false);`);
  yield `${END}\n`;
}

const statement = (sql: string): string => `${STATEMENT}${Buffer.byteLength(sql)}\n${sql}\n`;

// Generated columns are computed again; COPY refuses to take them.
async function columnsOf(client: Client, table: string): Promise<string> {
  const { rows } = await client.query<{ columns: string }>(
    `SELECT coalesce(string_agg(quote_ident(attname), ', ' ORDER BY attnum), '') AS columns
     FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`,
    [table],
  );
  const columns = rows[0]?.columns ?? '';
  return columns === '' ? '' : ` (${columns})`;
}

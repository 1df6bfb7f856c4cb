import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Client } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { COPY, END, END_OF_ROWS, HEADER, STATEMENT } from './sql-dump.ts';
import { ByteReader } from './byte-reader.ts';

/** The script is not one of ours, or was cut off. */
export class ScriptError extends Error {}

/** Runs a script of {@link dumpSql} in one transaction: all of it or nothing. */
export async function restoreSql(client: Client, source: Readable): Promise<void> {
  const reader = new ByteReader(source);
  if ((await reader.line()) !== HEADER) throw new ScriptError('it does not begin like a checkpoint');
  await client.query('BEGIN');
  // It is a database that nobody uses yet: what is lost in a crash is made again. The commit itself waits for the disk.
  await client.query("SET LOCAL maintenance_work_mem = '128MB'");
  for (;;) {
    const line = await reader.line();
    if (line === END) break;
    if (line?.startsWith(STATEMENT) === true) {
      const sql = (await reader.exactly(Number(line.slice(STATEMENT.length)))).toString('utf8');
      await reader.line();
      await runStatement(client, sql);
    } else if (line?.startsWith(COPY) === true) {
      const copy = (await reader.line()) ?? '';
      await pipeline(reader.until(END_OF_ROWS), client.query(copyFrom(copy.replace(/;$/, ''))));
    } else {
      throw new ScriptError(line === undefined ? 'it was cut off' : 'it has a part that nobody wrote');
    }
  }
  await client.query('COMMIT');
}

async function runStatement(client: Client, sql: string): Promise<void> {
  try {
    await client.query(sql);
  } catch (error) {
    throw new Error(`${sql.split('\n')[0]}: ${(error as Error).message}`, { cause: error });
  }
}

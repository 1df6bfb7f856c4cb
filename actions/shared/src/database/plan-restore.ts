import type { Client } from 'pg';
import type { DatabaseAccess } from '../deliver/types.ts';
import { during } from './connection.ts';
import { tableNames } from './inspect/contents.ts';
import { momentOf, schemaVersionOf } from './moment.ts';
import { readCheckpoint } from './store.ts';
import type { Checkpoint, CheckpointStore, Moment } from './types.ts';

export interface TableLoss {
  /** With its schema where that is not `public`. */
  table: string;
  rows_now: number;
  rows_then: number;
  /** Rows that were added or changed since: as they are now they would be gone. */
  since: number;
}

export interface RestorePlan {
  checkpoint: Checkpoint;
  schema_now: string;
  schema_then: string;
  /** All tables that would lose something. */
  lost: TableLoss[];
  /**
   * True where every row was asked whether it came after the checkpoint. Where the database is another one by now
   * (made anew, restored from elsewhere), only the numbers of rows can be compared.
   */
  exact: boolean;
}

/** What a restore would undo, counted in the running database. Changes nothing. */
export async function planRestore({
  database,
  store,
  id,
}: {
  database: DatabaseAccess;
  store: CheckpointStore;
  id: string;
}): Promise<RestorePlan> {
  const checkpoint = await readCheckpoint(store, id);
  return during(database.adminUrl, 'counting what a restore would undo', async ({ client }) => {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const now = await momentOf(client);
    const then = checkpoint.moments.findLast((moment) => isSameDatabase(moment, now));
    const lost: TableLoss[] = [];
    for (const name of await tableNames(client)) {
      const rowsThen = checkpoint.tables.find((table) => table.name === name)?.rows ?? 0;
      const { rows, since } = await countSince(client, name, then);
      const loss = { table: name.replace(/^public\./, ''), rows_now: rows, rows_then: rowsThen };
      const counted = { ...loss, since: since ?? Math.max(0, rows - rowsThen) };
      if (counted.since > 0) lost.push(counted);
    }
    return {
      checkpoint,
      schema_now: await schemaVersionOf(client),
      schema_then: checkpoint.schema_version,
      lost,
      exact: then !== undefined,
    };
  });
}

/** Transaction numbers on rows have 32 bits and go round: they can be ordered within half of that. */
const HALF = 2n ** 31n;
const ALL = 2n ** 32n;

function isSameDatabase(then: Moment, now: Moment): boolean {
  return then.system === now.system && then.oid === now.oid && parse(now).xmax - parse(then).xmax < HALF;
}

/** `xmin:xmax:xip,…`: everything from xmax on, and what is in the list, had not happened yet. */
function parse({ snapshot }: Moment): { xmax: bigint; running: string[] } {
  const [, xmax = '0', running = ''] = snapshot.split(':');
  return {
    xmax: BigInt(xmax),
    running: running
      .split(',')
      .filter((text) => text !== '')
      .map((text) => String(BigInt(text) % ALL)),
  };
}

async function countSince(
  client: Client,
  name: string,
  then: Moment | undefined,
): Promise<{ rows: number; since: number | undefined }> {
  if (then === undefined) {
    const { rows } = await client.query<{ rows: string }>(`SELECT count(*) AS rows FROM ONLY ${name}`);
    return { rows: Number(rows[0]?.rows), since: undefined };
  }
  const { xmax, running } = parse(then);
  // Numbers below 3 are the server's own, of rows that are as old as the database.
  const { rows } = await client.query<{ rows: string; since: string }>(
    `SELECT count(*) AS rows, count(*) FILTER (WHERE xmin::text::bigint >= 3
       AND ((xmin::text::bigint - $1::bigint + ${ALL}) % ${ALL} < ${HALF} OR xmin::text = ANY ($2))) AS since
     FROM ONLY ${name}`,
    [String(xmax % ALL), running],
  );
  return { rows: Number(rows[0]?.rows), since: Number(rows[0]?.since) };
}

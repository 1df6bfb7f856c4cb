// node services/observability-api/src/bench/storage.ts [rows]
// Rows a second into `ticks`, beside what PostgreSQL takes of the same rows when nothing else is done: two JSON lines.
import { from as copyFrom } from 'pg-copy-streams';
import { finished } from 'node:stream/promises';
import { createPool, type Pool, type Tick } from '@papergate/service-kit';
import { startTestDatabase, until } from '@papergate/service-kit/testing';
import { storeTicks } from '../storage/copy.ts';
import { copyLines, INSERT_TICKS, insertValues, TICK_COLUMNS } from '../storage/rows.ts';
import { createTickWriter } from '../storage/writer.ts';
import { createUploads } from '../storage/uploads.ts';
import { someTicks } from '../testing/market-data-double.ts';

const ROWS = Number(process.argv[2] ?? 400_000);
const BATCH = 20_000;
/** As market-data publishes at full speed. */
const MESSAGE = 1_000;
const SINGLE_WRITES = 20_000;
const WRITERS = 200;
/** As many rows as the group commit finds waiting with so many writers. */
const UNNEST = WRITERS;

async function rate(rows: number, work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return Math.round(rows / ((performance.now() - startedAt) / 1000));
}

async function rawCopy(pool: Pool, buffers: readonly Buffer[]): Promise<void> {
  const client = await pool.connect();
  try {
    for (const buffer of buffers) {
      const stream = client.query(copyFrom(`COPY ticks (${TICK_COLUMNS}) FROM STDIN`));
      stream.end(buffer);
      await finished(stream);
    }
  } finally {
    client.release();
  }
}

async function throughWriter(pool: Pool, messages: readonly Tick[][]): Promise<void> {
  const writer = createTickWriter({ store: (epoch, ticks) => storeTicks(pool, epoch, ticks) });
  for (const message of messages) await writer.write('writer', message);
  await until('the last row', () => writer.held === 0, 120_000);
}

async function throughUploads(pool: Pool): Promise<void> {
  let epochs = 0;
  const uploads = createUploads({
    insert: (epoch, ticks) =>
      pool.query({ name: 'insert-ticks', text: INSERT_TICKS, values: insertValues(epoch, ticks) }),
    newEpoch: () => `upload-${(epochs += 1)}`,
    nowMicros: () => Date.now() * 1000,
  });
  let left = SINGLE_WRITES;
  const one = async (): Promise<void> => {
    for (; left > 0; left -= 1) await uploads.store([{ symbol: 'AAPL', price: 167.41, volume: 100 }]);
  };
  await Promise.all(Array.from({ length: WRITERS }, one));
}

const database = await startTestDatabase();
const pool = createPool({ url: database.url, poolSize: 4, applicationName: 'bench' });
try {
  const ticks = someTicks(ROWS).map((tick, at): Tick => ({ ...tick, n: at + 1, r: 1_700_000_000_000_000 + at }));
  const slices = (size: number): Tick[][] =>
    Array.from({ length: Math.ceil(ticks.length / size) }, (_, at) => ticks.slice(at * size, (at + 1) * size));
  const buffers = slices(BATCH).map((slice) => Buffer.from(copyLines('raw', slice)));
  // One of each first, so that neither has the cold start.
  await rawCopy(pool, buffers.slice(0, 1));
  await throughWriter(pool, slices(MESSAGE).slice(0, 20));

  await pool.query('TRUNCATE ticks');
  const ceiling = await rate(ROWS, () => rawCopy(pool, buffers));
  await pool.query('TRUNCATE ticks');
  const value = await rate(ROWS, () => throughWriter(pool, slices(MESSAGE)));
  const { rows } = await pool.query<{ count: string }>('SELECT count(*) FROM ticks');
  if (Number(rows[0]?.count) !== ROWS) throw new Error(`${rows[0]?.count} rows are stored, not ${ROWS}`);
  console.log(
    JSON.stringify({
      name: 'ticks stored from the bus',
      value,
      unit: 'rows/s',
      ceiling,
      ceiling_name: 'raw COPY of the same rows',
    }),
  );

  await pool.query('TRUNCATE ticks');
  const unnest = slices(UNNEST).slice(0, Math.ceil(SINGLE_WRITES / UNNEST));
  const unnestCeiling = await rate(SINGLE_WRITES, async () => {
    for (const slice of unnest)
      await pool.query({ name: 'raw', text: INSERT_TICKS, values: insertValues('raw', slice) });
  });
  await pool.query('TRUNCATE ticks');
  const single = await rate(SINGLE_WRITES, () => throughUploads(pool));
  console.log(
    JSON.stringify({
      name: 'single durable writes',
      value: single,
      unit: 'writes/s',
      ceiling: unnestCeiling,
      ceiling_name: `raw unnest of ${UNNEST} rows`,
    }),
  );
} finally {
  await pool.end();
  await database.close();
}

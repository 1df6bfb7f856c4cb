import { messageOf } from '@papergate/config';
import type { Pool, ServiceContext, Tick } from '@papergate/service-kit';
import { createGapRepairer, type GapRepairer } from '../collectors/repair.ts';
import type { TickSource } from '../collectors/market-data-source.ts';
import { countOf } from '../collectors/ranges.ts';
import { createTickCollector, type TickCollector } from '../collectors/ticks.ts';
import { storeTicks } from './copy.ts';
import { storedRanges } from './queries.ts';
import { INSERT_TICKS, insertValues } from './rows.ts';
import { createUploads, type Uploads } from './uploads.ts';
import { createTickWriter, type TickWriter } from './writer.ts';

export interface TickStore {
  collector: TickCollector;
  repairer: GapRepairer;
  writer: TickWriter;
  uploads: Uploads;
}

export interface TickStoreOptions {
  context: Pick<ServiceContext, 'metrics' | 'logger'>;
  pool: Pool;
  source: TickSource;
  onTicks: (ticks: readonly Tick[]) => void;
  onStored: (ticks: readonly Tick[], seconds: number) => void;
  maxHeld?: number;
}

const LOG_EVERY_MS = 5_000;

/** Everything between the bus and the table `ticks`, with its metrics. */
export function createTickStore(options: TickStoreOptions): TickStore {
  const { pool, source, context } = options;
  const { metrics, logger } = context;
  const stored = metrics.counter('ticks_stored_total', 'Ticks committed to PostgreSQL, by where they came from', [
    'origin',
  ]);
  const repaired = metrics.counter(
    'gaps_repaired_total',
    'Ticks that the bus did not bring and market-data gave again',
  );
  const lost = metrics.counter('ticks_lost_total', 'Ticks that could not be had again');
  const refused = metrics.counter('ticks_refused_total', 'Ticks that PostgreSQL refuses');
  const held = metrics.gauge('storage_held_ticks', 'Ticks received and not yet committed');
  const lag = metrics.gauge('storage_lag_seconds', 'Age of the newest stored tick when it was committed');
  const seconds = metrics.histogram('storage_write_seconds', 'One transaction of ticks', ['origin']);
  const failures = metrics.counter('storage_failures_total', 'Transactions of ticks that failed and are tried again');
  for (const origin of ['bus', 'upload']) stored.inc({ origin }, 0);
  let loggedAt = -Infinity;

  const writer = createTickWriter({
    store: (epoch, ticks) => storeTicks(pool, epoch, ticks),
    ...(options.maxHeld === undefined ? {} : { maxHeld: options.maxHeld }),
    onStored: ({ ticks, inserted, seconds: took }) => {
      stored.inc({ origin: 'bus' }, inserted);
      seconds.observe({ origin: 'bus' }, took);
      held.set(writer.held - ticks.length);
      lag.set(Math.max(0, Date.now() / 1000 - ticks.at(-1)!.r / 1e6));
      options.onStored(ticks, took);
    },
    onTrouble: (message, waiting) => {
      failures.inc();
      held.set(waiting);
      if (performance.now() - loggedAt < LOG_EVERY_MS) return;
      loggedAt = performance.now();
      logger.error({ held: waiting }, `ticks cannot be stored and wait: ${message}`);
    },
    onRefused: (epoch, tick, error) => {
      refused.inc();
      logger.error({ epoch, n: tick.n, symbol: tick.s }, `PostgreSQL refuses a tick: ${messageOf(error)}`);
    },
  });
  const repairer = createGapRepairer({
    source,
    write: (epoch, ticks) => writer.write(epoch, ticks),
    onRepaired: (count) => repaired.inc(count),
    onLost: (epoch, range) => {
      lost.inc(countOf(range));
      logger.warn({ epoch, from: range[0], to: range[1] }, 'ticks that market-data no longer keeps are not stored');
    },
    onError: (error) => logger.warn(`a gap cannot be repaired yet: ${messageOf(error)}`),
  });
  const collector = createTickCollector({
    stored: (epoch) => storedRanges(pool, epoch),
    write: (epoch, ticks) => writer.write(epoch, ticks),
    repair: (epoch, range) => repairer.add(epoch, range),
    onTicks: options.onTicks,
    onGap: (epoch, [from, to]) => logger.info({ epoch, from, to }, 'the bus jumped; fetching what is missing'),
    onError: (message) => logger.error(`what is stored cannot be learned: ${message}`),
  });
  const uploads = createUploads({
    insert: (epoch, ticks) => insertOnly(pool, epoch, ticks),
    newEpoch: () => `upload-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`,
    nowMicros: () => Date.now() * 1000,
    onCommit: (rows, took) => {
      stored.inc({ origin: 'upload' }, rows);
      seconds.observe({ origin: 'upload' }, took);
    },
  });
  return { collector, repairer, writer, uploads };
}

/** Small batches are cheaper through a prepared `unnest` than through COPY. */
async function insertOnly(pool: Pool, epoch: string, ticks: readonly Tick[]): Promise<void> {
  await pool.query({ name: 'insert-ticks', text: INSERT_TICKS, values: insertValues(epoch, ticks) });
}

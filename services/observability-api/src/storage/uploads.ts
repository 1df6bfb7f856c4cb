import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '@papergate/config';
import { floatToMicros, HttpError, toMicros, type PostedTick, type Tick } from '@papergate/service-kit';
import { isAboutTheRows } from './copy.ts';

export interface Stored {
  stored: number;
  epoch: string;
  first_n: number;
  last_n: number;
}

export interface Uploads {
  /** Resolves once the rows are committed. */
  store(ticks: readonly PostedTick[]): Promise<Stored>;
  close(): Promise<void>;
}

export interface UploadsOptions {
  /** Stores rows of one epoch, skipping those that are there: it is called again after a lost answer. */
  insert: (epoch: string, ticks: readonly Tick[]) => Promise<unknown>;
  newEpoch: () => string;
  /** µs since 1970. */
  nowMicros: () => number;
  onCommit?: (rows: number, seconds: number) => void;
  maxBatch?: number;
  maxHeld?: number;
  /** How long rows are offered to a database that does not answer, ms. */
  patienceMs?: number;
  retryMs?: number;
}

interface Waiting {
  ticks: readonly PostedTick[];
  resolve: (stored: Stored) => void;
  reject: (error: unknown) => void;
}

/**
 * Group commit: whatever comes while one transaction is under way goes into the next, so that a thousand
 * single writes a second are a few dozen transactions. Numbers are given when a batch goes out; a batch that
 * failed for good leaves its epoch behind, so that within an epoch no number is missing.
 */
export function createUploads(options: UploadsOptions): Uploads {
  const { insert, maxBatch = 2_000, maxHeld = 100_000, patienceMs = 5_000, retryMs = 100 } = options;
  let epoch = options.newEpoch();
  let last = 0;
  let queue: Waiting[] = [];
  let held = 0;
  let running: Promise<void> | undefined;

  function takeBatch(): Waiting[] {
    let rows = 0;
    let end = 0;
    while (end < queue.length && (end === 0 || rows + queue[end]!.ticks.length <= maxBatch)) {
      rows += queue[end]!.ticks.length;
      end += 1;
    }
    const batch = queue.slice(0, end);
    queue = queue.slice(end);
    return batch;
  }

  async function run(): Promise<void> {
    while (queue.length > 0) await commit(takeBatch());
    running = undefined;
  }

  async function commit(batch: Waiting[]): Promise<void> {
    const received = options.nowMicros();
    const firsts = new Map<Waiting, number>();
    const rows: Tick[] = [];
    for (const entry of batch) {
      firsts.set(entry, last + rows.length + 1);
      for (const tick of entry.ticks) rows.push(asTick(tick, last + rows.length + 1, received));
    }
    const startedAt = performance.now();
    try {
      await offer(rows);
      options.onCommit?.(rows.length, (performance.now() - startedAt) / 1000);
      last += rows.length;
      for (const [entry, first] of firsts) {
        const { length } = entry.ticks;
        held -= length;
        entry.resolve({ stored: length, epoch, first_n: first, last_n: first + length - 1 });
      }
    } catch (error) {
      epoch = options.newEpoch();
      last = 0;
      for (const entry of batch) {
        held -= entry.ticks.length;
        entry.reject(error);
      }
    }
  }

  async function offer(rows: readonly Tick[]): Promise<void> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      try {
        await insert(epoch, rows);
        return;
      } catch (error) {
        if (isAboutTheRows(error)) {
          throw new HttpError(400, 'INVALID_TICK', `the database refuses a value: ${messageOf(error)}`, {
            cause: error,
          });
        }
        if (performance.now() + retryMs > deadline) {
          throw new HttpError(
            503,
            'OUTCOME_UNKNOWN',
            `it is not known whether the ticks were stored: ${messageOf(error)}`,
            {
              fix: 'GET /health/ready tells whether the database is back',
              headers: { 'retry-after': '1' },
              cause: error,
            },
          );
        }
        await delay(retryMs);
      }
    }
  }

  return {
    store(ticks) {
      for (const tick of ticks) requireStorable(tick);
      if (held + ticks.length > maxHeld) {
        return Promise.reject(
          new HttpError(429, 'TOO_MANY_TICKS', `${held} ticks wait to be stored already, at most ${maxHeld} may`, {
            headers: { 'retry-after': '1' },
          }),
        );
      }
      held += ticks.length;
      return new Promise((resolve, reject) => {
        queue.push({ ticks, resolve, reject });
        running ??= Promise.resolve().then(run);
      });
    },
    async close() {
      await running;
    },
  };
}

const micros = (value: number | string): number => (typeof value === 'number' ? floatToMicros(value) : toMicros(value));

/** Refused before it can spoil a batch that also holds other people's rows. */
function requireStorable(tick: PostedTick): void {
  try {
    micros(tick.price);
    if (tick.bid !== undefined) micros(tick.bid);
    if (tick.ask !== undefined) micros(tick.ask);
    if (tick.timestamp !== undefined) eventTime(tick.timestamp);
    if (tick.volume !== undefined && !Number.isFinite(Number(tick.volume)))
      throw new RangeError('volume is out of range');
  } catch (error) {
    throw new HttpError(400, 'INVALID_TICK', messageOf(error), { fix: 'correct the value that is named' });
  }
}

function asTick(tick: PostedTick, n: number, received: number): Tick {
  return {
    n,
    s: tick.symbol,
    k: 't',
    t: tick.timestamp === undefined ? received : eventTime(tick.timestamp),
    r: received,
    p: micros(tick.price),
    ...(tick.volume === undefined ? {} : { v: Number(tick.volume) }),
    ...(tick.bid === undefined ? {} : { b: micros(tick.bid) }),
    ...(tick.ask === undefined ? {} : { a: micros(tick.ask) }),
    x: true,
  };
}

/** µs since 1970 from RFC 3339 text or ms. */
function eventTime(timestamp: number | string): number {
  const ms = typeof timestamp === 'number' ? timestamp : Date.parse(timestamp);
  const result = Math.round(ms * 1000);
  if (!Number.isSafeInteger(result))
    throw new RangeError(`timestamp ${timestamp} is neither RFC 3339 nor ms since 1970`);
  return result;
}

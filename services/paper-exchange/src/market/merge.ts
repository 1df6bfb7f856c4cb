import type { MarketTick } from './tick.ts';

/** One sorted source and where it stands. */
class Cursor {
  batch: MarketTick[] = [];
  at = 0;
  readonly #source: AsyncIterator<MarketTick[]>;

  constructor(source: AsyncIterable<MarketTick[]>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** False when the source has ended. */
  async refill(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done === true) return false;
    this.batch = next.value;
    this.at = 0;
    return this.batch.length > 0 || this.refill();
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }
}

/**
 * Merges sorted sources into one by time; at the same instant the earlier source goes first, and the order
 * within a source is kept. Holds one batch of each source, however long they are.
 */
export async function* mergeByTime(
  sources: AsyncIterable<MarketTick[]>[],
  batchSize = 512,
): AsyncGenerator<MarketTick[]> {
  const cursors = sources.map((source) => new Cursor(source));
  let live: Cursor[] = [];
  try {
    for (const cursor of cursors) if (await cursor.refill()) live.push(cursor);
    let batch: MarketTick[] = [];
    while (live.length > 0) {
      const first = earliest(live);
      batch.push(first.batch[first.at] as MarketTick);
      first.at += 1;
      if (first.at === first.batch.length && !(await first.refill())) live = live.filter((cursor) => cursor !== first);
      if (batch.length >= batchSize) {
        yield batch;
        batch = [];
      }
    }
    if (batch.length > 0) yield batch;
  } finally {
    for (const cursor of cursors) await cursor.close();
  }
}

function earliest(cursors: Cursor[]): Cursor {
  let best = cursors[0] as Cursor;
  let time = (best.batch[best.at] as MarketTick).time;
  for (let i = 1; i < cursors.length; i += 1) {
    const cursor = cursors[i] as Cursor;
    const at = (cursor.batch[cursor.at] as MarketTick).time;
    if (at < time) {
      best = cursor;
      time = at;
    }
  }
  return best;
}

import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '@papergate/config';
import type { Tick } from '@papergate/service-kit';
import { isAboutTheRows } from './copy.ts';

export interface TickWriter {
  /** Takes ticks over; resolves when there is room for more. Await it, and the bus holds back. */
  write(epoch: string, ticks: readonly Tick[]): Promise<void>;
  /** Ticks taken over and not yet committed. */
  readonly held: number;
  /** Why nothing can be stored just now; undefined while all is well. */
  readonly trouble: string | undefined;
  /** Commits what is held. Resolves to how many could not be stored in time. */
  close(timeoutMs: number): Promise<number>;
}

export interface TickWriterOptions {
  store: (epoch: string, ticks: readonly Tick[]) => Promise<number>;
  onStored?: (batch: { epoch: string; ticks: readonly Tick[]; inserted: number; seconds: number }) => void;
  onTrouble?: (message: string, held: number) => void;
  /** A row that the database will not take however often it is offered. */
  onRefused?: (epoch: string, tick: Tick, error: unknown) => void;
  /** Above so many held ticks `write` no longer resolves. */
  maxHeld?: number;
  maxBatch?: number;
  /** How long a few ticks wait for more, ms. */
  lingerMs?: number;
  retryMs?: number;
}

interface Chunk {
  epoch: string;
  ticks: readonly Tick[];
}

/**
 * Ticks to the database, in batches, one at a time. What was taken over is offered until it is committed;
 * memory stays bounded because `write` holds the caller back. Offering twice is harmless: rows are unique by
 * epoch and number.
 */
export function createTickWriter(options: TickWriterOptions): TickWriter {
  const { store, maxHeld = 200_000, maxBatch = 20_000, lingerMs = 25, retryMs = 250 } = options;
  let chunks: Chunk[] = [];
  let held = 0;
  let queued = 0;
  let trouble: string | undefined;
  let running: Promise<void> | undefined;
  let closing = false;
  const abandon = new AbortController();
  const { signal } = abandon;
  let waiting: (() => void)[] = [];
  let wake: (() => void) | undefined;

  function takeBatch(): Chunk {
    const { epoch } = chunks[0]!;
    const ticks: Tick[] = [];
    let taken = 0;
    while (taken < chunks.length && chunks[taken]!.epoch === epoch && ticks.length < maxBatch) {
      for (const tick of chunks[taken]!.ticks) ticks.push(tick);
      taken += 1;
    }
    chunks = chunks.slice(taken);
    queued -= ticks.length;
    return { epoch, ticks };
  }

  function release(count: number): void {
    held -= count;
    if (held >= maxHeld && !signal.aborted) return;
    for (const resume of waiting) resume();
    waiting = [];
  }

  async function run(): Promise<void> {
    while (chunks.length > 0 && !signal.aborted) {
      if (queued < maxBatch && !closing) await linger();
      const { epoch, ticks } = takeBatch();
      await commit(epoch, ticks);
      release(ticks.length);
    }
    running = undefined;
  }

  async function linger(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, lingerMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    wake = undefined;
  }

  async function commit(epoch: string, ticks: readonly Tick[]): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      const startedAt = performance.now();
      try {
        const inserted = await store(epoch, ticks);
        trouble = undefined;
        options.onStored?.({ epoch, ticks, inserted, seconds: (performance.now() - startedAt) / 1000 });
        return;
      } catch (error) {
        if (isAboutTheRows(error)) return divide(epoch, ticks, error);
        trouble = messageOf(error);
        options.onTrouble?.(trouble, held);
        await delay(Math.min(retryMs * 2 ** Math.min(attempt, 4), 2_000), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** One bad row must not keep the good ones out: halves, until it stands alone. */
  async function divide(epoch: string, ticks: readonly Tick[], error: unknown): Promise<void> {
    if (ticks.length === 1) return options.onRefused?.(epoch, ticks[0]!, error);
    const middle = Math.ceil(ticks.length / 2);
    await commit(epoch, ticks.slice(0, middle));
    await commit(epoch, ticks.slice(middle));
  }

  return {
    get held() {
      return held;
    },
    get trouble() {
      return trouble;
    },
    write(epoch, ticks) {
      if (ticks.length === 0 || signal.aborted) return Promise.resolve();
      chunks.push({ epoch, ticks });
      held += ticks.length;
      queued += ticks.length;
      if (queued >= maxBatch) wake?.();
      running ??= run();
      if (held < maxHeld) return Promise.resolve();
      return new Promise((resume) => waiting.push(resume));
    },
    async close(timeoutMs) {
      closing = true;
      wake?.();
      const giveUp = new AbortController();
      await Promise.race([running, delay(timeoutMs, undefined, { signal: giveUp.signal }).catch(() => undefined)]);
      giveUp.abort();
      const lost = held;
      abandon.abort();
      release(0);
      return lost;
    },
  };
}

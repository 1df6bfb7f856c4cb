import { setTimeout as delay } from 'node:timers/promises';
import type { Signal } from '@papergate/service-kit';

export interface OutboxOptions {
  /** Stores signals; gives back the ids that were not there before. */
  store: (signals: readonly Signal[]) => Promise<ReadonlySet<string>>;
  /** Resolves once the bus has it. */
  publish: (signal: Signal) => Promise<void>;
  onPublished?: (signal: Signal, receivedAt: number) => void;
  onDropped?: (signal: Signal, reason: DropReason) => void;
  onError?: (error: unknown) => void;
  /** ms; monotonic. */
  now?: () => number;
  maxAgeMs?: number;
  retryMs?: number;
  capacity?: number;
}

/** `known`: it was in the table before this run made it. `expired`: the database was away for too long. `full`: too many wait. */
export type DropReason = 'known' | 'expired' | 'full';

interface Entry {
  signal: Signal;
  /** When the tick behind it came to market-data, µs. */
  receivedAt: number;
  queuedAt: number;
  attempts: number;
}

const BATCH = 200;

/**
 * Commits signals and then publishes them, in order. What is published is always in the table, so an order
 * can always be traced to its signal.
 *
 * A signal that was in the table before is not published: it is one of an earlier run, and its order, if it
 * had one, is placed. Unless the insert is a second try, for then the first may have been committed and only
 * its answer lost. Signals of an earlier run that were committed but not published are not sent later: a
 * signal is about now. For the same reason one that cannot be stored within `maxAgeMs` is given up.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #now: () => number;
  readonly #maxAgeMs: number;
  readonly #retryMs: number;
  readonly #capacity: number;
  #queue: Entry[] = [];
  #running: Promise<void> | undefined;
  #closing = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#maxAgeMs = options.maxAgeMs ?? 5_000;
    this.#retryMs = options.retryMs ?? 100;
    this.#capacity = options.capacity ?? 10_000;
  }

  get size(): number {
    return this.#queue.length;
  }

  add(signal: Signal, receivedAt: number): void {
    if (this.#queue.length >= this.#capacity) {
      this.#options.onDropped?.(signal, 'full');
      return;
    }
    this.#queue.push({ signal, receivedAt, queuedAt: this.#now(), attempts: 0 });
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      this.#expire();
      const batch = this.#queue.slice(0, BATCH);
      if (batch.length === 0) break;
      const fresh = await this.#store(batch);
      if (fresh === undefined) {
        if (this.#closing) break;
        await delay(this.#retryMs);
        continue;
      }
      this.#queue = this.#queue.slice(batch.length);
      for (const entry of batch) await this.#publish(entry, fresh);
    }
    this.#running = undefined;
  }

  #expire(): void {
    const oldest = this.#now() - this.#maxAgeMs;
    while (this.#queue[0] !== undefined && this.#queue[0].queuedAt < oldest) {
      const entry = this.#queue.shift();
      if (entry !== undefined) this.#options.onDropped?.(entry.signal, 'expired');
    }
  }

  async #store(batch: readonly Entry[]): Promise<ReadonlySet<string> | undefined> {
    for (const entry of batch) entry.attempts += 1;
    try {
      return await this.#options.store(batch.map(({ signal }) => signal));
    } catch (error) {
      this.#options.onError?.(error);
      return undefined;
    }
  }

  async #publish({ signal, receivedAt, attempts }: Entry, fresh: ReadonlySet<string>): Promise<void> {
    if (!fresh.has(signal.id) && attempts === 1) {
      this.#options.onDropped?.(signal, 'known');
      return;
    }
    await this.#options.publish(signal);
    this.#options.onPublished?.(signal, receivedAt);
  }

  /** Finishes what is queued; what the database refuses now is given up. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#running;
    for (const { signal } of this.#queue.splice(0)) this.#options.onDropped?.(signal, 'expired');
  }
}

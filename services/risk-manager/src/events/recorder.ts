import type { Logger } from 'pino';
import { messageOf } from '@papergate/config';
import type { Pool } from '@papergate/service-kit';

export type RiskEventKind = 'refusal' | 'trip' | 'reset' | 'warning';

export interface RiskEvent {
  kind: RiskEventKind;
  code: string;
  symbol?: string;
  clientOrderId?: string;
  message: string;
  detail?: Record<string, unknown>;
}

export interface RecorderOptions {
  pool: Pick<Pool, 'query'>;
  logger: Pick<Logger, 'warn'>;
  onDropped: (events: number) => void;
  now: () => number;
  /** Events that may wait; refusals beyond are counted and left out, trips and resets push the oldest refusal out. */
  capacity?: number;
  flushMs?: number;
}

export interface Recorder {
  record(event: RiskEvent): void;
  readonly waiting: number;
  /** Writes what waits. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

const BATCH = 1_000;

/** Rows of `risk_events`, written behind the answer in batches: a check never waits for the database. */
export function createRecorder(options: RecorderOptions): Recorder {
  const { capacity = 10_000, flushMs = 200, now } = options;
  const queue: { event: RiskEvent; at: number }[] = [];
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> | undefined;
  let closed = false;

  async function write(): Promise<void> {
    while (queue.length > 0) {
      const batch = queue.splice(0, BATCH);
      try {
        await insert(options.pool, batch);
      } catch (error) {
        queue.unshift(...batch);
        options.logger.warn(
          { waiting: queue.length, reason: messageOf(error) },
          'risk events cannot be written, trying again',
        );
        return later(1_000);
      }
    }
  }

  function later(ms: number): void {
    if (closed) return;
    timer ??= setTimeout(() => {
      timer = undefined;
      void flush();
    }, ms);
  }

  function flush(): Promise<void> {
    writing ??= write().finally(() => {
      writing = undefined;
      if (queue.length > 0) later(flushMs);
    });
    return writing;
  }

  return {
    record(event) {
      if (queue.length >= capacity) {
        const victim =
          event.kind === 'refusal' ? -1 : queue.findIndex(({ event: waiting }) => waiting.kind === 'refusal');
        options.onDropped(1);
        if (victim < 0) return;
        queue.splice(victim, 1);
      }
      queue.push({ event, at: now() });
      later(flushMs);
    },
    get waiting() {
      return queue.length;
    },
    flush,
    async close() {
      closed = true;
      clearTimeout(timer);
      await writing;
      await flush();
    },
  };
}

async function insert(pool: Pick<Pool, 'query'>, rows: readonly { event: RiskEvent; at: number }[]): Promise<void> {
  await pool.query({
    name: 'insert-risk-events',
    text: `INSERT INTO risk_events (at, kind, code, symbol, client_order_id, message, detail)
      SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[])`,
    values: [
      rows.map(({ at }) => new Date(at).toISOString()),
      rows.map(({ event }) => event.kind),
      rows.map(({ event }) => event.code),
      rows.map(({ event }) => event.symbol ?? null),
      rows.map(({ event }) => event.clientOrderId ?? null),
      rows.map(({ event }) => event.message),
      rows.map(({ event }) => JSON.stringify(event.detail ?? {})),
    ],
  });
}

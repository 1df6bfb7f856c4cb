import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { messageOf } from '@papergate/config';
import type { Pool } from '../database/pool.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { ActingRequest } from './actor.ts';

/** What was done: `order.place`, `order.cancel`, `breaker.trip`, `breaker.reset`, `emergency_stop`, `scope.set`. */
export type AuditAction =
  | 'order.place'
  | 'order.cancel'
  | 'breaker.trip'
  | 'breaker.reset'
  | 'emergency_stop'
  | 'scope.set';

export interface Audited {
  action: AuditAction;
  /** What it was done to. */
  subject?: string | undefined;
  reason?: string | undefined;
}

export interface AuditLog {
  /**
   * Writes down who did what and what came of it. Resolves when it is stored; while the database does not answer, after a
   * second, since nobody may be kept from stopping: the row then waits. Never rejects.
   */
  record(by: ActingRequest, what: Audited, outcome: string): Promise<void>;
  /** The same behind the answer, of what was refused: in a flood such rows are left out, and counted. */
  refused(by: ActingRequest, what: Audited, code: string): void;
  readonly waiting: number;
  close(): Promise<void>;
}

export interface AuditOptions {
  pool: Pick<Pool, 'query'>;
  service: string;
  release: string;
  logger: Pick<Logger, 'error'>;
  metrics: Pick<Metrics, 'counter'>;
  /** ms since 1970. */
  now?: () => number;
  /** Rows that may wait for the database; refusals may take half of it. */
  capacity?: number;
  patienceMs?: number;
  retryMs?: number;
}

/** Of what was done; else it is the code of the refusal. */
export const AUDIT_OK = 'OK';

interface Row {
  at: string;
  by: ActingRequest;
  what: Audited;
  outcome: string;
}

const BATCH = 1_000;

/** Rows of `access_audit`, in batches, kept and tried again while the database is away. */
export function createAuditLog(options: AuditOptions): AuditLog {
  const { capacity = 10_000, patienceMs = 1_000, retryMs = 1_000, now = Date.now, logger } = options;
  const lost = options.metrics.counter('audit_rows_lost_total', 'Rows of the audit that there was no room for');
  lost.inc(0);
  const queue: { row: Row; stored: () => void }[] = [];
  let retry: NodeJS.Timeout | undefined;
  let writing: Promise<void> | undefined;
  let closed = false;

  async function write(): Promise<void> {
    while (queue.length > 0) {
      const batch = queue.slice(0, BATCH);
      try {
        await insert(
          options,
          batch.map(({ row }) => row),
        );
        queue.splice(0, batch.length);
        for (const { stored } of batch) stored();
      } catch (error) {
        logger.error({ waiting: queue.length, reason: messageOf(error) }, 'the audit cannot be written, trying again');
        if (!closed) {
          retry ??= setTimeout(() => {
            retry = undefined;
            void flush();
          }, retryMs);
        }
        return;
      }
    }
  }

  function flush(): Promise<void> {
    writing ??= write().finally(() => {
      writing = undefined;
      if (queue.length > 0 && retry === undefined && !closed) void flush();
    });
    return writing;
  }

  function add(row: Row, room: number): Promise<void> {
    if (queue.length >= room) {
      lost.inc();
      return Promise.resolve();
    }
    return new Promise((stored) => {
      queue.push({ row, stored });
      if (retry === undefined) void flush();
    });
  }

  const rowOf = ({ actor, id }: ActingRequest, what: Audited, outcome: string): Row => ({
    at: new Date(now()).toISOString(),
    // What else a request holds is not kept alive for a row that waits.
    by: { actor, id },
    what,
    outcome,
  });

  return {
    async record(by, what, outcome) {
      const inTime = new AbortController();
      const stored = add(rowOf(by, what, outcome), capacity);
      await Promise.race([stored, delay(patienceMs, undefined, { signal: inTime.signal }).catch(() => undefined)]);
      inTime.abort();
    },
    refused(by, what, code) {
      void add(rowOf(by, what, code), capacity / 2);
    },
    get waiting() {
      return queue.length;
    },
    async close() {
      closed = true;
      clearTimeout(retry);
      await writing;
      await flush();
    },
  };
}

async function insert({ pool, service, release }: AuditOptions, rows: readonly Row[]): Promise<void> {
  await pool.query({
    name: 'insert-access-audit',
    text: `INSERT INTO access_audit (at, actor, role, action, subject, reason, outcome, request_id, service, release)
      SELECT r.*, $9, $10 FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]) AS r`,
    values: [
      rows.map(({ at }) => at),
      rows.map(({ by }) => by.actor.name),
      rows.map(({ by }) => by.actor.role),
      rows.map(({ what }) => what.action),
      rows.map(({ what }) => what.subject ?? null),
      rows.map(({ what }) => what.reason ?? null),
      rows.map(({ outcome }) => outcome),
      rows.map(({ by }) => by.id),
      service,
      release,
    ],
  });
}

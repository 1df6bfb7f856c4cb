import pg from 'pg';
import { ExternalError, messageOf, type Secret } from '@papergate/config';
import { describeDatabase } from '@papergate/service-kit';

/** The advisory lock's key: "papergate order writer" as eight bytes, chosen once, never to change. */
const LOCK_KEY = '8097826548204180591';

export interface WriterLock {
  /** The lock is held on a live connection. Nothing is sent to the broker while it is not. */
  readonly held: boolean;
  /** Why not, for readiness. */
  readonly reason: string;
  /** The number that every write carries; undefined before the lock was first held. */
  readonly fence: number | undefined;
  /** Resolves when the lock is held. */
  acquired(): Promise<void>;
  close(): Promise<void>;
}

export interface WriterLockOptions {
  url: Secret;
  holder: string;
  retryMs?: number;
  /** Another engine took over while the connection was lost: this one must not go on. */
  onLost: (error: ExternalError) => void;
}

/**
 * Makes sure that one engine writes orders: a PostgreSQL advisory lock on a connection of its own, and a fence
 * that is counted up when the lock changes hands. The lock keeps a second engine out; the fence keeps out a
 * first one that does not know yet that it has lost the lock.
 */
export function createWriterLock(options: WriterLockOptions): WriterLock {
  const { retryMs = 500 } = options;
  let client: pg.Client | undefined;
  let held = false;
  let fence: number | undefined;
  let reason = 'the order-writer lock is not asked for yet';
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let attempt: Promise<void> = Promise.resolve();
  let resolveFirst = (): void => undefined;
  const first = new Promise<void>((resolve) => {
    resolveFirst = resolve;
  });

  async function connect(): Promise<pg.Client> {
    const fresh = new pg.Client({
      connectionString: options.url.reveal(),
      application_name: 'papergate-order-writer',
      connectionTimeoutMillis: 5_000,
      query_timeout: 5_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 5_000,
    });
    const gone = (why: string): void => {
      if (client !== fresh) return;
      client = undefined;
      held = false;
      reason = `the connection that held the order-writer lock was lost: ${why}`;
      schedule();
    };
    fresh.on('error', (error) => gone(messageOf(error)));
    fresh.on('end', () => gone('closed by the server'));
    await fresh.connect();
    client = fresh;
    return fresh;
  }

  async function tryAcquire(): Promise<void> {
    const connection = client ?? (await connect());
    const { rows } = await connection.query<{ got: boolean }>('SELECT pg_try_advisory_lock($1) AS got', [LOCK_KEY]);
    if (rows[0]?.got !== true) {
      const { rows: holders } = await connection.query<{ holder: string }>('SELECT holder FROM order_writer');
      reason = `another execution-engine holds the order-writer lock (${holders[0]?.holder ?? 'unknown'})`;
      return schedule();
    }
    await takeFence(connection);
  }

  async function takeFence(connection: pg.Client): Promise<void> {
    if (fence === undefined) {
      const { rows } = await connection.query<{ fence: string }>(
        'UPDATE order_writer SET fence = fence + 1, holder = $1, taken_at = now() RETURNING fence',
        [options.holder],
      );
      fence = Number(rows[0]?.fence);
    } else {
      const { rows } = await connection.query<{ fence: string }>('SELECT fence FROM order_writer');
      if (Number(rows[0]?.fence) !== fence) {
        options.onLost(
          new ExternalError({
            code: 'ORDER_WRITER_REPLACED',
            message: 'another execution-engine took over the orders while this one had lost its database connection',
            fix: 'nothing is lost: the other engine goes on; start only one execution-engine per database',
          }),
        );
        return;
      }
    }
    held = client === connection;
    if (!held) return schedule();
    reason = '';
    resolveFirst();
  }

  function schedule(): void {
    if (closed || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      run();
    }, retryMs);
  }

  function run(): void {
    attempt = tryAcquire().catch((error: unknown) => {
      reason = `the order-writer lock cannot be asked for at ${describeDatabase(options.url)}: ${messageOf(error)}`;
      const broken = client;
      client = undefined;
      held = false;
      void broken?.end().catch(() => undefined);
      schedule();
    });
  }

  run();
  return {
    get held() {
      return held;
    },
    get reason() {
      return reason;
    },
    get fence() {
      return fence;
    },
    acquired: () => first,
    async close() {
      closed = true;
      clearTimeout(timer);
      await attempt;
      held = false;
      const last = client;
      client = undefined;
      await last?.end().catch(() => undefined);
    },
  };
}

import pg from 'pg';
import { ExternalError, messageOf, type Secret } from '@papergate/config';
import { describeDatabase } from '@papergate/service-kit';

/** The advisory lock's key: "papergate order writer" as eight bytes, chosen once, never to change. */
const LOCK_KEY = '8097826548204180591';

/**
 * The holder's session, where the lease is of its fence and has run out. The two halves of the key are how PostgreSQL shows
 * an advisory lock of eight bytes.
 */
const EVICT = `SELECT pg_terminate_backend(l.pid) AS ended
  FROM pg_locks l, order_writer w, order_writer_lease e
  WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.pid <> pg_backend_pid()
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (l.classid::bigint << 32 | l.objid::bigint) = $1::bigint
    AND e.fence = w.fence AND now() - e.renewed_at > e.lease_ms * interval '1 ms'`;

const replaced = (): ExternalError =>
  new ExternalError({
    code: 'ORDER_WRITER_REPLACED',
    message: 'another execution-engine took over the orders while this one had lost touch with the database',
    fix: 'nothing is lost: the other engine goes on; start only one execution-engine per database',
  });

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
  /**
   * How long this engine counts as the writer without a word to the database, ms. Past it, it sends nothing, and a
   * successor that waits may end its connection. Default 5000.
   */
  leaseMs?: number;
  /** ms of a clock that nobody sets and that goes on while the process is stopped. */
  monotonic?: () => number;
  /** After the fence is taken and before anything else is done. */
  onFenced?: () => Promise<void> | undefined;
  /** Another engine took over while the connection was lost: this one must not go on. */
  onLost: (error: ExternalError) => void;
}

/**
 * Makes sure that one engine writes orders: a PostgreSQL advisory lock on a connection of its own, a fence that is
 * counted up when the lock changes hands, and a lease. The lock keeps a second engine out, and is free at once when its
 * holder dies. The lease frees it from a holder that lives and stands still. The fence keeps out a first one that does
 * not know yet that it has lost the lock: what it writes is refused by the database itself.
 */
export function createWriterLock(options: WriterLockOptions): WriterLock {
  const { retryMs = 500, leaseMs = 5_000, monotonic = () => performance.now() } = options;
  let client: pg.Client | undefined;
  let held = false;
  let fence: number | undefined;
  let reason = 'the order-writer lock is not asked for yet';
  let timer: NodeJS.Timeout | undefined;
  let renewing: NodeJS.Timeout | undefined;
  /** By our clock, the moment before the last renewal was asked for. */
  let renewedAt = -Infinity;
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
      if (await evictStandstill(connection)) return schedule(0);
      const { rows: holders } = await connection.query<{ holder: string; fence: string }>(
        'SELECT holder, fence FROM order_writer',
      );
      reason = `another execution-engine holds the order-writer lock (${holders[0]?.holder ?? 'unknown'})`;
      if (fence !== undefined && Number(holders[0]?.fence) !== fence) return options.onLost(replaced());
      return schedule();
    }
    await takeFence(connection);
  }

  /** Ends the connection of a holder whose lease has run out. One that knows no leases (an older release) is left alone. */
  async function evictStandstill(connection: pg.Client): Promise<boolean> {
    const { rows } = await connection.query<{ ended: boolean }>(EVICT, [LOCK_KEY]);
    return rows.length > 0;
  }

  async function takeFence(connection: pg.Client): Promise<void> {
    const askedAt = monotonic();
    if (fence === undefined) {
      const { rows } = await connection.query<{ fence: string }>(
        'UPDATE order_writer SET fence = fence + 1, holder = $1, taken_at = now() RETURNING fence',
        [options.holder],
      );
      fence = Number(rows[0]?.fence);
    } else {
      const { rows } = await connection.query<{ fence: string }>('SELECT fence FROM order_writer');
      if (Number(rows[0]?.fence) !== fence) return options.onLost(replaced());
    }
    await connection.query(
      `INSERT INTO order_writer_lease (fence, lease_ms) VALUES ($1, $2)
       ON CONFLICT (singleton) DO UPDATE SET fence = excluded.fence, lease_ms = excluded.lease_ms, renewed_at = now()`,
      [fence, leaseMs],
    );
    await options.onFenced?.();
    held = client === connection;
    if (!held) return schedule();
    renewedAt = askedAt;
    reason = '';
    renewLater();
    resolveFirst();
  }

  function renewLater(): void {
    clearTimeout(renewing);
    if (closed) return;
    renewing = setTimeout(() => {
      void renew().catch(() => undefined);
    }, leaseMs / 5);
  }

  /** A connection that is lost says so by itself, and is asked for again from there. */
  async function renew(): Promise<void> {
    const connection = client;
    if (connection === undefined || !held) return;
    const askedAt = monotonic();
    try {
      const { rowCount } = await connection.query({
        name: 'renew-lease',
        text: 'UPDATE order_writer_lease SET renewed_at = now() WHERE fence = $1',
        values: [fence],
      });
      if (client !== connection) return;
      if (rowCount !== 1) return options.onLost(replaced());
      renewedAt = askedAt;
    } finally {
      if (client === connection) renewLater();
    }
  }

  function schedule(ms = retryMs): void {
    if (closed || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      run();
    }, ms);
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
      return held && monotonic() - renewedAt < leaseMs;
    },
    get reason() {
      return held && reason === '' ? 'the order-writer lock could not be renewed in time' : reason;
    },
    get fence() {
      return fence;
    },
    acquired: () => first,
    async close() {
      closed = true;
      clearTimeout(timer);
      clearTimeout(renewing);
      await attempt;
      held = false;
      const last = client;
      client = undefined;
      await last?.end().catch(() => undefined);
    },
  };
}

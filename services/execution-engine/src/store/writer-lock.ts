import pg from 'pg';
import { ExternalError, messageOf, type Secret } from '@papergate/config';
import { describeDatabase } from '@papergate/service-kit';
import { DURABLE_SESSION } from './durable.ts';

/** The advisory lock's key: "papergate order writer" as eight bytes, chosen once, never to change. */
const LOCK_KEY = '8097826548204180591';

/** Who writes, and since when its lease has not been renewed; one that knows no leases (an older release) has none of its fence. */
const HOLDER = `SELECT w.holder, w.fence, e.lease_ms, e.renewed_at::text
  FROM order_writer w LEFT JOIN order_writer_lease e ON e.fence = w.fence`;

/**
 * Ends the holder's session, where its lease has run out by the database's clock, or is still the one that was seen a whole
 * lease ago by ours: the first is over at once, the second holds where somebody sets the database's clock back. The two
 * halves of the key are how PostgreSQL shows an advisory lock of eight bytes.
 */
const EVICT = `SELECT pg_terminate_backend(l.pid) AS ended
  FROM pg_locks l, order_writer w, order_writer_lease e
  WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.pid <> pg_backend_pid()
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (l.classid::bigint << 32 | l.objid::bigint) = $1::bigint
    AND e.fence = w.fence AND w.fence = $2
    AND (now() - e.renewed_at > e.lease_ms * interval '1 ms' OR e.renewed_at = $3::timestamptz)`;

/** Fence and lease change hands together: a writer that stands still between the two would have a fence that no lease is of. */
const TAKE = `WITH taken AS (
    UPDATE order_writer SET fence = fence + 1, holder = $1, taken_at = now() RETURNING fence
  )
  INSERT INTO order_writer_lease (fence, lease_ms) SELECT fence, $2::integer FROM taken
  ON CONFLICT (singleton) DO UPDATE SET fence = excluded.fence, lease_ms = excluded.lease_ms, renewed_at = now()
  RETURNING fence`;

/** The same writer again, on another connection; no row where the fence is not its own any more. */
const TAKE_AGAIN = `INSERT INTO order_writer_lease (fence, lease_ms)
  SELECT fence, $2::integer FROM order_writer WHERE fence = $1 FOR SHARE
  ON CONFLICT (singleton) DO UPDATE SET fence = excluded.fence, lease_ms = excluded.lease_ms, renewed_at = now()
  RETURNING fence`;

const replaced = (): ExternalError =>
  new ExternalError({
    code: 'ORDER_WRITER_REPLACED',
    message: 'another execution-engine took over the orders while this one had lost touch with the database',
    fix: 'nothing is lost: the other engine goes on; start only one execution-engine per database',
  });

interface Holder {
  holder: string;
  fence: string;
  /** Null where the holder knows no leases. */
  lease_ms: number | null;
  renewed_at: string | null;
}

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
  /** How long the database has for an answer, ms. Default 5000. */
  answerMs?: number;
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
  const { retryMs = 500, leaseMs = 5_000, answerMs = 5_000, monotonic = () => performance.now() } = options;
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
  /** The lease of another that was last seen, and when it was seen first, by our clock. */
  let watched: { lease: string; since: number } | undefined;
  let resolveFirst = (): void => undefined;
  const first = new Promise<void>((resolve) => {
    resolveFirst = resolve;
  });

  async function connect(): Promise<pg.Client> {
    const fresh = new pg.Client({
      connectionString: options.url.reveal(),
      application_name: 'papergate-order-writer',
      connectionTimeoutMillis: answerMs,
      query_timeout: answerMs,
      // The server gives a statement up before we do: a session that waits for nobody any more would keep the lock.
      statement_timeout: answerMs * 0.8,
      keepAlive: true,
      keepAliveInitialDelayMillis: 5_000,
      options: DURABLE_SESSION,
    });
    const gone = (why: string): void => drop(fresh, why);
    fresh.on('error', (error) => gone(messageOf(error)));
    fresh.on('end', () => gone('closed by the server'));
    await fresh.connect();
    client = fresh;
    return fresh;
  }

  /** It is not ours any more, or we give it up; the lock is asked for again on another. */
  function drop(connection: pg.Client, why: string): void {
    if (client !== connection) return;
    client = undefined;
    held = false;
    reason = `the connection that held the order-writer lock was lost: ${why}`;
    schedule();
  }

  async function tryAcquire(): Promise<void> {
    if (held || closed) return;
    const connection = client ?? (await connect());
    const { rows } = await connection.query<{ got: boolean }>('SELECT pg_try_advisory_lock($1) AS got', [LOCK_KEY]);
    if (rows[0]?.got === true) return takeFence(connection);
    const { rows: holders } = await connection.query<Holder>(HOLDER);
    const [holder] = holders;
    reason = `another execution-engine holds the order-writer lock (${holder?.holder ?? 'unknown'})`;
    // Before all else: one that was replaced ends nobody's connection.
    if (fence !== undefined && Number(holder?.fence) !== fence) return options.onLost(replaced());
    return schedule(holder !== undefined && (await evictStandstill(connection, holder)) ? 0 : retryMs);
  }

  /** Ends the connection of a holder whose lease has run out. One that knows no leases (an older release) is left alone. */
  async function evictStandstill(connection: pg.Client, holder: Holder): Promise<boolean> {
    const { fence: theirs, lease_ms: theirLeaseMs, renewed_at: renewed } = holder;
    if (theirLeaseMs === null || renewed === null) return false;
    const lease = `${theirs} ${renewed}`;
    if (watched?.lease !== lease) watched = { lease, since: monotonic() };
    const stood = monotonic() - watched.since > theirLeaseMs ? renewed : null;
    const { rows } = await connection.query<{ ended: boolean }>(EVICT, [LOCK_KEY, theirs, stood]);
    return rows.length > 0;
  }

  async function takeFence(connection: pg.Client): Promise<void> {
    const askedAt = monotonic();
    reason = 'the order-writer lock is held, and the fence is being taken';
    const { rows } = await connection.query<{ fence: string }>(
      fence === undefined
        ? { text: TAKE, values: [options.holder, leaseMs] }
        : { text: TAKE_AGAIN, values: [fence, leaseMs] },
    );
    if (rows[0] === undefined) return options.onLost(replaced());
    fence ??= Number(rows[0].fence);
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
    renewing = setTimeout(() => void renew(), leaseMs / 5);
  }

  /** A connection on which no answer comes is given up: what was asked on it would hold up all that follows. */
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
      renewLater();
    } catch (error) {
      drop(connection, messageOf(error));
      void connection.end().catch(() => undefined);
    }
  }

  function schedule(ms = retryMs): void {
    if (closed || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      run();
    }, ms);
  }

  /** One after the other: two at once would each open a connection, and one of them keep the lock unseen. */
  function run(): void {
    attempt = attempt.then(tryAcquire).catch((error: unknown) => {
      const broken = client;
      client = undefined;
      held = false;
      reason = `the order-writer lock cannot be asked for at ${describeDatabase(options.url)}: ${messageOf(error)}`;
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

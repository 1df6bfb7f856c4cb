import { decimal, fromMicros, type Pool } from '@papergate/service-kit';

export interface Sums {
  count: number;
  /** Micros, decimal text. */
  price_sum: string;
  size_sum: string;
}

export interface EpochStats {
  epoch: string;
  count: number;
  min_n: number;
  max_n: number;
  /** Numbers from 1 to `max_n` that are not stored. */
  missing: number;
  by_symbol: Record<string, { trades: Sums; quotes: Sums }>;
}

interface StatsRow {
  epoch: string;
  symbol: string;
  kind: string;
  count: string;
  min_n: string;
  max_n: string;
  price_sum: string;
  size_sum: string;
}

const STATS = `
  SELECT epoch, symbol, kind, count(*) AS count, min(n) AS min_n, max(n) AS max_n,
    sum(CASE WHEN kind = 't' THEN coalesce(price, 0) ELSE coalesce(bid, 0) + coalesce(ask, 0) END)::text AS price_sum,
    sum(CASE WHEN kind = 't' THEN coalesce(size, 0) ELSE coalesce(bid_size, 0) + coalesce(ask_size, 0) END)::text AS size_sum
  FROM ticks WHERE $1::text IS NULL OR epoch = $1
  GROUP BY epoch, symbol, kind ORDER BY epoch, symbol`;

/** The sums that prove completeness, as docs/architecture.md defines them, per epoch. It reads all of `ticks`: seconds, not milliseconds. */
export async function storageStats(pool: Pool, epoch?: string): Promise<EpochStats[]> {
  const { rows } = await pool.query<StatsRow>(STATS, [epoch ?? null]);
  const epochs = new Map<string, EpochStats>();
  for (const row of rows) {
    const found = epochs.get(row.epoch);
    const stats = found ?? { epoch: row.epoch, count: 0, min_n: Infinity, max_n: 0, missing: 0, by_symbol: {} };
    if (found === undefined) epochs.set(row.epoch, stats);
    stats.count += Number(row.count);
    stats.min_n = Math.min(stats.min_n, Number(row.min_n));
    stats.max_n = Math.max(stats.max_n, Number(row.max_n));
    stats.missing = stats.max_n - stats.count;
    const sums = { count: Number(row.count), price_sum: decimal(row.price_sum), size_sum: decimal(row.size_sum) };
    const symbol = (stats.by_symbol[row.symbol] ??= { trades: none(), quotes: none() });
    symbol[row.kind === 't' ? 'trades' : 'quotes'] = sums;
  }
  return [...epochs.values()];
}

const none = (): Sums => ({ count: 0, price_sum: '0', size_sum: '0' });

/** A stored tick over HTTP: prices as decimal text, times RFC 3339. */
export interface StoredTick {
  epoch: string;
  n: number;
  symbol: string;
  kind: 'trade' | 'quote';
  timestamp: string;
  received_at: string;
  price: string | null;
  size: string | null;
  bid: string | null;
  bid_size: string | null;
  ask: string | null;
  ask_size: string | null;
  posted: boolean;
}

interface TickRow {
  epoch: string;
  n: string;
  symbol: string;
  kind: string;
  event_time: string;
  received_at: string;
  price: string | null;
  size: string | null;
  bid: string | null;
  bid_size: string | null;
  ask: string | null;
  ask_size: string | null;
  posted: boolean;
}

const COLUMNS = 'epoch, n, symbol, kind, event_time, received_at, price, size, bid, bid_size, ask, ask_size, posted';

/** Every stored symbol, from the index alone: `SELECT DISTINCT` would read the whole table. */
const SYMBOLS = `
  WITH RECURSIVE names AS (
    (SELECT symbol FROM ticks ORDER BY symbol LIMIT 1)
    UNION ALL
    SELECT (SELECT symbol FROM ticks WHERE symbol > names.symbol ORDER BY symbol LIMIT 1) FROM names WHERE names.symbol IS NOT NULL
  ) SELECT symbol FROM names WHERE symbol IS NOT NULL`;

const LATEST = `SELECT ${COLUMNS} FROM ticks WHERE symbol = $1 ORDER BY received_at DESC, n DESC LIMIT $2`;
const LATEST_OF_ALL = `
  SELECT t.* FROM (${SYMBOLS}) s
  CROSS JOIN LATERAL (SELECT ${COLUMNS} FROM ticks WHERE symbol = s.symbol ORDER BY received_at DESC, n DESC LIMIT $1) t
  ORDER BY t.received_at DESC, t.n DESC LIMIT $1`;

/** The newest stored ticks, newest first, of one symbol or of all. */
export async function latestTicks(pool: Pool, limit: number, symbol?: string): Promise<StoredTick[]> {
  const { rows } =
    symbol === undefined
      ? await pool.query<TickRow>({ name: 'latest-of-all', text: LATEST_OF_ALL, values: [limit] })
      : await pool.query<TickRow>({ name: 'latest', text: LATEST, values: [symbol, limit] });
  return rows.map((row) => ({
    epoch: row.epoch,
    n: Number(row.n),
    symbol: row.symbol,
    kind: row.kind === 't' ? 'trade' : 'quote',
    timestamp: rfc3339(row.event_time),
    received_at: rfc3339(row.received_at),
    price: price(row.price),
    size: row.size,
    bid: price(row.bid),
    bid_size: row.bid_size,
    ask: price(row.ask),
    ask_size: row.ask_size,
    posted: row.posted,
  }));
}

export async function storedSymbols(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ symbol: string }>(SYMBOLS);
  return rows.map(({ symbol }) => symbol);
}

const price = (micros: string | null): string | null => (micros === null ? null : fromMicros(Number(micros)));

/** RFC 3339 in UTC with microseconds, from µs since 1970 as text. */
function rfc3339(micros: string): string {
  const value = Number(micros);
  const ms = Math.floor(value / 1000);
  return `${new Date(ms).toISOString().slice(0, -1)}${String(value - ms * 1000).padStart(3, '0')}Z`;
}

/** Ranges of numbers from 1 to the highest stored one that are not stored, and that highest one. */
export async function storedRanges(pool: Pool, epoch: string): Promise<{ last: number; missing: [number, number][] }> {
  const { rows } = await pool.query<{ count: string; last: string | null }>(
    'SELECT count(*) AS count, max(n) AS last FROM ticks WHERE epoch = $1',
    [epoch],
  );
  const last = Number(rows[0]?.last ?? 0);
  if (Number(rows[0]?.count ?? 0) === last) return { last, missing: [] };
  const gaps = await pool.query<{ n: string; before: string }>(
    `SELECT n, before FROM (SELECT n, lag(n, 1, 0::bigint) OVER (ORDER BY n) AS before FROM ticks WHERE epoch = $1) numbers
     WHERE n > before + 1 ORDER BY n`,
    [epoch],
  );
  return { last, missing: gaps.rows.map(({ n, before }) => [Number(before) + 1, Number(n) - 1]) };
}

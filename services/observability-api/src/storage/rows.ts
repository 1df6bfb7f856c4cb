import type { Tick } from '@papergate/service-kit';

/** Columns of `ticks` in the order in which rows are written here. */
export const TICK_COLUMNS =
  'epoch, n, symbol, kind, event_time, received_at, price, size, bid, bid_size, ask, ask_size, source_id, posted';

const NULL = '\\N';
const SPECIAL = /[\\\t\n\r]/g;
const ESCAPES: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

function escape(text: string): string {
  return text.replace(SPECIAL, (found) => ESCAPES[found] ?? found);
}

/** Ticks as lines of PostgreSQL's COPY text format, in the order of {@link TICK_COLUMNS}. */
export function copyLines(epoch: string, ticks: readonly Tick[]): string {
  const prefix = `${escape(epoch)}\t`;
  let lines = '';
  for (const tick of ticks) {
    lines +=
      `${prefix}${tick.n}\t${escape(tick.s)}\t${tick.k}\t${tick.t}\t${tick.r}\t${tick.p ?? NULL}\t${tick.v ?? NULL}\t` +
      `${tick.b ?? NULL}\t${tick.bs ?? NULL}\t${tick.a ?? NULL}\t${tick.as ?? NULL}\t` +
      `${tick.i === undefined ? NULL : escape(String(tick.i))}\t${tick.x === true ? 't' : 'f'}\n`;
  }
  return lines;
}

/** The same rows through `unnest`, for the cases where some are stored already. */
export const INSERT_TICKS = `
  INSERT INTO ticks (${TICK_COLUMNS})
  SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::"char"[], $5::bigint[], $6::bigint[], $7::bigint[], $8::numeric[],
    $9::bigint[], $10::numeric[], $11::bigint[], $12::numeric[], $13::text[], $14::boolean[])
  ON CONFLICT (epoch, n) DO NOTHING`;

export function insertValues(epoch: string, ticks: readonly Tick[]): unknown[] {
  const column = <T>(pick: (tick: Tick) => T): T[] => ticks.map((tick) => pick(tick));
  return [
    epoch,
    column(({ n }) => n),
    column(({ s }) => s),
    column(({ k }) => k),
    column(({ t }) => t),
    column(({ r }) => r),
    column(({ p }) => p ?? null),
    column(({ v }) => v ?? null),
    column(({ b }) => b ?? null),
    column(({ bs }) => bs ?? null),
    column(({ a }) => a ?? null),
    column(({ as }) => as ?? null),
    column(({ i }) => (i === undefined ? null : String(i))),
    column(({ x }) => x === true),
  ];
}

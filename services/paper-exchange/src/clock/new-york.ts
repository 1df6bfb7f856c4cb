/** New York wall-clock time. All instants are integer µs since 1970 UTC. */

export type Micros = number;

export const SECOND: Micros = 1_000_000;
export const MINUTE: Micros = 60 * SECOND;
export const HOUR: Micros = 60 * MINUTE;
export const DAY: Micros = 24 * HOUR;

const formatter = new Intl.DateTimeFormat('en-US', {
  timeZone: 'America/New_York',
  hourCycle: 'h23',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

/** By the hour: clocks change on the hour, and the formatter takes longer than all the rest of an order. */
const offsets = new Map<number, Micros>();
const MOST_OFFSETS = 10_000;

/** Offset of New York from UTC at an instant, µs (negative: west). */
export function newYorkOffset(at: Micros): Micros {
  const hour = Math.floor(at / HOUR);
  let offset = offsets.get(hour);
  if (offset === undefined) {
    if (offsets.size >= MOST_OFFSETS) offsets.clear();
    offset = lookUpOffset(at);
    offsets.set(hour, offset);
  }
  return offset;
}

function lookUpOffset(at: Micros): Micros {
  const parts: Record<string, number> = {};
  for (const { type, value } of formatter.formatToParts(new Date(at / 1000))) parts[type] = Number(value);
  const local = Date.UTC(
    parts['year'] ?? 0,
    (parts['month'] ?? 1) - 1,
    parts['day'] ?? 1,
    parts['hour'] ?? 0,
    parts['minute'] ?? 0,
    parts['second'] ?? 0,
  );
  return (local - Math.floor(at / SECOND) * 1000) * 1000;
}

/** The New York date of an instant, `YYYY-MM-DD`. */
export function newYorkDate(at: Micros): string {
  return new Date((at + newYorkOffset(at)) / 1000).toISOString().slice(0, 10);
}

/** µs since midnight of the New York wall clock. */
export function newYorkTimeOfDay(at: Micros): Micros {
  const local = at + newYorkOffset(at);
  return ((local % DAY) + DAY) % DAY;
}

/**
 * The instant at which a New York clock shows a date and a time of day. Daylight saving changes at 02:00, so
 * the offset is looked up twice: a first guess may lie on the wrong side of the change.
 */
export function fromNewYork(date: string, timeOfDay: Micros): Micros {
  const local = Date.parse(`${date}T00:00:00Z`) * 1000 + timeOfDay;
  const guess = local - newYorkOffset(local + 5 * HOUR);
  return local - newYorkOffset(guess);
}

/** The date `days` calendar days later. */
export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

/** 0 Sunday … 6 Saturday. */
export function weekday(date: string): number {
  return new Date(`${date}T00:00:00Z`).getUTCDay();
}

/** RFC 3339 UTC text with microseconds, as Alpaca writes its times. */
export function toRfc3339(at: Micros): string {
  const micros = String(((at % SECOND) + SECOND) % SECOND).padStart(6, '0');
  return `${new Date(Math.floor(at / SECOND) * 1000).toISOString().slice(0, 19)}.${micros}Z`;
}

/** RFC 3339 with New York's own offset, as `/v2/clock` writes them. */
export function toNewYorkRfc3339(at: Micros): string {
  const offset = newYorkOffset(at);
  const hours = String(Math.abs(offset) / HOUR).padStart(2, '0');
  const local = new Date((at + offset) / 1000).toISOString().slice(0, 19);
  return `${local}${offset < 0 ? '-' : '+'}${hours}:00`;
}

const QUARTER_MS = 15 * 60_000;
const DAY_MS = 86_400_000;

/** Wall-clock time in one time zone. Offsets change on quarters of an hour only, so one look-up serves a quarter. */
export interface Zone {
  /** Minutes since midnight. */
  minuteOfDay(ms: number): number;
  /** 0 is Sunday. */
  weekday(ms: number): number;
  /** `YYYY-MM-DD`. */
  day(ms: number): string;
}

/** Throws a RangeError for a name that the platform's zone database does not have. */
export function createZone(timeZone: string): Zone {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  let cached: { quarter: number; offset: number } | undefined;

  /** The zone's wall clock, read as if it were UTC. */
  function local(ms: number): number {
    const quarter = Math.floor(ms / QUARTER_MS);
    if (cached?.quarter !== quarter) {
      const at = quarter * QUARTER_MS;
      const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
      const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
      cached = { quarter, offset: Date.UTC(year, month - 1, day, hour, minute, second) - at };
    }
    return ms + cached.offset;
  }

  return {
    minuteOfDay: (ms) => Math.floor((((local(ms) % DAY_MS) + DAY_MS) % DAY_MS) / 60_000),
    weekday: (ms) => new Date(local(ms)).getUTCDay(),
    day: (ms) => new Date(local(ms)).toISOString().slice(0, 10),
  };
}

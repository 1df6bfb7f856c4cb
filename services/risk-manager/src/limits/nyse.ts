/** Full days on which the exchange was closed outside its yearly rules: https://www.nyse.com/markets/hours-calendars */
const SPECIAL_CLOSINGS = ['2012-10-29', '2012-10-30', '2018-12-05', '2025-01-09'];

/** Minutes since midnight in New York at which a short day ends. */
export const EARLY_CLOSE = 13 * 60;

const DAY_MS = 86_400_000;
const MONDAY = 1;
const THURSDAY = 4;

export interface ExchangeDays {
  closed: ReadonlySet<string>;
  /** These close at 13:00. */
  early: ReadonlySet<string>;
}

/**
 * Holidays and short days of the New York Stock Exchange in a year, by its published rules (Rule 7.2; its short days as they are since 2013).
 * Days are `YYYY-MM-DD` in New York. What the exchange closes for besides belongs into `closed_days`.
 */
export function nyseDays(year: number): ExchangeDays {
  const thanksgiving = nth(year, 11, THURSDAY, 4);
  const holidays = [
    observed(utc(year, 1, 1)),
    nth(year, 1, MONDAY, 3),
    nth(year, 2, MONDAY, 3),
    easter(year) - 2 * DAY_MS,
    // The last Monday of May.
    nth(year, 6, MONDAY, 1) - 7 * DAY_MS,
    ...(year >= 2022 ? [observed(utc(year, 6, 19))] : []),
    observed(utc(year, 7, 4)),
    nth(year, 9, MONDAY, 1),
    thanksgiving,
    observed(utc(year, 12, 25)),
  ];
  const closed = new Set(holidays.filter((at) => at !== undefined).map(text));
  for (const day of SPECIAL_CLOSINGS) if (day.startsWith(String(year))) closed.add(day);
  const early = [utc(year, 7, 3), thanksgiving + DAY_MS, utc(year, 12, 24)]
    .filter((at) => isWeekday(at) && !closed.has(text(at)))
    .map(text);
  return { closed, early: new Set(early) };
}

const utc = (year: number, month: number, day: number): number => Date.UTC(year, month - 1, day);
const text = (at: number): string => new Date(at).toISOString().slice(0, 10);
const weekday = (at: number): number => new Date(at).getUTCDay();
const isWeekday = (at: number): boolean => weekday(at) !== 0 && weekday(at) !== 6;

/** The nth Monday (or another day of the week) of a month. */
function nth(year: number, month: number, day: number, n: number): number {
  const first = utc(year, month, 1);
  return first + (((day - weekday(first) + 7) % 7) + 7 * (n - 1)) * DAY_MS;
}

/** From a Sunday to Monday, from a Saturday to Friday; but no year ends early for New Year's Day. */
function observed(at: number): number | undefined {
  if (weekday(at) === 0) return at + DAY_MS;
  if (weekday(at) !== 6) return at;
  return text(at).endsWith('-01-01') ? undefined : at - DAY_MS;
}

/** Easter Sunday, by Gauss's rule with Lichtenberg's correction. */
function easter(year: number): number {
  const k = Math.floor(year / 100);
  const m = 15 + Math.floor((3 * k + 3) / 4) - Math.floor((8 * k + 13) / 25);
  const s = 2 - Math.floor((3 * k + 3) / 4);
  const a = year % 19;
  const d = (19 * a + m) % 30;
  const r = Math.floor((d + Math.floor(a / 11)) / 29);
  const og = 21 + d - r;
  const sz = 7 - ((year + Math.floor(year / 4) + s) % 7);
  const oe = 7 - ((og - sz) % 7);
  return utc(year, 3, 1) + (og + oe - 1) * DAY_MS;
}

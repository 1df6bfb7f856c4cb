import { addDays, weekday } from './new-york.ts';

/** Full-day closings outside the yearly rules: https://www.nyse.com/markets/hours-calendars and its archive. */
const SPECIAL_CLOSINGS = new Set(['2012-10-29', '2012-10-30', '2018-12-05', '2025-01-09']);

const pad = (value: number): string => String(value).padStart(2, '0');

function nth(year: number, month: number, day: number, n: number): string {
  const first = `${year}-${pad(month)}-01`;
  return addDays(first, ((day - weekday(first) + 7) % 7) + 7 * (n - 1));
}

function lastMonday(year: number, month: number): string {
  const last = addDays(month === 12 ? `${year + 1}-01-01` : `${year}-${pad(month + 1)}-01`, -1);
  return addDays(last, -((weekday(last) + 6) % 7));
}

/** The anonymous Gregorian algorithm (Meeus, Jones, Butcher). */
function easter(year: number): string {
  const a = year % 19;
  const b = Math.floor(year / 100);
  const c = year % 100;
  const h = (19 * a + b - Math.floor(b / 4) - Math.floor((b - Math.floor((b + 8) / 25) + 1) / 3) + 15) % 30;
  const l = (32 + 2 * (b % 4) + 2 * Math.floor(c / 4) - h - (c % 4)) % 7;
  const m = Math.floor((a + 11 * h + 22 * l) / 451);
  const month = Math.floor((h + l - 7 * m + 114) / 31);
  return `${year}-${pad(month)}-${pad(((h + l - 7 * m + 114) % 31) + 1)}`;
}

/** A fixed date moves to the Friday before or the Monday after a weekend; New Year's Day never moves back a year. */
function observed(date: string): string | undefined {
  const day = weekday(date);
  if (day === 0) return addDays(date, 1);
  if (day === 6) return date.endsWith('-01-01') ? undefined : addDays(date, -1);
  return date;
}

const cache = new Map<number, { closed: Set<string>; early: Set<string> }>();

/** Closings and 13:00 closes of the New York Stock Exchange in a year, by its published rules (1998 on). */
export function holidaysOf(year: number): { closed: ReadonlySet<string>; early: ReadonlySet<string> } {
  const known = cache.get(year);
  if (known !== undefined) return known;

  const thanksgiving = nth(year, 11, 4, 4);
  const closed = new Set<string>();
  for (const date of [
    observed(`${year}-01-01`),
    nth(year, 1, 1, 3),
    nth(year, 2, 1, 3),
    addDays(easter(year), -2),
    lastMonday(year, 5),
    year >= 2022 ? observed(`${year}-06-19`) : undefined,
    observed(`${year}-07-04`),
    nth(year, 9, 1, 1),
    thanksgiving,
    observed(`${year}-12-25`),
  ]) {
    if (date !== undefined) closed.add(date);
  }
  for (const date of SPECIAL_CLOSINGS) if (date.startsWith(`${year}-`)) closed.add(date);

  const early = new Set<string>();
  for (const date of [`${year}-07-03`, addDays(thanksgiving, 1), `${year}-12-24`]) {
    const day = weekday(date);
    if (day !== 0 && day !== 6 && !closed.has(date)) early.add(date);
  }
  cache.set(year, { closed, early });
  return { closed, early };
}

import { holidaysOf } from './holidays.ts';
import { addDays, DAY, fromNewYork, HOUR, MINUTE, newYorkDate, weekday, type Micros } from './new-york.ts';

export type Session = 'regular' | 'extended' | 'closed';

/** One trading day, instants in µs. `sessionOpen`…`sessionClose` is the extended day around `open`…`close`. */
export interface TradingDay {
  date: string;
  open: Micros;
  close: Micros;
  sessionOpen: Micros;
  sessionClose: Micros;
}

export interface Hours {
  readonly kind: 'always' | 'regular';
  session(at: Micros): Session;
  /** The trading day of a New York date; `undefined` where there is none. */
  day(date: string): TradingDay | undefined;
  /** The first open after `at`. */
  nextOpen(at: Micros): Micros;
  /** The first close after `at`. */
  nextClose(at: Micros): Micros;
  /** The first instant after `at` at which the session changes or a day ends. */
  nextBoundary(at: Micros): Micros;
  /** When a day order that is accepted at `at` expires. */
  dayOrderExpiry(at: Micros, extended: boolean): Micros;
}

/** Open around the clock; a day is a New York calendar day, so that day orders and auctions still have an end. */
export function alwaysOpen(): Hours {
  const midnightAfter = (at: Micros): Micros => fromNewYork(addDays(newYorkDate(at), 1), 0);
  return {
    kind: 'always',
    session: () => 'regular',
    day(date) {
      const open = fromNewYork(date, 0);
      const close = fromNewYork(addDays(date, 1), 0);
      return { date, open, close, sessionOpen: open, sessionClose: close };
    },
    nextOpen: midnightAfter,
    nextClose: midnightAfter,
    nextBoundary: midnightAfter,
    dayOrderExpiry: midnightAfter,
  };
}

/** New York's hours: 09:30–16:00 (13:00 on short days), extended 04:00–20:00 (17:00), weekends and holidays closed. */
export function regularHours(): Hours {
  const days = new Map<string, TradingDay | undefined>();

  function day(date: string): TradingDay | undefined {
    if (days.has(date)) return days.get(date);
    const { closed, early } = holidaysOf(Number(date.slice(0, 4)));
    const weekend = weekday(date) === 0 || weekday(date) === 6;
    const short = early.has(date);
    const found =
      weekend || closed.has(date)
        ? undefined
        : {
            date,
            open: fromNewYork(date, 9 * HOUR + 30 * MINUTE),
            close: fromNewYork(date, (short ? 13 : 16) * HOUR),
            sessionOpen: fromNewYork(date, 4 * HOUR),
            sessionClose: fromNewYork(date, (short ? 17 : 20) * HOUR),
          };
    days.set(date, found);
    return found;
  }

  function firstAfter(at: Micros, pick: (day: TradingDay) => Micros[]): Micros {
    for (let date = newYorkDate(at), tries = 0; tries < 15; date = addDays(date, 1), tries += 1) {
      const found = day(date);
      if (found === undefined) continue;
      const next = pick(found).find((instant) => instant > at);
      if (next !== undefined) return next;
    }
    return at + 15 * DAY;
  }

  return {
    kind: 'regular',
    day,
    session(at) {
      const today = day(newYorkDate(at));
      if (today === undefined || at < today.sessionOpen || at >= today.sessionClose) return 'closed';
      return at >= today.open && at < today.close ? 'regular' : 'extended';
    },
    nextOpen: (at) => firstAfter(at, ({ open }) => [open]),
    nextClose: (at) => firstAfter(at, ({ close }) => [close]),
    nextBoundary: (at) =>
      firstAfter(at, ({ sessionOpen, open, close, sessionClose }) => [sessionOpen, open, close, sessionClose]),
    dayOrderExpiry: (at, extended) => firstAfter(at, ({ close, sessionClose }) => [extended ? sessionClose : close]),
  };
}

export function hoursOf(kind: Hours['kind']): Hours {
  return kind === 'always' ? alwaysOpen() : regularHours();
}

import { UserError, type RiskLimits } from '@papergate/config';
import { EARLY_CLOSE, nyseDays, type ExchangeDays } from './nyse.ts';
import { createZone, type Zone } from './zone.ts';

type TimeRestrictions = RiskLimits['time_restrictions'];

export interface Blackout {
  name: string;
  symbols: ReadonlySet<string> | undefined;
  covers(ms: number): boolean;
}

export interface TradingCalendar {
  zone: Zone;
  /** Undefined while orders may be placed; else why not. */
  closed(ms: number): string | undefined;
  /** Only orders that shrink a position are allowed this shortly before the close. */
  closing(ms: number): boolean;
  /** The blackout that covers a symbol now. */
  blackout(symbol: string, ms: number): Blackout | undefined;
}

const QUARTER_MS = 15 * 60_000;
const TIME_OF_DAY = /^([01]\d|2[0-3]):([0-5]\d)$/;
const RFC_3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;

export function createCalendar(limits: TimeRestrictions): TradingCalendar {
  const zone = zoneOf(limits.time_zone);
  const open = minutes(limits.open);
  const close = minutes(limits.close);
  if (open >= close) {
    throw invalid(
      `open is "${limits.open}" and close is "${limits.close}", allowed: an open before the close`,
      'correct open and close',
    );
  }
  const blackouts = limits.blackout_periods.map((period, index) => blackoutOf(period, index, zone));

  const sessions = sessionsOf(limits, zone, close);

  return {
    zone,
    closed(ms) {
      if (!limits.regular_hours_only) return undefined;
      const { why, end } = sessions(ms);
      if (why !== undefined) return why;
      const minute = zone.minuteOfDay(ms);
      if (minute < open) return `it is before ${limits.open} ${limits.time_zone}`;
      return minute < end ? undefined : `it is after ${clock(end)} ${limits.time_zone}`;
    },
    closing(ms) {
      if (!limits.regular_hours_only) return false;
      const minute = zone.minuteOfDay(ms);
      const { end } = sessions(ms);
      return minute < end && minute >= end - limits.no_new_positions_before_close_minutes;
    },
    blackout: (symbol, ms) => blackouts.find((period) => (period.symbols?.has(symbol) ?? true) && period.covers(ms)),
  };
}

interface Session {
  /** Why there is none; undefined where there is. */
  why: string | undefined;
  /** Minutes since midnight of the zone at which it ends. */
  end: number;
}

/** The session of the day in which a moment lies: of the zone's day, and of New York's where its calendar counts. */
function sessionsOf(limits: TimeRestrictions, zone: Zone, close: number): (ms: number) => Session {
  const newYork = createZone('America/New_York');
  const closedDays = new Set(limits.closed_days);
  const early = new Map(limits.early_closes.map(({ day, close: at }) => [day, minutes(at)]));
  const years = new Map<string, ExchangeDays>();
  let cached: { quarter: number; session: Session } | undefined;

  function exchangeDays(day: string): ExchangeDays {
    const year = day.slice(0, 4);
    const known = years.get(year) ?? nyseDays(Number(year));
    years.set(year, known);
    return known;
  }

  function sessionOf(ms: number): Session {
    const weekday = zone.weekday(ms);
    const day = zone.day(ms);
    const end = Math.min(close, early.get(day) ?? close);
    if (weekday === 0 || weekday === 6) return { why: 'it is a weekend', end };
    if (closedDays.has(day)) return { why: `${day} is among closed_days`, end };
    if (limits.exchange_calendar === 'none') return { why: undefined, end };
    const there = newYork.day(ms);
    const { closed, early: short } = exchangeDays(there);
    if (closed.has(there)) return { why: `the exchange is closed on ${there}`, end };
    if (!short.has(there)) return { why: undefined, end };
    // 13:00 in New York, on the clock of the zone.
    const shift = zone.minuteOfDay(ms) - newYork.minuteOfDay(ms);
    return { why: undefined, end: Math.min(end, (EARLY_CLOSE + shift + 2 * 1440) % 1440) };
  }

  // Neither a day nor an offset changes within a quarter of an hour.
  return (ms) => {
    const quarter = Math.floor(ms / QUARTER_MS);
    if (cached?.quarter !== quarter) cached = { quarter, session: sessionOf(ms) };
    return cached.session;
  };
}

const clock = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;

function minutes(text: string): number {
  const [hours, rest] = text.split(':').map(Number) as [number, number];
  return hours * 60 + rest;
}

/** From inclusive, to exclusive; a time of day comes back each day and may run over midnight. */
function blackoutOf(period: TimeRestrictions['blackout_periods'][number], index: number, zone: Zone): Blackout {
  const { name, from, to } = period;
  const where = `blackout_periods[${index}] "${name}"`;
  const symbols = period.symbols === undefined ? undefined : new Set(period.symbols);
  if (TIME_OF_DAY.test(from) && TIME_OF_DAY.test(to)) {
    const [start, end] = [minutes(from), minutes(to)];
    if (start === end) throw invalid(`${where} begins and ends at ${from}`, 'make it end after it begins');
    const covers = (ms: number): boolean => {
      const minute = zone.minuteOfDay(ms);
      return start < end ? minute >= start && minute < end : minute >= start || minute < end;
    };
    return { name, symbols, covers };
  }
  if (RFC_3339.test(from) && RFC_3339.test(to)) {
    const [start, end] = [Date.parse(from), Date.parse(to)];
    if (Number.isNaN(start) || Number.isNaN(end) || start >= end) {
      throw invalid(
        `${where} goes from "${from}" to "${to}", allowed: two real moments, the first one earlier`,
        'correct from and to',
      );
    }
    return { name, symbols, covers: (ms) => ms >= start && ms < end };
  }
  throw invalid(
    `${where} goes from "${from}" to "${to}", allowed: two times of day as HH:MM, or two moments as RFC 3339 with an offset`,
    'write both in the same form',
  );
}

function zoneOf(name: string): Zone {
  try {
    return createZone(name);
  } catch (cause) {
    throw new UserError({
      code: 'CONFIG_INVALID',
      message: `risk limits: time_restrictions.time_zone is "${name}", allowed: an IANA name such as America/New_York`,
      fix: 'correct time_zone in config/risk_limits.toml',
      cause,
    });
  }
}

function invalid(message: string, fix: string): UserError {
  return new UserError({
    code: 'CONFIG_INVALID',
    message: `risk limits: time_restrictions: ${message}`,
    fix: `${fix} in config/risk_limits.toml or the file of the environment`,
  });
}

import type { FastifyInstance } from 'fastify';
import {
  addDays,
  DAY,
  MINUTE,
  newYorkDate,
  newYorkTimeOfDay,
  toNewYorkRfc3339,
  toRfc3339,
  type Micros,
} from '../clock/new-york.ts';
import type { Hours, TradingDay } from '../clock/hours.ts';
import { refusals } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import type { Instrument } from '../market/instruments.ts';
import { choice, instant, list, text, type Query } from './query.ts';

/** Clock, calendar and assets. */
export function marketRoutes(app: FastifyInstance, exchange: Exchange): void {
  const { clock, hours, instruments } = exchange;

  app.get('/v2/clock', () => {
    const now = clock.now();
    return {
      timestamp: toNewYorkRfc3339(now),
      is_open: hours.session(now) === 'regular',
      next_open: toNewYorkRfc3339(hours.nextOpen(now)),
      next_close: toNewYorkRfc3339(hours.nextClose(now)),
    };
  });
  app.get('/v3/clock', (request) => {
    const query = request.query as Query;
    const at = instant(query, 'time') ?? clock.now();
    const names = list(query, 'markets') ?? Object.keys(MARKETS);
    return { clocks: names.map((name) => clockOf(name, hours, at)) };
  });
  app.get('/v2/calendar', (request) => {
    const { start, end } = range(request.query as Query, clock.now());
    return days(hours, start, end).map((day) => ({
      date: day.date,
      open: timeOfDay(day.open),
      close: timeOfDay(day.close),
      session_open: timeOfDay(day.sessionOpen).replace(':', ''),
      session_close: timeOfDay(day.sessionClose).replace(':', ''),
      settlement_date: settlement(hours, day.date),
    }));
  });
  app.get<{ Params: { market: string } }>('/v3/calendar/:market', (request) => {
    const { start, end } = range(request.query as Query, clock.now());
    const calendar = days(hours, start, end).map((day) => ({
      date: day.date,
      pre_start: toRfc3339(day.sessionOpen),
      pre_end: toRfc3339(day.open),
      core_start: toRfc3339(day.open),
      core_end: toRfc3339(day.close),
      post_start: toRfc3339(day.close),
      post_end: toRfc3339(day.sessionClose),
      settlement_date: settlement(hours, day.date),
    }));
    return { market: marketOf(request.params.market), calendar };
  });

  app.get('/v2/assets', (request) => {
    const query = request.query as Query;
    const status = choice(query, 'status', ['active', 'inactive', 'all'], 'all');
    const classes = text(query, 'asset_class') ?? 'us_equity';
    const venue = text(query, 'exchange') ?? 'NASDAQ';
    if (status === 'inactive' || classes !== 'us_equity' || venue !== 'NASDAQ') return [];
    return instruments.all().map(assetJson);
  });
  app.get<{ Params: { id: string } }>('/v2/assets/:id', (request) => {
    const instrument = instruments.find(request.params.id);
    if (instrument === undefined) throw refusals.notFound(`asset not found for ${request.params.id}`);
    return assetJson(instrument);
  });
}

function assetJson({ symbol, assetId }: Instrument): Record<string, unknown> {
  return {
    id: assetId,
    class: 'us_equity',
    exchange: 'NASDAQ',
    symbol,
    name: `${symbol} common stock (simulated)`,
    status: 'active',
    tradable: true,
    marginable: true,
    maintenance_margin_requirement: 30,
    margin_requirement_long: '30',
    margin_requirement_short: '30',
    shortable: true,
    easy_to_borrow: true,
    borrow_status: 'easy_to_borrow',
    fractionable: true,
    attributes: ['fractional_eh_enabled'],
  };
}

const MARKETS: Readonly<Record<string, { mic: string; name: string }>> = {
  NYSE: { mic: 'XNYS', name: 'New York Stock Exchange' },
  NASDAQ: { mic: 'XNAS', name: 'Nasdaq' },
};

function marketOf(name: string): Record<string, unknown> {
  const market = MARKETS[name];
  if (market === undefined) throw refusals.notFound(`market not found for ${name}`);
  return { acronym: name, mic: market.mic, name: market.name, timezone: 'America/New_York' };
}

function clockOf(name: string, hours: Hours, at: Micros): Record<string, unknown> {
  const session = hours.session(at);
  const today = hours.day(newYorkDate(at));
  const before = today !== undefined && at < today.open;
  return {
    market: marketOf(name),
    timestamp: toNewYorkRfc3339(at),
    is_market_day: today !== undefined,
    next_market_open: toNewYorkRfc3339(hours.nextOpen(at)),
    next_market_close: toNewYorkRfc3339(hours.nextClose(at)),
    phase: session === 'regular' ? 'core' : session === 'closed' ? 'closed' : before ? 'pre' : 'post',
    phase_until: toNewYorkRfc3339(hours.nextBoundary(at)),
  };
}

/** Without a range: the month around today. At most ten years. */
function range(query: Query, now: Micros): { start: string; end: string } {
  const today = newYorkDate(now);
  const start = dateOf(query, 'start') ?? addDays(today, -15);
  const end = dateOf(query, 'end') ?? addDays(start, 31);
  if (start > end) throw refusals.invalid(`invalid range: start ${start} is after end ${end}`);
  return { start, end: end < addDays(start, 3660) ? end : addDays(start, 3660) };
}

function dateOf(query: Query, name: string): string | undefined {
  const at = instant(query, name);
  return at === undefined ? undefined : new Date(at / 1000).toISOString().slice(0, 10);
}

function days(hours: Hours, start: string, end: string): TradingDay[] {
  const found: TradingDay[] = [];
  for (let date = start; date <= end; date = addDays(date, 1)) {
    const day = hours.day(date);
    if (day !== undefined) found.push(day);
  }
  return found;
}

/** The next trading day: T+1. */
function settlement(hours: Hours, date: string): string {
  let next = addDays(date, 1);
  for (let tries = 0; hours.day(next) === undefined && tries < 15; tries += 1) next = addDays(next, 1);
  return next;
}

function timeOfDay(at: Micros): string {
  const minutes = Math.round(newYorkTimeOfDay(at) / MINUTE) % (DAY / MINUTE);
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

import type { FastifyInstance } from 'fastify';
import { accountJson } from '../account/views.ts';
import { newYorkDate, type Micros } from '../clock/new-york.ts';
import { refusals } from '../errors.ts';
import type { AccountSettings, Exchange } from '../exchange.ts';
import type { FillEntry } from '../ledger/ledger.ts';
import { bodyOf } from '../orders/fields.ts';
import { choice, count, instant, list, text, type Query } from './query.ts';

export function accountRoutes(app: FastifyInstance, exchange: Exchange): void {
  const { settings, identity, clock } = exchange;

  app.get('/v2/account', () => accountJson(exchange, identity, settings, clock.now()));
  app.get('/v2/account/configurations', () => settings);
  app.patch('/v2/account/configurations', (request) => {
    return exchange.set(readSettings(request.body));
  });
  app.get('/v2/account/activities', (request) => {
    const query = request.query as Query;
    const types = list(query, 'activity_types');
    const category = text(query, 'category');
    if (types !== undefined && category !== undefined) {
      throw refusals.invalid('only one of activity_types or category is accepted');
    }
    if (category === 'non_trade_activity' || (types !== undefined && !types.includes('FILL'))) return [];
    return fillActivities(exchange, query);
  });
  app.get<{ Params: { type: string } }>('/v2/account/activities/:type', (request) =>
    request.params.type === 'FILL' ? fillActivities(exchange, request.query as Query) : [],
  );
}

const ALLOWED: Readonly<Record<keyof AccountSettings, readonly unknown[]>> = {
  dtbp_check: ['both', 'entry', 'exit'],
  fractional_trading: [true, false],
  max_margin_multiplier: ['1', '2', '4'],
  max_options_trading_level: [0, 1, 2, 3],
  no_shorting: [true, false],
  pdt_check: ['both', 'entry', 'exit'],
  ptp_no_exception_entry: [true, false],
  suspend_trade: [true, false],
  trade_confirm_email: ['all', 'none'],
  disable_overnight_trading: [true, false],
};

function readSettings(body: unknown): Partial<AccountSettings> {
  const asked = bodyOf(body, 'configurations');
  for (const [key, value] of Object.entries(asked)) {
    const allowed = ALLOWED[key as keyof AccountSettings] as readonly unknown[] | undefined;
    if (allowed === undefined) throw refusals.invalid(`invalid key ${key}`);
    if (!allowed.includes(value)) {
      throw refusals.invalid(`invalid ${key} ${JSON.stringify(value)}: allowed are ${allowed.join(', ')}`);
    }
  }
  return asked;
}

/** Fills as activities; ids sort by time and serve as page tokens. */
function fillActivities({ ledger }: Exchange, query: Query): Record<string, unknown>[] {
  const direction = choice(query, 'direction', ['asc', 'desc'], 'desc');
  const pageSize = count(query, 'page_size', 100, 100);
  const after = instant(query, 'after');
  const until = instant(query, 'until');
  const date = text(query, 'date')?.slice(0, 10);
  const token = text(query, 'page_token');

  const fills = ledger.fills();
  const step = direction === 'asc' ? 1 : -1;
  const found = token === undefined ? undefined : fills.findIndex((fill) => activityId(fill) === token);
  if (found === -1) throw refusals.invalid(`invalid page_token ${String(token)}`);
  // From one end, or on from the token, until the page is full: a long day is not gone through for its last fills.
  const page: Record<string, unknown>[] = [];
  let index = found === undefined ? (direction === 'asc' ? 0 : fills.length - 1) : found + step;
  for (; page.length < pageSize; index += step) {
    const fill = fills[index];
    if (fill === undefined) break;
    const at = timeOf(fill);
    if (after !== undefined && at <= after) continue;
    if (until !== undefined && at > until) continue;
    if (date !== undefined && newYorkDate(at) !== date) continue;
    page.push(activityJson(fill));
  }
  return page;
}

const timeOf = ({ at }: FillEntry): Micros => Date.parse(at) * 1000 + Number(at.slice(23, 26));

function activityId(fill: FillEntry): string {
  return `${fill.at.replace(/\D/g, '').slice(0, 17)}::${fill.execution_id}`;
}

function activityJson(fill: FillEntry): Record<string, unknown> {
  return {
    id: activityId(fill),
    activity_type: 'FILL',
    transaction_time: fill.at,
    type: fill.order_status === 'filled' ? 'fill' : 'partial_fill',
    price: fill.price,
    qty: fill.qty,
    side: fill.side,
    symbol: fill.symbol,
    leaves_qty: fill.leaves_qty,
    order_id: fill.order_id,
    cum_qty: fill.cum_qty,
    order_status: fill.order_status,
  };
}

import { at, list, show, text, type Answer } from '../client/http.ts';
import type { Context } from '../context.ts';
import { total } from '../metrics/exposition.ts';
import { eventually, NotAsExpected } from '../runner.ts';
import { scrape } from './services.ts';

const EXPECTED = {
  acknowledged: '200 with order_id, the client_order_id that was sent, and a status',
  repeated: 'the same order_id for the same body, 409 for another body',
  filled: 'status "filled" with the whole quantity at a price',
  listed: 'the order, filled, in the front door’s list and at the execution-engine',
  database: 'the fill in the trades that observability-api reads from the database, one trade more than before',
  counted: 'the execution-engine’s counters of orders and requests have grown',
} as const;

export interface PlacedOrder {
  symbol: string;
  orderId: string;
  clientOrderId: string;
  /** Decimal text. */
  price: string;
}

/** Counters of the execution-engine and the number of today's trades, before anything was sent. */
interface Before {
  orders: number;
  requests: number;
  trades: number;
}

export function order(symbol: string, side: 'buy' | 'sell', clientOrderId: string, quantity = '1') {
  return { symbol, side, type: 'market', quantity, client_order_id: clientOrderId };
}

/** One order from the front door to the database. @returns what is needed to close the position again */
export async function checkOrder(context: Context, symbol: string): Promise<PlacedOrder | undefined> {
  const { runner, http, targets, run } = context;
  const front = `${targets.services.orchestrator}/api/v1/orders`;
  const clientOrderId = `smoke-${run.id}-buy`;
  const body = order(symbol, 'buy', clientOrderId);
  const before = await remember(context);

  const orderId = await runner.check('order: acknowledged', EXPECTED.acknowledged, async () => {
    const answer = await http.post(front, body);
    return { found: show(answer), value: acknowledged(answer, clientOrderId) };
  });
  if (orderId === undefined) {
    skipAll(context, 'no order was acknowledged');
    return undefined;
  }

  await runner.check('order: repeated', EXPECTED.repeated, async () => {
    const again = await http.post(front, body);
    if (at(again.json, 'order_id') !== orderId) throw new NotAsExpected(`the same body: ${show(again)}`);
    const other = await http.post(front, { ...body, quantity: '2' });
    if (other.status !== 409) throw new NotAsExpected(`another body: ${show(other)}`);
    return { found: `the same order_id, then ${show(other)}`, value: undefined };
  });

  const price = await runner.check('order: filled', EXPECTED.filled, async () => {
    const filled = await eventually(context, async () => {
      const answer = await http.get(`${front}/${orderId}`);
      return isFilled(answer.json, '1') ? { done: answer } : { seen: show(answer) };
    });
    const value = text(at(filled.json, 'avg_fill_price'));
    return { found: `filled at ${value}`, value };
  });
  if (price === undefined) {
    // It must not fill later, when nobody looks. Where it cannot be cancelled the failed check is what is told.
    await http.delete(`${front}/${orderId}`).catch(() => undefined);
    for (const name of ['listed', 'in the database', 'counted'] as const) {
      runner.notTried(
        `order: ${name}`,
        EXPECTED[name === 'in the database' ? 'database' : name],
        'the order did not fill',
      );
    }
    return undefined;
  }

  await checkListed(context, front, orderId, clientOrderId);
  await checkStored(context, before, orderId, clientOrderId);
  await checkCounted(context, before);
  return { symbol, orderId, clientOrderId, price };
}

export function acknowledged(answer: Answer, clientOrderId: string): string {
  const id = at(answer.json, 'order_id');
  const status = at(answer.json, 'status');
  const fine =
    answer.status === 200 &&
    typeof id === 'string' &&
    id !== '' &&
    typeof status === 'string' &&
    at(answer.json, 'client_order_id') === clientOrderId;
  if (!fine) throw new NotAsExpected(show(answer));
  return id;
}

export function isFilled(value: unknown, quantity: string): boolean {
  return (
    at(value, 'status') === 'filled' &&
    Number(at(value, 'filled_quantity')) === Number(quantity) &&
    Number(at(value, 'avg_fill_price')) > 0
  );
}

async function checkListed({ runner, http, targets }: Context, front: string, id: string, clientOrderId: string) {
  await runner.check('order: listed', EXPECTED.listed, async () => {
    const answer = await http.get(`${front}?status=all&limit=500`);
    const orders = list(answer.json, 'orders');
    const found = orders.find((each) => each['order_id'] === id);
    if (!isFilled(found, '1'))
      throw new NotAsExpected(`${answer.status}, ${orders.length} orders, ours: ${JSON.stringify(found) ?? 'missing'}`);
    const direct = await http.get(`${targets.services['execution-engine']}/orders/${id}`);
    if (!isFilled(direct.json, '1') || at(direct.json, 'client_order_id') !== clientOrderId) {
      throw new NotAsExpected(`at the execution-engine: ${show(direct)}`);
    }
    return { found: `one of ${orders.length}, and the same at the execution-engine`, value: undefined };
  });
}

/**
 * observability-api is another process with another connection: what it reads from the tables, the execution-engine
 * has committed.
 */
async function checkStored(context: Context, before: Before | undefined, orderId: string, clientOrderId: string) {
  const expected = EXPECTED.database;
  if (before === undefined) {
    context.runner.notTried('order: in the database', expected, 'the state before the order could not be read');
    return;
  }
  await context.runner.check('order: in the database', expected, async () => {
    const found = await eventually({ ...context, everyMs: 200 }, async () => {
      const answer = await profitAndLoss(context);
      const row = list(at(answer.json, 'trades_list'), '').find((each) => each['client_order_id'] === clientOrderId);
      const trades = Number(at(answer.json, 'trades'));
      if (row === undefined) return { seen: `${answer.status}, ${trades} trades, ours is not among the newest` };
      if (!(trades > before.trades)) return { seen: `${trades} trades, as before` };
      if (row['order_id'] !== undefined && row['order_id'] !== orderId)
        return { seen: `the trade is of order ${text(row['order_id'])}` };
      return {
        done: `trade ${JSON.stringify(row['quantity'])} at ${JSON.stringify(row['price'])}, ${trades} trades today`,
      };
    });
    return { found, value: undefined };
  });
}

async function checkCounted(context: Context, before: Before | undefined) {
  if (before === undefined) {
    context.runner.notTried('order: counted', EXPECTED.counted, 'the state before the order could not be read');
    return;
  }
  await context.runner.check('order: counted', EXPECTED.counted, async () => {
    const found = await eventually({ ...context, everyMs: 200 }, async () => {
      const now = await counters(context);
      const text = `orders ${before.orders} → ${now.orders}, requests ${before.requests} → ${now.requests}`;
      return now.orders > before.orders && now.requests > before.requests ? { done: text } : { seen: text };
    });
    return { found, value: undefined };
  });
}

async function remember(context: Context): Promise<Before | undefined> {
  try {
    const trades = Number(at((await profitAndLoss(context)).json, 'trades'));
    return Number.isFinite(trades) ? { ...(await counters(context)), trades } : undefined;
  } catch {
    return undefined;
  }
}

function profitAndLoss({ http, targets }: Context): Promise<Answer> {
  return http.get(`${targets.services['observability-api']}/api/trades/pnl?period=today`);
}

/** All counters of the execution-engine that speak of orders, and the number of requests. */
async function counters(context: Context): Promise<Omit<Before, 'trades'>> {
  const families = await scrape(context, context.targets.services['execution-engine']);
  const ofOrders = [...families.values()].filter(({ name, type }) => type === 'counter' && name.includes('order'));
  return {
    orders: ofOrders.reduce((sum, family) => sum + total(family), 0),
    requests: total(families.get('papergate_http_request_duration_seconds')),
  };
}

function skipAll({ runner }: Context, reason: string): void {
  runner.notTried('order: repeated', EXPECTED.repeated, reason);
  runner.notTried('order: filled', EXPECTED.filled, reason);
  runner.notTried('order: listed', EXPECTED.listed, reason);
  runner.notTried('order: in the database', EXPECTED.database, reason);
  runner.notTried('order: counted', EXPECTED.counted, reason);
}

const CLOSED = 'a sale of what was bought is acknowledged and fills';

/** Gives back what the order check bought; after the breaker's reset it also shows that orders flow again. */
export async function closePosition(context: Context, placed: PlacedOrder | undefined): Promise<void> {
  const { runner, http, targets, run } = context;
  if (placed === undefined) {
    runner.notTried('order: position closed', CLOSED, 'nothing was bought');
    return;
  }
  const front = `${targets.services.orchestrator}/api/v1/orders`;
  const clientOrderId = `smoke-${run.id}-sell`;
  await runner.check('order: position closed', CLOSED, async () => {
    const orderId = await eventually({ ...context, everyMs: 250 }, async () => {
      const answer = await http.post(front, order(placed.symbol, 'sell', clientOrderId));
      // 503: the news of the reset has not reached everybody yet. Safe to repeat, the client_order_id is the same.
      return answer.status === 503 ? { seen: show(answer) } : { done: acknowledged(answer, clientOrderId) };
    });
    const filled = await eventually(context, async () => {
      const answer = await http.get(`${front}/${orderId}`);
      return isFilled(answer.json, '1') ? { done: answer } : { seen: show(answer) };
    });
    return { found: `sold at ${text(at(filled.json, 'avg_fill_price'))}`, value: undefined };
  });
}

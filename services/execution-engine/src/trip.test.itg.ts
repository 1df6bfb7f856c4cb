import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Big, type Pool, type ServiceAnswer } from '@papergate/service-kit';
import { until } from '@papergate/service-kit/testing';
import { alpaca, booksAgree, clearFaults, exchangeLedger, fault, ordersOf, poolOf, settled } from './testing/books.ts';
import { ready, startBundle, type Bundle } from './testing/bundle.ts';

jest.setTimeout(60_000);

let bundle: Bundle;
let pool: Pool;

beforeAll(async () => {
  bundle = await startBundle({
    services: ['paper-exchange', 'market-data', 'risk-manager', 'execution-engine', 'orchestrator'],
    // Fewer than the orders of these tests, so that some wait whatever the machine's pace is.
    settings: { dispatchConcurrency: 16 },
  });
  pool = poolOf(bundle);
  await ready(bundle, 'execution-engine');
  await ready(bundle, 'orchestrator');
}, 120_000);

afterAll(async () => {
  await pool.end();
  await bundle.close();
});

const door = () => bundle.client('orchestrator');
const breaker = (verb: 'trip' | 'reset', body: object): Promise<ServiceAnswer> =>
  door().send('POST', `/api/v1/circuit-breaker/${verb}`, body);
/** Requests that placed an order, whatever the exchange made of them. */
const atBroker = async (): Promise<number> =>
  new Set((await exchangeLedger(bundle)).map(({ client_order_id: id }) => id)).size;

describe('a trip at the front door', () => {
  test('is answered when no further order reaches the broker, with orders at every step of their way', async () => {
    // Slow enough that at any moment all that the engine sends at once are under way, and more wait behind them.
    await fault(bundle, { kind: 'delay', match: { method: 'POST', path: '/v2/orders' }, ms: 700, times: null });
    const stop = new AbortController();
    let next = 0;
    const answers: number[] = [];
    const clients = Array.from({ length: 40 }, async () => {
      while (!stop.signal.aborted) {
        next += 1;
        const order = { symbol: 'AAPL', side: 'buy', type: 'market', quantity: 1, client_order_id: `trip-${next}` };
        answers.push((await door().send('POST', '/api/v1/orders', order)).status);
      }
    });
    await until('orders to be on every step of their way', async () => (await atBroker()) >= 30);

    // On a machine that is busy it may have to be asked again: 503 says that an order is still under way.
    const tripped = await until('the trip to be confirmed', async () => {
      const answer = await breaker('trip', { reason: 'drill' });
      return answer.status === 200 ? answer : undefined;
    });
    const then = await atBroker();
    expect(tripped).toMatchObject({ status: 200, body: { state: 'HALTED', engine: 'settled' } });
    const after = await door().send('POST', '/api/v1/orders', {
      symbol: 'AAPL',
      side: 'buy',
      type: 'market',
      quantity: 1,
    });
    expect(after).toMatchObject({ status: 503, body: { code: 'TRADING_HALTED' } });
    stop.abort();
    await Promise.all(clients);
    await settled(bundle);
    expect(await atBroker()).toBe(then);

    const { rows } = await pool.query<{ halted: number; sent: number }>(
      `SELECT (count(*) FILTER (WHERE reject_code = 'TRADING_HALTED'))::int AS halted,
         (count(*) FILTER (WHERE status = 'filled'))::int AS sent FROM orders`,
    );
    expect(rows[0]?.sent).toBe(then);
    // Some were acknowledged and not sent yet: they ended here, and their clients can read why.
    expect(rows[0]?.halted).toBeGreaterThan(0);
    expect(answers.filter((status) => status === 200)).toHaveLength(then + (rows[0]?.halted ?? 0));

    await clearFaults(bundle);
    expect(await breaker('reset', { reason: 'over' })).toMatchObject({ status: 200, body: { state: 'ACTIVE' } });
    const again = await door().send('POST', '/api/v1/orders', {
      symbol: 'AAPL',
      side: 'sell',
      type: 'market',
      quantity: 1,
    });
    expect(again.status).toBe(200);
    await settled(bundle);
    await booksAgree(bundle, pool);
  });

  test('to REDUCING lets nothing more out that opens a position, and what closes one all the same', async () => {
    const place = (side: 'buy' | 'sell', id: string, quantity: number): Promise<ServiceAnswer> =>
      door().send('POST', '/api/v1/orders', { symbol: 'MSFT', side, type: 'market', quantity, client_order_id: id });
    const bought = async (): Promise<number> =>
      new Set((await exchangeLedger(bundle)).filter(({ side }) => side === 'buy').map(({ client_order_id: id }) => id))
        .size;
    expect((await place('buy', 'opening', 5)).status).toBe(200);
    await settled(bundle);
    await fault(bundle, { kind: 'delay', match: { method: 'POST', path: '/v2/orders' }, ms: 500, times: null });
    // More than go out at once: the rest waits in the engine, the one that closes behind them.
    const buys = await Promise.all(Array.from({ length: 40 }, (_, i) => place('buy', `more-${i}`, 1)));
    expect(buys.map(({ status }) => status)).toEqual(buys.map(() => 200));
    expect((await place('sell', 'closing', 5)).status).toBe(200);
    await until('the trip to be confirmed', async () => {
      const answer = await breaker('trip', { reason: 'drill', state: 'REDUCING' });
      return answer.status === 200;
    });
    const then = await bought();
    await settled(bundle);
    expect(await bought()).toBe(then);
    const { rows } = await pool.query<{ client_order_id: string; status: string; reject_code: string | null }>(
      `SELECT client_order_id, status, reject_code FROM orders WHERE client_order_id = 'closing' OR client_order_id LIKE 'more-%'`,
    );
    expect(rows.find(({ client_order_id: id }) => id === 'closing')).toMatchObject({ status: 'filled' });
    const ended = rows.filter(({ status }) => status === 'canceled');
    expect(ended.length).toBeGreaterThan(0);
    expect(new Set(ended.map(({ reject_code: code }) => code))).toEqual(new Set(['TRADING_REDUCING']));
    await clearFaults(bundle);
    expect((await breaker('reset', { reason: 'over' })).status).toBe(200);
    await booksAgree(bundle, pool);
  });

  test('to REDUCING takes back what rests at the broker and may open a position, before it is answered', async () => {
    const place = (order: object): Promise<ServiceAnswer> =>
      door().send('POST', '/api/v1/orders', { symbol: 'SPY', quantity: 2, type: 'market', ...order });
    expect((await place({ side: 'buy' })).status).toBe(200);
    await settled(bundle);
    const held = (await alpaca(bundle, 'GET', '/v2/positions/SPY')) as { current_price: string };
    const near = (factor: string): string => new Big(held.current_price).times(factor).toFixed(2);
    const rests = [
      { side: 'buy', type: 'limit', price: near('0.96'), client_order_id: 'rests-buying' },
      { side: 'sell', type: 'limit', price: near('1.04'), client_order_id: 'rests-selling' },
    ];
    for (const order of rests) expect((await place(order)).status).toBe(200);
    const open = async (): Promise<string[]> =>
      ((await alpaca(bundle, 'GET', '/v2/orders?status=open')) as { client_order_id: string }[])
        .map(({ client_order_id: id }) => id)
        .toSorted();
    await until('both to rest', async () => (await open()).length === 2);
    // Its cancel is lost a few times, and asked for again.
    await fault(bundle, { kind: 'status', status: 503, match: { method: 'DELETE', path: '/v2/orders/*' }, times: 5 });
    await until('the trip to be confirmed', async () => {
      const { status } = await breaker('trip', { reason: 'drill', state: 'REDUCING' });
      return status === 200;
    });
    expect(await open()).toEqual(['rests-selling']);
    await clearFaults(bundle);
    expect((await breaker('reset', { reason: 'over' })).status).toBe(200);
    const [selling] = await ordersOf(bundle, '&status=open');
    expect((await door().send('DELETE', `/api/v1/orders/${selling?.order_id ?? ''}`)).status).toBe(200);
    await settled(bundle);
    await booksAgree(bundle, pool);
  });
});

describe('an order scope that becomes narrower', () => {
  const risk = () => bundle.client('risk-manager');
  const scope = async (symbols: 'all' | string[]): Promise<ServiceAnswer> => {
    const { release } = (await risk().get('/api/v1/scope')).body as { release: string };
    return risk().send('PUT', '/api/v1/scope', { release, stage: 'drill', symbols, reason: 'drill', set_by: 'a test' });
  };

  test('is answered when no order outside of it reaches the broker any more, and lets through what was checked and is inside', async () => {
    await fault(bundle, { kind: 'delay', match: { method: 'POST', path: '/v2/orders' }, ms: 700, times: null });
    const place = (symbol: string, id: string): Promise<ServiceAnswer> =>
      door().send('POST', '/api/v1/orders', { symbol, side: 'buy', type: 'market', quantity: 1, client_order_id: id });
    const sent = async (): Promise<number> =>
      new Set(
        (await exchangeLedger(bundle)).map(({ client_order_id: id }) => id).filter((id) => id.startsWith('outside-')),
      ).size;
    // More than go out at once, checked while both were allowed; the one that stays inside waits behind them.
    const placed = await Promise.all(Array.from({ length: 40 }, (_, index) => place('NVDA', `outside-${index}`)));
    expect(placed.map(({ status }) => status)).toEqual(placed.map(() => 200));
    expect((await place('MSFT', 'inside')).status).toBe(200);
    await until('the scope to be confirmed', async () => {
      const answer = await scope(['MSFT']);
      return answer.status === 200 && (answer.body as { engine: string }).engine === 'settled';
    });
    const then = await sent();
    expect(await place('NVDA', 'refused')).toMatchObject({ status: 400, body: { code: 'OUTSIDE_ROLLOUT' } });
    await settled(bundle);
    expect(await sent()).toBe(then);
    const { rows } = await pool.query<{ id: string; status: string; code: string | null }>(
      `SELECT client_order_id AS id, status, reject_code AS code FROM orders WHERE client_order_id = 'inside' OR client_order_id LIKE 'outside-%'`,
    );
    expect(rows.find(({ id }) => id === 'inside')).toMatchObject({ status: 'filled' });
    const ended = rows.filter(({ status }) => status === 'canceled');
    expect(ended).toHaveLength(40 - then);
    expect(ended.length).toBeGreaterThan(0);
    expect(new Set(ended.map(({ code }) => code))).toEqual(new Set(['OUTSIDE_ROLLOUT']));
    await clearFaults(bundle);
    expect((await scope('all')).status).toBe(200);
    expect((await place('NVDA', 'inside-again')).status).toBe(200);
    await settled(bundle);
    await booksAgree(bundle, pool);
  });
});

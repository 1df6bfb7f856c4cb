import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Big, type OrderView, type Pool, type ServiceAnswer } from '@papergate/service-kit';
import { until } from '@papergate/service-kit/testing';
import {
  alpaca,
  booksAgree,
  clearFaults,
  exchangeBooks,
  exchangeLedger,
  fault,
  ordersOf,
  ourBooks,
  poolOf,
  settled,
} from './testing/books.ts';
import { ready, startBundle, type Bundle } from './testing/bundle.ts';

jest.setTimeout(30_000);

let bundle: Bundle;
let pool: Pool;

beforeAll(async () => {
  bundle = await startBundle({
    services: ['paper-exchange', 'market-data', 'risk-manager', 'execution-engine'],
    settings: { resendAfterMs: 1_500, reconcileIntervalMs: 3_000 },
  });
  pool = poolOf(bundle);
  await ready(bundle, 'execution-engine');
}, 120_000);

afterEach(() => clearFaults(bundle));

afterAll(async () => {
  await pool.end();
  await bundle.close();
});

const engine = () => bundle.client('execution-engine');
const place = (order: Record<string, unknown> = {}): Promise<ServiceAnswer> =>
  engine().send('POST', '/orders', { symbol: 'AAPL', side: 'buy', type: 'market', quantity: 1, ...order });
const idOf = (answer: ServiceAnswer): string => (answer.body as { order_id: string }).order_id;
const show = async (id: string): Promise<OrderView> => (await engine().get(`/orders/${id}`)).body as OrderView;
const reaches = (id: string, status: string, timeoutMs?: number): Promise<OrderView> =>
  until(
    `order ${id} to be ${status}`,
    async () => {
      const order = await show(id);
      return order.status === status ? order : undefined;
    },
    timeoutMs,
  );
const timesSent = async (clientOrderId: string): Promise<number> =>
  (await exchangeLedger(bundle)).filter(({ kind, client_order_id: id }) => kind === 'order' && id === clientOrderId)
    .length;
const post = { method: 'POST', path: '/v2/orders' };

describe('an order whose outcome is lost', () => {
  test('is found at the broker and adopted, not sent twice', async () => {
    await fault(bundle, { kind: 'lost_answer', match: post });
    const answer = await place({ client_order_id: 'lost-answer' });
    expect(answer.status).toBe(200);
    await reaches(idOf(answer), 'filled');
    expect(await timesSent('lost-answer')).toBe(1);
    await booksAgree(bundle, pool);
  }, 30_000);

  test('is sent again where the broker never got it, and reaches it once', async () => {
    await fault(bundle, { kind: 'status', status: 503, match: post });
    const answer = await place({ client_order_id: 'server-error' });
    await reaches(idOf(answer), 'unknown');
    await reaches(idOf(answer), 'filled', 25_000);
    expect(await timesSent('server-error')).toBe(1);
    const { rows } = await pool.query('SELECT event FROM order_events WHERE order_id = $1 ORDER BY event_id', [
      idOf(answer),
    ]);
    const named = rows.map(({ event }: { event: string }) => event);
    expect(named.slice(0, 2)).toEqual(['lose', 'deny']);
  }, 40_000);

  test('waits out a 429 and goes through', async () => {
    await fault(bundle, { kind: 'status', status: 429, match: post, times: 2 });
    const answer = await place({ client_order_id: 'limited' });
    await reaches(idOf(answer), 'filled', 25_000);
    expect(await timesSent('limited')).toBe(1);
  }, 40_000);
});

describe('a trading state that risk-manager tells of', () => {
  const tell = (state: string, reason: string): Promise<ServiceAnswer> =>
    engine().send('PUT', '/trading-state', { state, reason });

  test('is answered when no request is under way any more, and nothing reaches the broker after the answer', async () => {
    await fault(bundle, { kind: 'delay', ms: 1_000, match: post });
    const first = await place({ client_order_id: 'under-way' });
    await until('the request to be made', async () => (await show(idOf(first))).status === 'sending');
    const told = await tell('HALTED', 'told by hand');
    expect(told).toMatchObject({ status: 200, body: { state: 'HALTED', in_flight: 0 } });
    // It was under way before, so it is there; the answer waited for it.
    expect(await timesSent('under-way')).toBe(1);
    await tell('ACTIVE', 'over');
    await reaches(idOf(first), 'filled');
    expect(await tell('CLOSED', 'x')).toMatchObject({ status: 400 });
  }, 30_000);
});

describe('an order that was ended here, and comes to the broker after all', () => {
  test('is what the broker says, is told of, and is canceled there', async () => {
    await fault(bundle, { kind: 'status', status: 503, match: post });
    // Far enough below the market to rest, and near enough for the limits.
    const [held] = (await alpaca(bundle, 'GET', '/v2/positions')) as { symbol: string; current_price: string }[];
    const { symbol } = held ?? { symbol: 'AAPL' };
    const price = new Big(held?.current_price ?? '100').times('0.96').toFixed(2);
    const answer = await place({ client_order_id: 'back', symbol, type: 'limit', price });
    await reaches(idOf(answer), 'unknown');
    const breaker = bundle.client('risk-manager');
    await breaker.send('POST', '/api/v1/circuit-breaker/trip', { reason: 'test', state: 'HALTED' });
    const ended = await reaches(idOf(answer), 'canceled', 20_000);
    expect(ended).toMatchObject({ broker_order_id: null, reject_code: 'TRADING_HALTED' });
    // As a writer that was stopped in the middle of its call does when it wakes up.
    await alpaca(bundle, 'POST', '/v2/orders', {
      symbol,
      qty: '1',
      side: 'buy',
      type: 'limit',
      limit_price: price,
      time_in_force: 'day',
      client_order_id: 'back',
    });
    const last = await until('the broker’s end', async () => {
      const order = await show(idOf(answer));
      return order.broker_order_id !== null && order.status === 'canceled' ? order : undefined;
    });
    expect(last.reject_code).toBeNull();
    const { rows } = await pool.query(`SELECT code FROM risk_events WHERE client_order_id = 'back'`);
    expect(rows).toContainEqual({ code: 'ORDER_REVIVED' });
    await breaker.send('POST', '/api/v1/circuit-breaker/reset', { reason: 'test' });
    await until('trading to go on', async () => (await place({ symbol: 'MSFT' })).status === 200);
    await settled(bundle);
  }, 40_000);
});

describe('a stream that loses, repeats and reorders', () => {
  test.each([
    ['repeats every message', { kind: 'duplicate_event' }],
    ['reorders messages', { kind: 'reorder_event' }],
    ['loses messages', { kind: 'drop_event' }],
    ['fills in parts', { kind: 'partial_fill', fraction: 0.4 }],
  ])(
    'ends with the same books: it %s',
    async (_name, what) => {
      await fault(bundle, { ...what, times: null, probability: 0.5 });
      const symbols = ['AAPL', 'MSFT', 'SPY', 'NVDA', 'AMZN'];
      for (const side of ['buy', 'sell']) {
        await Promise.all(
          Array.from({ length: 20 }, (_, index) => place({ symbol: symbols[index % 5], side, quantity: 3 })),
        );
        await settled(bundle, 40_000);
      }
      await booksAgree(bundle, pool);
      const { rows } = await pool.query(
        'SELECT order_id, filled_quantity, quantity FROM orders WHERE status = $1 AND filled_quantity <> quantity',
        ['filled'],
      );
      expect(rows).toEqual([]);
      // Lost messages were fetched; nothing had to be corrected behind the executions' back.
      const corrected = await pool.query(`SELECT message FROM risk_events WHERE code = 'RECONCILIATION_POSITION'`);
      expect(corrected.rows).toEqual([]);
    },
    120_000,
  );

  test('that breaks off is opened again, and what happened meanwhile is fetched', async () => {
    const before = Number((await pool.query('SELECT count(*)::int AS n FROM trades')).rows[0].n);
    await fault(bundle, { kind: 'disconnect', match: { path: '/stream' } });
    const answers = await Promise.all(Array.from({ length: 10 }, () => place({ symbol: 'SPY' })));
    for (const answer of answers) await reaches(idOf(answer), 'filled', 30_000);
    await booksAgree(bundle, pool);
    expect(Number((await pool.query('SELECT count(*)::int AS n FROM trades')).rows[0].n)).toBeGreaterThanOrEqual(
      before + 10,
    );
    await ready(bundle, 'execution-engine');
  }, 60_000);
});

describe('a database that throws everybody out', () => {
  test('costs no acknowledged order and no fill', async () => {
    const acknowledged: string[] = [];
    const sending = Array.from({ length: 200 }, async (_, index) => {
      const clientOrderId = `thrown-${index}`;
      await until(
        `${clientOrderId} to be acknowledged`,
        async () => {
          const answer = await place({ client_order_id: clientOrderId, symbol: ['AAPL', 'SPY'][index % 2] }).catch(
            () => undefined,
          );
          if (answer?.status === 200) acknowledged.push(clientOrderId);
          return answer?.status === 200;
        },
        30_000,
      );
    });
    for (let round = 0; round < 40; round += 1) {
      await pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name IN ('papergate-execution-engine', 'papergate-order-writer')`,
      );
    }
    await Promise.all(sending);
    await settled(bundle, 30_000);
    for (const id of acknowledged) expect(await timesSent(id)).toBe(1);
    await booksAgree(bundle, pool);
    await ready(bundle, 'execution-engine');
  }, 90_000);
});

describe('reconciliation', () => {
  test('reports an order that was not placed here, and takes over the position that it leads to', async () => {
    const mark = ((await alpaca(bundle, 'GET', '/v2/positions')) as { symbol: string; current_price: string }[]).find(
      ({ symbol }) => symbol === 'SPY',
    );
    const low = new Big(mark?.current_price ?? '100').times('0.9').toFixed(2);
    const resting = (await alpaca(bundle, 'POST', '/v2/orders', {
      symbol: 'SPY',
      qty: '1',
      side: 'buy',
      type: 'limit',
      limit_price: low,
      time_in_force: 'day',
      client_order_id: 'foreign-resting',
    })) as { id: string };
    await alpaca(bundle, 'POST', '/v2/orders', {
      symbol: 'SPY',
      qty: '4',
      side: 'buy',
      type: 'market',
      time_in_force: 'day',
      client_order_id: 'foreign-filled',
    });
    await until(
      'the differences',
      async () => {
        const { rows } = await pool.query(`SELECT DISTINCT code FROM risk_events WHERE kind = 'reconciliation'`);
        const codes = rows.map(({ code }: { code: string }) => code);
        return codes.includes('RECONCILIATION_FOREIGN_ORDER') && codes.includes('RECONCILIATION_POSITION');
      },
      40_000,
    );
    const report = (await engine().get('/reconciliation')).body as {
      open_orders: { foreign: string[] };
      differences: { total: number };
    };
    expect(report.differences.total).toBeGreaterThanOrEqual(2);
    await until(
      'the position to be the broker’s',
      async () => {
        const [ours, theirs] = [await ourBooks(pool), await exchangeBooks(bundle)];
        return ours.positions['SPY'] === theirs.positions['SPY'];
      },
      40_000,
    );
    await alpaca(bundle, 'DELETE', `/v2/orders/${resting.id}`);
    const { positions } = (await engine().get('/positions')).body as { positions: Record<string, string>[] };
    expect(positions).toContainEqual(expect.objectContaining({ symbol: 'SPY', adopted_quantity: '4' }));
    await until(
      'the cash to be the broker’s',
      async () => {
        const { cash } = (await alpaca(bundle, 'GET', '/v2/account')) as { cash: string };
        const { rows } = await pool.query<{ cash: string }>('SELECT cash::text FROM account_cash');
        return new Big(cash)
          .minus(rows[0]?.cash ?? '0')
          .abs()
          .lt('0.01');
      },
      40_000,
    );
    const { rows } = await pool.query(`SELECT count(*)::int AS n FROM risk_events WHERE code = 'RECONCILIATION_CASH'`);
    expect(rows[0].n).toBeGreaterThanOrEqual(1);
  }, 60_000);

  test('ends orders that the broker does not know, and sets the positions to its own', async () => {
    const held = ((await alpaca(bundle, 'GET', '/v2/positions')) as { symbol: string; current_price: string }[]).find(
      ({ symbol }) => symbol === 'SPY',
    );
    const price = new Big(held?.current_price ?? '100').times('0.96').toFixed(2);
    const answer = await place({ symbol: 'SPY', type: 'limit', price, client_order_id: 'forgotten' });
    await reaches(idOf(answer), 'new');
    await bundle.client('paper-exchange').send('POST', '/sim/reset', {});
    const order = await reaches(idOf(answer), 'canceled', 40_000);
    expect(order).toMatchObject({ reject_code: 'RECONCILIATION', reject_reason: 'not known at the broker' });
    await until(
      'the positions to be empty',
      async () => Object.keys((await ourBooks(pool)).positions).length === 0,
      40_000,
    );
    expect(await ordersOf(bundle, '&status=open')).toEqual([]);
  }, 90_000);
});

describe('a broker that is away', () => {
  test('orders wait for it, and are sent once it is back', async () => {
    await bundle.kill('paper-exchange');
    const answers = await Promise.all(
      Array.from({ length: 5 }, (_, index) =>
        place({ client_order_id: `waiting-${index}`, type: 'limit', price: 100 + index }),
      ),
    );
    const taken = answers.filter(({ status }) => status === 200);
    await bundle.start('paper-exchange');
    for (const answer of taken) {
      await until(
        'the broker to have it',
        async () => !['accepted', 'unknown'].includes((await show(idOf(answer))).status),
        40_000,
      );
    }
    await ready(bundle, 'execution-engine');
    expect(taken.length + answers.filter(({ status }) => status === 503 || status === 400).length).toBe(5);
  }, 90_000);
});

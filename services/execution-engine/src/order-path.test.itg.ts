import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  Big,
  createPublisher,
  createSubscriber,
  type OrderView,
  type Pool,
  type ServiceAnswer,
} from '@papergate/service-kit';
import { requiredRoles, testContext, until, WITH_ROLES } from '@papergate/service-kit/testing';
import { buildExecutionEngine } from './build.ts';
import { isFinal } from './life/states.ts';
import { alpaca, exchangeBooks, exchangeLedger, ordersOf, ourBooks, poolOf, settled } from './testing/books.ts';
import { ready, startBundle, type Bundle } from './testing/bundle.ts';

jest.setTimeout(30_000);

let bundle: Bundle;
let pool: Pool;

beforeAll(async () => {
  bundle = await startBundle({ services: ['paper-exchange', 'market-data', 'risk-manager', 'execution-engine'] });
  pool = poolOf(bundle);
  await ready(bundle, 'execution-engine');
}, 120_000);

afterAll(async () => {
  await pool.end();
  await bundle.close();
});

const engine = () => bundle.client('execution-engine');
const risk = () => bundle.client('risk-manager');
const place = (order: Record<string, unknown>): Promise<ServiceAnswer> =>
  engine().send('POST', '/orders', { symbol: 'AAPL', side: 'buy', type: 'market', quantity: 1, ...order });
const idOf = (answer: ServiceAnswer): string => (answer.body as { order_id: string }).order_id;
const show = async (id: string): Promise<OrderView> => (await engine().get(`/orders/${id}`)).body as OrderView;
const reaches = (id: string, status: string): Promise<OrderView> =>
  until(`order ${id} to be ${status}`, async () => {
    const order = await show(id);
    if (order.status !== status && isFinal(order.status))
      throw new Error(`it is ${order.status}: ${order.reject_reason ?? ''}`);
    return order.status === status ? order : undefined;
  });

describe('an order', () => {
  test('is durable when it is acknowledged, fills, and stands in every table', async () => {
    const answer = await place({ quantity: '5', client_order_id: 'full-path' });
    expect(answer).toMatchObject({ status: 200, body: { client_order_id: 'full-path', status: 'accepted' } });
    const { rows } = await pool.query('SELECT client_order_id FROM orders WHERE order_id = $1', [idOf(answer)]);
    expect(rows).toEqual([{ client_order_id: 'full-path' }]);
    const order = await reaches(idOf(answer), 'filled');
    expect(order).toMatchObject({
      symbol: 'AAPL',
      quantity: '5',
      filled_quantity: '5',
      strategy: null,
      reject_code: null,
    });
    const trades = await pool.query(
      'SELECT sum(quantity)::text AS quantity, (sum(quantity * price) / sum(quantity))::numeric(20, 9)::text AS price FROM trades WHERE client_order_id = $1',
      ['full-path'],
    );
    expect(new Big(trades.rows[0].quantity).toFixed()).toBe('5');
    expect(new Big(trades.rows[0].price).toFixed()).toBe(order.avg_fill_price);
    const events = await pool.query('SELECT event FROM order_events WHERE order_id = $1 ORDER BY event_id', [
      idOf(answer),
    ]);
    expect(events.rows.map(({ event }: { event: string }) => event)).toEqual(expect.arrayContaining(['new', 'fill']));
    const day = await pool.query(
      'SELECT sum(trades)::int AS trades, sum(volume)::text AS volume FROM daily_pnl WHERE symbol = $1',
      ['AAPL'],
    );
    expect(day.rows[0].trades).toBeGreaterThanOrEqual(1);
    const positions = (await engine().get('/positions')).body as { positions: Record<string, string>[] };
    expect(positions.positions).toContainEqual(
      expect.objectContaining({ symbol: 'AAPL', quantity: '5', mark: expect.any(String) }),
    );
  });

  test('buys and sells end with the books of the exchange, and the cash flows of a round trip are its profit', async () => {
    for (const [side, quantity] of [
      ['buy', '3'],
      ['sell', '3'],
      ['sell', '9'],
      ['buy', '9'],
      ['buy', '2'],
    ]) {
      await reaches(idOf(await place({ symbol: 'MSFT', side, quantity })), 'filled');
    }
    const { rows } = await pool.query(
      `SELECT (SELECT realized_pnl FROM positions WHERE symbol = 'MSFT')::text AS booked, (SELECT quantity FROM positions WHERE symbol = 'MSFT')::text AS held,
       sum(CASE side WHEN 'buy' THEN -quantity * price ELSE quantity * price END)::text AS cash FROM trades WHERE symbol = 'MSFT'`,
    );
    expect(new Big(rows[0].held).toNumber()).toBe(2);
    await reaches(idOf(await place({ symbol: 'MSFT', side: 'sell', quantity: 2 })), 'filled');
    const after = await pool.query(
      `SELECT (SELECT realized_pnl FROM positions WHERE symbol = 'MSFT')::text AS booked, (SELECT sum(realized_pnl) FROM daily_pnl WHERE symbol = 'MSFT')::text AS daily,
       sum(CASE side WHEN 'buy' THEN -quantity * price ELSE quantity * price END)::text AS cash FROM trades WHERE symbol = 'MSFT'`,
    );
    expect(new Big(after.rows[0].booked).toFixed()).toBe(new Big(after.rows[0].cash).toFixed());
    expect(new Big(after.rows[0].daily).toFixed()).toBe(new Big(after.rows[0].cash).toFixed());
    expect(await ourBooks(pool)).toEqual(await exchangeBooks(bundle));
  });

  test('is published with its fills, fills first', async () => {
    const seen: string[] = [];
    const { host, bus_port: port } = bundle.system.services['execution-engine'];
    let beats = 0;
    const subscriber = createSubscriber({
      endpoints: [`tcp://${host}:${port}`],
      topics: ['order', 'fill', 'heartbeat'],
      onMessage: (topic, { data }) => {
        if (topic === 'heartbeat') beats += 1;
        const body = data as { client_order_id?: string; status?: string };
        if (body.client_order_id === 'published') seen.push(topic === 'fill' ? 'fill' : (body.status ?? ''));
      },
    });
    try {
      await until('a heartbeat', () => beats > 0);
      await reaches(idOf(await place({ client_order_id: 'published' })), 'filled');
      await until('the fill and the order', () => seen.includes('filled'));
      expect(seen[0]).toBe('accepted');
      expect(seen.indexOf('fill')).toBeLessThan(seen.indexOf('filled'));
    } finally {
      await subscriber.close();
    }
  });

  test('is the same order when it is sent again, also a hundred times at once', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => place({ client_order_id: 'same' })));
    expect(new Set(answers.map((answer) => `${answer.status} ${idOf(answer)}`)).size).toBe(1);
    await reaches(idOf(answers[0] as ServiceAnswer), 'filled');
    expect((await place({ client_order_id: 'same' })).body).toEqual(answers[0]?.body);
    expect(await place({ client_order_id: 'same', quantity: 2 })).toMatchObject({
      status: 409,
      body: { code: 'DUPLICATE_CLIENT_ORDER_ID' },
    });
    const sent = (await exchangeLedger(bundle)).filter(
      ({ kind, client_order_id: id }) => kind === 'order' && id === 'same',
    );
    expect(sent).toHaveLength(1);
  });

  test('that the schema, the risk limits or the broker refuse says which and why', async () => {
    expect(await place({ type: 'limit' })).toMatchObject({
      status: 400,
      body: { code: 'INVALID_ORDER', message: expect.stringContaining('price is missing') },
    });
    expect(await place({ quantity: 501 })).toMatchObject({ status: 400, body: { code: 'RISK_ORDER_QUANTITY' } });
    expect(await place({ symbol: 'ZZZZ' })).toMatchObject({ status: 400, body: { code: 'RISK_NO_PRICE' } });
    const unknown = await place({ symbol: 'ZZZZ', type: 'limit', price: 10 });
    expect(unknown.status).toBe(200);
    expect(await reaches(idOf(unknown), 'rejected')).toMatchObject({
      reject_code: expect.any(String),
      reject_reason: expect.any(String),
    });
    await until(
      'the reservation to be given back',
      async () => ((await risk().get('/api/v1/exposure')).body as { open_orders: number }).open_orders === 0,
    );
  });

  test('can be listed, found, canceled, and canceled only once', async () => {
    const mark = new Big(
      ((await engine().get('/positions')).body as { positions: { symbol: string; mark: string }[] }).positions.find(
        ({ symbol }) => symbol === 'AAPL',
      )?.mark ?? '0',
    );
    const limit = await place({ type: 'limit', price: mark.times('0.96').toFixed(2), client_order_id: 'resting' });
    const id = idOf(limit);
    expect(limit.status).toBe(200);
    await reaches(id, 'new');
    expect((await ordersOf(bundle, '&status=open')).map((order) => order.order_id)).toEqual([id]);
    expect((await ordersOf(bundle, '&client_order_id=resting')).map((order) => order.order_id)).toEqual([id]);
    expect(await engine().send('DELETE', `/orders/${id}`)).toMatchObject({ status: 200, body: { order_id: id } });
    await reaches(id, 'canceled');
    expect(await engine().send('DELETE', `/orders/${id}`)).toMatchObject({
      status: 409,
      body: { code: 'ORDER_FINAL' },
    });
    expect(await engine().get('/orders/00000000-0000-4000-8000-000000000000')).toMatchObject({
      status: 404,
      body: { code: 'ORDER_NOT_FOUND' },
    });
    expect(await engine().get('/orders/not-an-id')).toMatchObject({ status: 404 });
  });
});

describe('a signal', () => {
  test('becomes one order of its strategy, however often it comes', async () => {
    const { host, bus_port: port } = bundle.system.services['signal-bridge'];
    const publisher = await createPublisher({ service: 'signal-bridge', host, port });
    const signal = {
      id: 'momentum-SPY-buy-1',
      strategy: 'momentum',
      symbol: 'SPY',
      side: 'buy',
      quantity: '2',
      price: 100_000_000,
      reason: 'test',
      tick_n: 1,
      event_time: 1,
    };
    try {
      const order = await until('the order', async () => {
        void publisher.publish('signal', signal);
        void publisher.publish('signal', { ...signal, id: undefined });
        return (await ordersOf(bundle, '&client_order_id=momentum-SPY-buy-1'))[0];
      });
      expect(await reaches(order.order_id, 'filled')).toMatchObject({
        strategy: 'momentum',
        quantity: '2',
        type: 'market',
      });
      const { rows } = await pool.query(`SELECT client_order_id, source FROM orders WHERE source = 'signal'`);
      expect(rows).toEqual([{ client_order_id: 'momentum-SPY-buy-1', source: 'signal' }]);
    } finally {
      await publisher.close();
    }
  });
});

describe('halting', () => {
  test('refuses orders with 503 until it is reset', async () => {
    await risk().send('POST', '/api/v1/circuit-breaker/trip', { reason: 'drill' });
    expect(await place({})).toMatchObject({ status: 503, body: { code: 'TRADING_HALTED' } });
    expect((await engine().get('/health/ready')).status).toBe(200);
    await risk().send('POST', '/api/v1/circuit-breaker/reset', { reason: 'drill over' });
    expect(await place({})).toMatchObject({ status: 200 });
    await settled(bundle);
  });

  test('an emergency stop answers when the broker shows no open order', async () => {
    const mark = new Big(
      ((await engine().get('/positions')).body as { positions: { symbol: string; mark: string }[] }).positions.find(
        ({ symbol }) => symbol === 'AAPL',
      )?.mark ?? '0',
    );
    const ids = await Promise.all(
      Array.from({ length: 10 }, async () =>
        idOf(await place({ type: 'limit', price: mark.times('0.96').toFixed(2) })),
      ),
    );
    const answer = await engine().send('POST', '/emergency-stop', { reason: 'fire' });
    expect(answer).toMatchObject({ status: 200, body: { status: 'stopped', halted: true, open_at_broker: 0 } });
    expect(await alpaca(bundle, 'GET', '/v2/orders?status=open')).toEqual([]);
    for (const id of ids) await reaches(id, 'canceled');
    expect((await risk().get('/api/v1/circuit-breaker/status')).body).toMatchObject({
      state: 'HALTED',
      reason: 'emergency stop: fire',
    });
    await risk().send('POST', '/api/v1/circuit-breaker/reset', { reason: 'fire is out' });
    await until(
      'orders to be taken again',
      async () => (await place({ client_order_id: `after-fire-${Date.now()}` })).status === 200,
    );
    await settled(bundle);
  });

  test('no answer of the risk manager counts as halted', async () => {
    await bundle.kill('risk-manager');
    expect(await place({})).toMatchObject({ status: 503, body: { code: 'RISK_UNREACHABLE' } });
    await bundle.start('risk-manager');
    await ready(bundle, 'execution-engine');
    // Its first prices come with the next ticks.
    await until('orders to be taken again', async () => (await place({})).status === 200);
    await settled(bundle);
  }, 60_000);
});

test('every order has its row in the audit, and so have cancels, the stop and what was refused', async () => {
  const refused = await place({ quantity: -1, client_order_id: 'of-nobody' });
  expect(refused.status).toBe(400);
  const nowhere = '00000000-0000-4000-8000-000000000000';
  expect((await engine().send('DELETE', `/orders/${nowhere}`)).status).toBe(404);
  const rows = async (action: string) =>
    (
      await pool.query<Record<string, string | null>>(
        'SELECT actor, subject, reason, outcome FROM access_audit WHERE action = $1 ORDER BY audit_id',
        [action],
      )
    ).rows;
  const cancels = async () => (await rows('order.cancel')).map(({ subject, outcome }) => [subject, outcome]);
  await until('the cancel of nothing', async () =>
    (await cancels()).some(([subject, outcome]) => subject === nowhere && outcome === 'ORDER_NOT_FOUND'),
  );
  expect((await cancels()).filter(([, outcome]) => outcome === 'OK').length).toBeGreaterThan(0);
  expect(await rows('emergency_stop')).toEqual([{ actor: 'anonymous', subject: null, reason: 'fire', outcome: 'OK' }]);
  await until('the refusal', async () => (await rows('order.place')).some((row) => row['subject'] === 'of-nobody'));
  const unlike = await pool.query(
    `SELECT o.client_order_id, a.audit_id FROM orders o
       FULL JOIN (SELECT * FROM access_audit WHERE action = 'order.place' AND outcome = 'OK') a ON a.subject = o.order_id::text
     WHERE o.order_id IS NULL OR a.audit_id IS NULL OR a.reason <> o.source
       OR a.actor <> CASE o.source WHEN 'signal' THEN 'strategy:' || o.strategy ELSE 'anonymous' END`,
  );
  expect(unlike.rows).toEqual([]);
  const { rows: signals } = await pool.query(`SELECT 1 FROM access_audit WHERE actor = 'strategy:momentum'`);
  expect(signals).toHaveLength(1);
});

describe('the only order writer', () => {
  test('a second engine takes nothing, says why, and takes over when the first is gone', async () => {
    const second = await startSecond();
    try {
      const check = async (name: string) =>
        (
          (await (await fetch(`http://127.0.0.1:${second.port}/health/ready`)).json()) as {
            checks: Record<string, { ok: boolean; detail?: string }>;
          }
        ).checks[name];
      await until(
        'the reason',
        async () =>
          (await check('writer'))?.detail?.includes('another execution-engine holds the order-writer lock') === true,
      );
      const answer = await fetch(`http://127.0.0.1:${second.port}/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ symbol: 'AAPL', side: 'buy', type: 'market', quantity: 1 }),
      });
      expect(answer.status).toBe(503);
      expect(await answer.json()).toMatchObject({
        code: 'NOT_READY',
        message: expect.stringContaining('another execution-engine'),
      });
      // What the stream tells meanwhile is the first one's to write, and nothing that ends the second.
      await until('its stream', async () => (await check('broker stream'))?.ok === true);
      await place({ client_order_id: 'seen-by-both' });
      await settled(bundle);
      await until('the second to hear of it', () => second.heard() > 0);
      expect(await bundle.stop('execution-engine')).toBe(0);
      await until(
        'the take-over',
        async () => (await fetch(`http://127.0.0.1:${second.port}/health/ready`)).status === 200,
      );
      const taken = await fetch(`http://127.0.0.1:${second.port}/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          symbol: 'SPY',
          side: 'buy',
          type: 'market',
          quantity: 1,
          client_order_id: 'in-paper-mode',
        }),
      });
      expect(taken.status).toBe(200);
      await until('the paper order', async () => {
        const { rows } = await pool.query(`SELECT status FROM orders WHERE client_order_id = 'in-paper-mode'`);
        return rows[0]?.status === 'filled';
      });
      expect(second.failures).toEqual([]);
    } finally {
      await second.close();
      await bundle.start('execution-engine');
      await ready(bundle, 'execution-engine');
    }
  }, 60_000);
});

/** An engine in this process, beside the bundle's own; in paper mode, with the exchange as Alpaca's paper host. */
async function startSecond(): Promise<{
  port: number;
  /** Messages of the broker's stream. */
  heard: () => number;
  /** What would have ended its process. */
  failures: unknown[];
  close: () => Promise<void>;
}> {
  const context = testContext('execution-engine', {
    databaseUrl: bundle.database.url,
    system: (system) => {
      Object.assign(system, structuredClone(bundle.system));
      system.services['execution-engine'] = { host: '127.0.0.1', http_port: 0, bus_port: 0 };
    },
  });
  context.env.dryRun = false;
  context.env.alpacaBaseUrl = bundle.system.dry_run_broker_url;
  context.system.dry_run_broker_url = 'http://127.0.0.1:9';
  context.env.alpacaApiKey = bundle.credentials.key;
  context.env.alpacaSecretKey = bundle.credentials.secret;
  let heard = 0;
  const second = await buildExecutionEngine(context, {
    failpoint: (name) => {
      if (name === 'stream.received') heard += 1;
      return undefined;
    },
  });
  await second.app.listen({ host: '127.0.0.1', port: 0 });
  await second.start();
  const address = second.app.server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    heard: () => heard,
    failures: context.failures,
    close: async () => {
      await second.stop();
      await second.app.close();
    },
  };
}

test('each route asks for the role that its description says', async () => {
  const guarded = await buildExecutionEngine(testContext('execution-engine', WITH_ROLES));
  try {
    expect(await requiredRoles(guarded.app)).toEqual({
      none: [],
      trader: ['POST /orders', 'DELETE /orders/{id}'],
      operator: ['PUT /trading-state', 'PUT /order-scope', 'POST /emergency-stop'],
    });
  } finally {
    await guarded.stop();
    await guarded.app.close();
  }
});

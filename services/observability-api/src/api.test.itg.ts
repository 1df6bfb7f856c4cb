import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { WebSocket } from 'ws';
import { createPool, createPublisher, type BusPublisher, type Pool, type RunningService } from '@papergate/service-kit';
import {
  requiredRoles,
  startTestDatabase,
  testContext,
  until,
  WITH_ROLES,
  type TestDatabase,
} from '@papergate/service-kit/testing';
import { buildObservabilityApi } from './build.ts';
import { removeOldTicks } from './storage/retention.ts';
import { startDatabaseProxy, type DatabaseProxy } from './testing/database-proxy.ts';
import { startServiceDouble, type ServiceDouble } from './testing/service-double.ts';

// Generous: two cores that others use as well must not make a test fail.
jest.setTimeout(60_000);

/** Wednesday, 4 March 2026, 10:00 in New York. */
const NOW = Date.parse('2026-03-04T15:00:00Z');

let database: TestDatabase;
let proxy: DatabaseProxy;
let pool: Pool;
let double: ServiceDouble;
let market: BusPublisher;
let bridge: BusPublisher;
let engine: BusPublisher;
let service: RunningService;

beforeAll(async () => {
  database = await startTestDatabase();
  proxy = await startDatabaseProxy(database.url);
  pool = createPool({ url: database.url, poolSize: 2, applicationName: 'test' });
}, 60_000);
afterAll(async () => {
  await pool.end();
  await proxy.close();
  await database.close();
});

beforeEach(async () => {
  proxy.mend();
  await pool.query('TRUNCATE ticks, trades, order_events, orders, positions, daily_pnl, risk_events, signals');
  double = await startServiceDouble();
  double.answers.set('/api/v1/circuit-breaker/status', {
    status: 200,
    body: { state: 'REDUCING', reason: 'drawdown', since: '2026-03-04T14:00:00.000Z' },
  });
  const publisher = (name: string) => createPublisher({ service: name, host: '127.0.0.1', port: 0 });
  [market, bridge, engine] = await Promise.all([
    publisher('market-data'),
    publisher('signal-bridge'),
    publisher('execution-engine'),
  ]);
  const context = testContext('observability-api', {
    databaseUrl: proxy.url,
    system: ({ services }) => {
      for (const entry of Object.values(services)) entry.http_port = double.port;
      services['market-data'].bus_port = market.port;
      services['signal-bridge'].bus_port = bridge.port;
      services['execution-engine'].bus_port = engine.port;
    },
  });
  service = await buildObservabilityApi(context, { now: () => NOW, healthMs: 50, scrapeMs: 50 });
  await service.start?.();
});
afterEach(async () => {
  await service.stop?.();
  await service.app.close();
  await Promise.all([market, bridge, engine].map((publisher) => publisher.close()));
  await double.close();
});

const get = (url: string) => service.app.inject(url);
const store = (payload: object) => service.app.inject({ method: 'POST', url: '/api/storage/ticks', payload });

describe('ticks that clients store', () => {
  test('are committed when they are acknowledged, and come back newest first', async () => {
    const answer = await store({
      symbol: 'AAPL',
      price: '167.41',
      volume: 100,
      timestamp: '2026-03-04T14:59:59.5Z',
      bid: 167.4,
      ask: 167.42,
    });
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({ stored: 1, first_n: 1, last_n: 1, epoch: expect.stringMatching(/^upload-/) });
    expect((await pool.query('SELECT count(*)::int AS count FROM ticks')).rows).toEqual([{ count: 1 }]);
    await store([
      { symbol: 'AAPL', price: 1 },
      { symbol: 'MSFT', price: 2 },
    ]);
    const { ticks } = (await get('/api/storage/ticks?symbol=AAPL&limit=10')).json();
    expect(ticks.map(({ price }: { price: string }) => price)).toEqual(['1', '167.41']);
    expect(ticks[1]).toMatchObject({
      symbol: 'AAPL',
      kind: 'trade',
      size: '100',
      bid: '167.4',
      ask: '167.42',
      timestamp: '2026-03-04T14:59:59.500000Z',
      posted: true,
    });
    expect(
      (await get('/api/storage/ticks?limit=2'))
        .json()
        .ticks.map(({ symbol }: { symbol: string }) => symbol)
        .toSorted(),
    ).toEqual(['AAPL', 'MSFT']);
  });

  test('a thousand single ones at once are each acknowledged with a number of their own', async () => {
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, at) => store({ symbol: 'AAPL', price: at + 1 })),
    );
    const numbers = answers.map((answer) => answer.json().first_n as number).toSorted((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 1_000 }, (_, at) => at + 1));
    const [stats] = (await get('/api/storage/stats')).json().by_epoch;
    expect(stats).toMatchObject({
      count: 1_000,
      missing: 0,
      by_symbol: { AAPL: { trades: { price_sum: '500500000000' } } },
    });
  });

  test.each([
    [{ symbol: 'AAPL' }, 'the tick is wrong'],
    [
      [
        { symbol: 'AAPL', price: 1 },
        { symbol: 'AAPL', price: -1 },
      ],
      'tick 1 is wrong',
    ],
    [[], '1 to 10000'],
    [{ symbol: 'AAPL', price: 1e300 }, 'out of range'],
    [{ symbol: 'AAPL', price: 1, timestamp: 'last Tuesday' }, 'neither RFC 3339 nor ms'],
  ])('are refused with the reason: %j', async (payload, message) => {
    const answer = await store(payload);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'INVALID_TICK', message: expect.stringContaining(message) });
    expect((await pool.query('SELECT 1 FROM ticks')).rowCount).toBe(0);
  });

  test('outlive a database that is away for a moment, once each', async () => {
    proxy.cut();
    const answers = Promise.all([store({ symbol: 'AAPL', price: 1 }), store({ symbol: 'AAPL', price: 2 })]);
    await until(
      'the loss to be seen',
      async () => (await get('/health/ready')).json().collectors.database.ok === false,
    );
    proxy.mend();
    expect((await answers).map(({ statusCode }) => statusCode)).toEqual([200, 200]);
    expect((await pool.query('SELECT 1 FROM ticks')).rowCount).toBe(2);
  }, 20_000);
});

describe('profit and loss', () => {
  beforeEach(async () => {
    await pool.query(`
      INSERT INTO daily_pnl (day, symbol, realized_pnl, trades, volume, notional) VALUES
        ('2026-03-04', 'AAPL', 12.50, 2, 10, 1674.10), ('2026-03-04', 'MSFT', -2.25, 1, 5, 2000),
        ('2026-03-02', 'AAPL', 100, 4, 20, 3000), ('2026-03-01', 'AAPL', 1000, 1, 1, 150), ('2026-02-27', 'AAPL', 10000, 1, 1, 150)`);
    await pool.query(`
      INSERT INTO orders (order_id, client_order_id, request_hash, source, symbol, side, type, quantity, time_in_force, status)
        VALUES ('00000000-0000-0000-0000-000000000001', 'mine', 'h', 'api', 'AAPL', 'buy', 'market', 5, 'day', 'filled')`);
    await pool.query(`
      INSERT INTO trades (execution_id, order_id, client_order_id, symbol, side, quantity, price, realized_pnl, filled_at) VALUES
        ('x1', '00000000-0000-0000-0000-000000000001', 'mine', 'AAPL', 'buy', 5.000, 167.4100, 0, '2026-03-04T04:59:59Z'),
        ('x2', '00000000-0000-0000-0000-000000000001', 'mine', 'AAPL', 'sell', 5, 167.5, 12.5, '2026-03-04T14:31:00Z')`);
    await pool.query(
      `INSERT INTO positions (symbol, quantity, avg_entry_price) VALUES ('AAPL', 10, 167.00), ('MSFT', -4, 400), ('SPY', 0, 0)`,
    );
  });

  test.each([
    ['today', '10.25', 3, '2026-03-04'],
    ['week', '110.25', 7, '2026-03-02'],
    ['month', '1110.25', 8, '2026-03-01'],
    ['all', '11110.25', 9, null],
  ])('of %s comes from the books', async (period, realized, trades, from) => {
    const report = (await get(`/api/trades/pnl?period=${period}`)).json();
    expect(report).toMatchObject({ period, realized_pnl: realized, trades, from });
  });

  test('of today counts trades by the day of New York, newest first', async () => {
    const { trades_list: list, by_symbol: symbols, volume, notional } = (await get('/api/trades/pnl')).json();
    expect(list).toMatchObject([
      { execution_id: 'x2', client_order_id: 'mine', quantity: '5', price: '167.5', realized_pnl: '12.5' },
    ]);
    expect((await get('/api/trades/pnl?period=week')).json().trades_list).toHaveLength(2);
    expect((await get('/api/trades/pnl?limit=0')).json().trades_list).toEqual([]);
    expect({ volume, notional }).toEqual({ volume: '15', notional: '3674.1' });
    expect(symbols.map(({ symbol }: { symbol: string }) => symbol)).toEqual(['AAPL', 'MSFT']);
  });

  test('that is not realized needs a mark of everything held, long and short', async () => {
    expect((await get('/api/trades/pnl')).json().unrealized_pnl).toBeNull();
    const quote = { k: 'q', t: 1, r: NOW * 1000, bs: 1, as: 1 };
    await publishUntilStored([
      { n: 1, s: 'AAPL', ...quote, b: 168_000_000, a: 168_020_000 },
      { n: 2, s: 'MSFT', ...quote, b: 401_000_000, a: 401_000_000 },
    ]);
    const report = await until('both marks', async () => {
      const found = (await get('/api/trades/pnl')).json();
      return found.unrealized_pnl !== null && found;
    });
    // 10 × (168.01 − 167) + (−4) × (401 − 400)
    expect(report.unrealized_pnl).toBe('6.1');
    expect(report.by_symbol).toMatchObject([
      { symbol: 'AAPL', unrealized_pnl: '10.1', position: '10' },
      { symbol: 'MSFT', unrealized_pnl: '-4', position: '-4' },
    ]);
  });

  test('refuses a period that it does not know', async () => {
    expect((await get('/api/trades/pnl?period=yesterday')).statusCode).toBe(400);
  });

  async function publishUntilStored(ticks: object[]): Promise<void> {
    await until('the ticks to be taken', async () => {
      await market.publish('tick', ticks);
      return (await pool.query('SELECT 1 FROM ticks')).rowCount === ticks.length;
    });
  }
});

describe('what other services say', () => {
  test('exposure, breaker and the roll-out’s scope come from risk-manager as they are', async () => {
    double.answers.set('/api/v1/exposure', { status: 200, body: { gross_exposure: '1.5', extra: { kept: true } } });
    expect((await get('/api/risk/exposure')).json()).toEqual({ gross_exposure: '1.5', extra: { kept: true } });
    expect((await get('/api/system/circuit-breaker/status')).json()).toMatchObject({ state: 'REDUCING' });
    double.answers.set('/api/v1/scope', { status: 200, body: { stage: 'share', effective: ['AAPL'] } });
    expect((await get('/api/risk/scope')).json()).toEqual({ stage: 'share', effective: ['AAPL'] });
  });

  test('a risk-manager that fails, talks nonsense or is gone is named', async () => {
    double.answers.set('/api/v1/exposure', { status: 503, body: { code: 'NOT_READY', message: 'loading' } });
    expect((await get('/api/risk/exposure')).json()).toEqual({ code: 'NOT_READY', message: 'loading' });
    double.answers.set('/api/v1/exposure', { status: 200, body: 'hello' });
    expect((await get('/api/risk/exposure')).statusCode).toBe(502);
    await double.close();
    const gone = await get('/api/risk/exposure');
    expect([gone.statusCode, gone.json().code]).toEqual([503, 'SERVICE_UNREACHABLE']);
    expect((await get('/api/risk/exposure')).json().message).toContain('risk-manager');
  });

  test('the system’s status names every service, and who is not ready', async () => {
    double.answers.set('/health/ready', {
      status: 503,
      body: { ready: false, checks: { broker: { ok: false, detail: 'no stream' } } },
    });
    const status = await until('all to be seen', async () => {
      const found = (await get('/api/system/status')).json();
      return (
        Object.keys(found.services).length === 8 &&
        found.services['execution-engine'].ready === false &&
        found.trading.known &&
        found
      );
    });
    expect(status).toMatchObject({
      status: 'degraded',
      environment: 'development',
      trading_mode: 'dry-run',
      trading: { state: 'REDUCING', known: true, reason: 'drawdown', since: '2026-03-04T14:00:00.000Z' },
    });
    expect(status.services['execution-engine']).toMatchObject({
      problem: 'broker: no stream',
      checks: { broker: { ok: false } },
    });
  });

  test('metrics of the services become usage; what is gone is null and not an old number', async () => {
    double.answers.set('/metrics', {
      status: 200,
      body: '# HELP x y\npapergate_process_resident_memory_bytes{service="s"} 12345\npapergate_nodejs_eventloop_lag_p99_seconds{service="s"} 0.0125\n',
    });
    const usage = await until(
      'the numbers',
      async () => (await get('/api/metrics/system')).json().services['market-data'],
    );
    expect(usage).toMatchObject({ memory_bytes: 12_345, event_loop_lag_p99_ms: 12.5, cpu_percent: null });
    expect((await get('/api/metrics/system')).json().host.cores).toBeGreaterThan(0);
    double.answers.delete('/metrics');
    await until('nothing', async () => (await get('/api/metrics/system')).json().services['market-data'] === null);
  });

  test('risk events and signals are read from their tables, newest first', async () => {
    await pool.query(
      `INSERT INTO risk_events (at, kind, code, message) VALUES ('2026-03-04T14:00:00Z', 'trip', 'A', 'a'), ('2026-03-04T14:01:00Z', 'reset', 'B', 'b')`,
    );
    await pool.query(
      `INSERT INTO signals (signal_id, strategy, symbol, side, quantity, price, reason, event_time) VALUES ('s1', 'm', 'AAPL', 'buy', 5, 167.41, 'z', '2026-03-04T14:00:00Z')`,
    );
    const { events } = (await get('/api/risk/events?limit=1')).json();
    expect(events).toMatchObject([{ kind: 'reset', code: 'B', at: '2026-03-04T14:01:00.000Z', symbol: null }]);
    expect((await get('/api/signals')).json().signals).toMatchObject([
      { id: 's1', price: '167.41', event_time: '2026-03-04T14:00:00.000Z' },
    ]);
  });
});

describe('WS /ws/metrics', () => {
  async function connect(): Promise<{ socket: WebSocket; messages: Record<string, unknown>[] }> {
    if (!service.app.server.listening) await service.app.listen({ host: '127.0.0.1', port: 0 });
    const address = service.app.server.address() as { port: number };
    const socket = new WebSocket(`ws://127.0.0.1:${address.port}/ws/metrics`);
    const messages: Record<string, unknown>[] = [];
    socket.on('message', (data: Buffer) => {
      const parsed = JSON.parse(data.toString('utf8')) as Record<string, unknown> | Record<string, unknown>[];
      messages.push(...(Array.isArray(parsed) ? parsed : [parsed]));
    });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return { socket, messages };
  }

  test('answers ping in both forms, and nonsense with an error', async () => {
    const { socket, messages } = await connect();
    for (const text of ['{"action":"ping"}', 'ping', 'pong?', '{"action":"subscribe","topics":["gossip"]}'])
      socket.send(text);
    await until('four answers', () => messages.filter(({ type }) => type !== 'metrics').length === 4);
    expect(messages.filter(({ type }) => type !== 'metrics').map(({ type }) => type)).toEqual([
      'pong',
      'pong',
      'error',
      'error',
    ]);
    socket.terminate();
  });

  test('streams a sample each second, the same as the history has', async () => {
    const { socket, messages } = await connect();
    await until('two samples', () => messages.filter(({ type }) => type === 'metrics').length >= 2);
    expect(messages.find(({ type }) => type === 'metrics')).toMatchObject({
      at: '2026-03-04T15:00:00.000Z',
      realized_pnl: '0',
      trading: { state: expect.any(String) },
    });
    expect((await get('/api/metrics/history?seconds=2')).json().samples.length).toBeGreaterThan(0);
    socket.terminate();
  });

  test('brings orders, fills and signals to who asked, and counts each order once', async () => {
    const { socket, messages } = await connect();
    socket.send('{"action":"subscribe","topics":["order","fill"]}');
    await until('the answer', () => messages.some(({ type }) => type === 'subscribed'));
    const what = { symbol: 'AAPL', side: 'buy', quantity: '5' };
    const id = { ...what, order_id: 'o-1', client_order_id: 'c-1' };
    const order = { ...id, status: 'accepted', price: null, stop_price: null, filled_quantity: '0' };
    const position = { symbol: 'AAPL', quantity: '5', avg_entry_price: '168' };
    const fill = { ...id, fill_id: 'f-1', price: '168', realized_pnl: '0', position };
    await until('the order to arrive', async () => {
      await engine.publish('order', order);
      return messages.some(({ type }) => type === 'order');
    });
    await bridge.publish('signal', { ...what, id: 's-1', strategy: 'mean-reversion' });
    await engine.publish('fill', fill);
    await until('the fill', () => messages.some(({ type }) => type === 'fill'));
    expect(messages.find(({ type }) => type === 'order')).toEqual({
      type: 'order',
      data: order,
    });
    expect(messages.some(({ type }) => type === 'signal')).toBe(false);
    socket.terminate();
  });
});

describe('the documentation', () => {
  test('is a valid OpenAPI document of every route', async () => {
    const document = (await get('/docs/json')).json();
    const validation = await new Validator().validate(document);
    expect(validation.errors).toBeUndefined();
    expect(validation.valid).toBe(true);
    expect(Object.keys(document.paths).toSorted()).toEqual([
      '/api/audit',
      '/api/metrics/history',
      '/api/metrics/system',
      '/api/risk/events',
      '/api/risk/exposure',
      '/api/risk/scope',
      '/api/signals',
      '/api/storage/stats',
      '/api/storage/ticks',
      '/api/system/circuit-breaker/status',
      '/api/system/status',
      '/api/trades/pnl',
      '/api/v1/config',
      '/health',
      '/health/ready',
      '/metrics',
    ]);
    for (const methods of Object.values<Record<string, { summary?: string }>>(document.paths)) {
      for (const operation of Object.values(methods)) expect(operation.summary).toEqual(expect.any(String));
    }
  });

  test('is shown at /docs', async () => {
    const page = await get('/docs/');
    expect(page.statusCode).toBe(200);
    expect(page.payload).toContain('swagger-ui');
  });
});

test('ticks beyond the retention go, in small steps, and newer ones stay', async () => {
  const micros = NOW * 1000;
  await pool.query(
    `INSERT INTO ticks (epoch, n, symbol, kind, event_time, received_at, price)
     SELECT 'e', n, CASE WHEN n % 2 = 0 THEN 'AAPL' ELSE 'MSFT' END, 't', 0, $1::bigint - n * 3600000000::bigint, 1 FROM generate_series(0, 99) n`,
    [micros],
  );
  expect(await removeOldTicks(pool, micros, { days: 1, chunk: 7 })).toBe(75);
  expect((await pool.query('SELECT max(n)::int AS max, count(*)::int AS count FROM ticks')).rows).toEqual([
    { max: 24, count: 25 },
  ]);
});

test('the audit is shown newest first, by actor, by action, and page by page', async () => {
  await pool.query(
    `INSERT INTO access_audit (at, service, actor, role, action, subject, reason, outcome, request_id, release)
     SELECT to_timestamp(n), 'execution-engine', CASE WHEN n % 3 = 0 THEN 'olga' ELSE 'tom' END, 'trader',
       CASE WHEN n % 5 = 0 THEN 'order.cancel' ELSE 'order.place' END, 'o-' || n, NULL, 'OK', 'r-' || n, 'abc' FROM generate_series(1, 30) n`,
  );
  const ask = async (query: string) => {
    const answer = await get(`/api/audit${query}`);
    expect(answer.statusCode).toBe(200);
    return answer.json<{ audit: { id: number; subject: string }[] }>().audit;
  };
  const subjects = async (query: string) => (await ask(query)).map(({ subject }) => subject);
  expect((await ask('?limit=1'))[0]).toEqual({
    id: expect.any(Number),
    at: '1970-01-01T00:00:30.000Z',
    service: 'execution-engine',
    actor: 'olga',
    role: 'trader',
    action: 'order.cancel',
    subject: 'o-30',
    reason: null,
    outcome: 'OK',
    request_id: 'r-30',
    release: 'abc',
  });
  expect(await subjects('?actor=olga&limit=3')).toEqual(['o-30', 'o-27', 'o-24']);
  expect(await subjects('?action=order.cancel')).toEqual(['o-30', 'o-25', 'o-20', 'o-15', 'o-10', 'o-5']);
  expect(await subjects('?actor=tom&action=order.cancel&limit=2')).toEqual(['o-25', 'o-20']);
  const first = await ask('?limit=10');
  expect(await subjects(`?limit=2&before=${first.at(-1)?.id}`)).toEqual(['o-20', 'o-19']);
  for (const query of ['?limit=0', '?actor=a%20b', "?action='", '?who=tom']) {
    expect((await get(`/api/audit${query}`)).statusCode).toBe(400);
  }
});

test('each route asks for the role that its description says', async () => {
  const guarded = await buildObservabilityApi(testContext('observability-api', WITH_ROLES));
  try {
    expect(await requiredRoles(guarded.app, ['/ws/metrics', '/docs'])).toEqual({
      none: [],
      trader: ['POST /api/storage/ticks'],
      operator: ['GET /api/audit'],
    });
  } finally {
    await guarded.stop?.();
    await guarded.app.close();
  }
});

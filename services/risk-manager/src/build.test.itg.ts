import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { RiskLimits, SystemConfig } from '@papergate/config';
import {
  createPool,
  createPublisher,
  createRequester,
  type BusPublisher,
  type Pool,
  type Requester,
  type RiskVerdict,
  type Tick,
} from '@papergate/service-kit';
import {
  requiredRoles,
  startTestDatabase,
  testContext,
  until,
  WITH_ROLES,
  type TestDatabase,
} from '@papergate/service-kit/testing';
import { buildRiskManager, type RiskManager } from './build.ts';
import { createGuardStore } from './protection/guards.ts';
import { startEngineDouble, type EngineDouble } from './testing/engine-double.ts';

jest.setTimeout(30_000);

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await startTestDatabase();
  pool = createPool({ url: database.url, poolSize: 4, applicationName: 'test' });
}, 60_000);

afterAll(async () => {
  await pool.end();
  await database.close();
});

interface World {
  risk: RiskManager;
  requester: Requester;
  engine: BusPublisher;
  market: BusPublisher;
  /** What stands for execution-engine over HTTP. */
  http: EngineDouble;
  clock: { offset: number };
  check(change?: Record<string, unknown>): Promise<RiskVerdict>;
  mark(symbol: string, usd: number): void;
  close(): Promise<void>;
}

const opened: World[] = [];
afterEach(async () => {
  for (const world of opened.splice(0)) await world.close();
  await pool.query(
    'TRUNCATE orders, order_events, trades, positions, daily_pnl, risk_events, equity_days, position_guards CASCADE',
  );
  await pool.query(
    `UPDATE trading_state SET state = 'ACTIVE', reason = 'test', code = NULL, held = false, since = now()`,
  );
});

/** A risk manager between two publishers that stand for market-data and execution-engine. */
async function start(
  options: { limits?: (limits: RiskLimits) => void; equity?: string; settleMs?: number } = {},
): Promise<World> {
  const clock = { offset: 0 };
  const market = await createPublisher({ service: 'market-data', host: '127.0.0.1', port: 0 });
  const engine = await createPublisher({ service: 'execution-engine', host: '127.0.0.1', port: 0 });
  const http = await startEngineDouble();
  if (options.equity !== undefined) {
    http.account = { equity: options.equity, buying_power: '100000000', trading_blocked: false };
    await pool.query(`INSERT INTO equity_days (day, opening, peak, last) VALUES ('2024-01-01', $1, $1, $1)`, [
      options.equity,
    ]);
  }
  const context = testContext('risk-manager', {
    databaseUrl: database.url,
    system: (system: SystemConfig) => {
      system.services['market-data'].bus_port = market.port;
      system.services['execution-engine'].bus_port = engine.port;
      system.services['execution-engine'].http_port = http.port;
      system.services['market-data'].http_port = 1;
    },
    limits: (limits) => {
      limits.monitoring.mark_interval_ms = 20;
      limits.circuit_breaker.max_stale_data_ms = 3_600_000;
      options.limits?.(limits);
    },
  });
  const risk = await buildRiskManager(context, {
    now: () => Date.now() + clock.offset,
    settings: {
      syncIntervalMs: 600_000,
      firstSyncRetryMs: 20,
      equityIntervalMs: 50,
      firstEquityRetryMs: 20,
      settleMs: options.settleMs ?? 2_500,
    },
  });
  await risk.start();
  const requester = createRequester({ endpoint: `tcp://127.0.0.1:${risk.responder.port}`, timeoutMs: 2_000 });
  let orders = 0;
  const world: World = {
    risk,
    requester,
    engine,
    market,
    http,
    clock,
    async check(change = {}) {
      orders += 1;
      const order = {
        client_order_id: `o-${orders}`,
        symbol: 'AAPL',
        side: 'buy',
        type: 'market',
        quantity: '1',
        ...change,
      };
      return (await requester.request({ type: 'check', order })) as RiskVerdict;
    },
    mark(symbol, usd) {
      const micros = Math.round(usd * 1e6);
      const tick: Tick = { n: 1, s: symbol, k: 'q', t: 0, r: 0, b: micros, a: micros, bs: 1, as: 1 };
      void market.publish('tick', [tick]);
    },
    async close() {
      await requester.close();
      await risk.stop();
      await risk.app.close();
      await market.close();
      await engine.close();
      await http.close();
    },
  };
  opened.push(world);
  await until('the exposure to be known', async () => (await risk.app.inject('/health/ready')).statusCode === 200);
  if (options.equity !== undefined) await until('the account', () => risk.exposure.funds.standing !== undefined);
  await until('the mark', () => {
    world.mark('AAPL', 100);
    return risk.exposure.symbol('AAPL').bid > 0;
  });
  return world;
}

const riskEvents = async (kind: string): Promise<{ code: string; client_order_id: string | null; message: string }[]> =>
  (
    await pool.query('SELECT code, client_order_id, message FROM risk_events WHERE kind = $1 ORDER BY risk_event_id', [
      kind,
    ])
  ).rows;

describe('risk-manager', () => {
  test('answers checks over the bus, reserves what it allows and writes down what it refuses', async () => {
    const { risk, check } = await start({ equity: '1000000' });
    expect(await check()).toEqual({ allowed: true, state: 'ACTIVE' });
    expect(await check({ quantity: '501' })).toMatchObject({
      allowed: false,
      state: 'ACTIVE',
      code: 'RISK_ORDER_QUANTITY',
    });
    const exposure = (await risk.app.inject('/api/v1/exposure')).json<Record<string, unknown>>();
    expect(exposure).toMatchObject({
      equity: '1000000',
      open_positions: 0,
      open_orders: 1,
      reserved: '100',
      gross_exposure: '0',
    });
    const [refusal] = await until('the refusal to be written', async () => {
      const rows = await riskEvents('refusal');
      return rows.length > 0 ? rows : undefined;
    });
    expect(refusal).toEqual({
      code: 'RISK_ORDER_QUANTITY',
      client_order_id: 'o-2',
      message: 'the order is for 501 shares, allowed: 500',
    });
  });

  test('a hundred checks at once cannot pass a limit together', async () => {
    const { check } = await start({
      equity: '1000000',
      limits: (limits) => {
        limits.position_limits.max_position_quantity = '40';
      },
    });
    const answers = await Promise.all(Array.from({ length: 100 }, () => check()));
    expect(answers.filter(({ allowed }) => allowed)).toHaveLength(40);
  });

  test('trip and reset over HTTP hold for the very next check, and are stored', async () => {
    const { risk, check } = await start({ equity: '1000000' });
    const trip = await risk.app.inject({
      method: 'POST',
      url: '/api/v1/circuit-breaker/trip',
      payload: { reason: 'drill' },
    });
    expect(trip.json()).toMatchObject({ state: 'HALTED', tripped: true, reason: 'drill' });
    expect(await check()).toMatchObject({ allowed: false, state: 'HALTED', code: 'RISK_HALTED' });
    expect((await pool.query('SELECT state, reason FROM trading_state')).rows).toEqual([
      { state: 'HALTED', reason: 'drill' },
    ]);
    const bad = await risk.app.inject({ method: 'POST', url: '/api/v1/circuit-breaker/reset', payload: {} });
    expect(bad.statusCode).toBe(400);
    await risk.app.inject({ method: 'POST', url: '/api/v1/circuit-breaker/reset', payload: { reason: 'over' } });
    expect(await check()).toMatchObject({ allowed: true, state: 'ACTIVE' });
    await until(
      'trip and reset to be written',
      async () => (await riskEvents('trip')).length === 1 && (await riskEvents('reset')).length === 1,
    );
  });

  test('who trips and resets is in the audit when the answer comes, and so is what was refused', async () => {
    const { risk } = await start();
    const before = await pool.query('SELECT coalesce(max(audit_id), 0) AS last FROM access_audit');
    const ask = (act: string, payload: object) =>
      risk.app.inject({ method: 'POST', url: `/api/v1/circuit-breaker/${act}`, payload });
    const rows = async () =>
      (
        await pool.query(
          'SELECT actor, role, action, subject, reason, outcome FROM access_audit WHERE audit_id > $1 ORDER BY audit_id',
          [before.rows[0]?.last],
        )
      ).rows;
    expect((await ask('trip', { reason: 'drill', state: 'REDUCING' })).statusCode).toBe(200);
    const by = { actor: 'anonymous', role: 'operator' };
    const trip = { ...by, action: 'breaker.trip', subject: 'REDUCING', reason: 'drill', outcome: 'OK' };
    expect(await rows()).toEqual([trip]);
    expect((await ask('reset', { reason: 'over' })).statusCode).toBe(200);
    const reset = { ...by, action: 'breaker.reset', subject: 'ACTIVE', reason: 'over', outcome: 'OK' };
    expect(await rows()).toEqual([trip, reset]);
    expect((await ask('reset', {})).statusCode).toBe(400);
    const refused = { ...reset, reason: null, outcome: 'INVALID_REQUEST' };
    await until('the refusal', async () => (await rows()).length === 3);
    expect(await rows()).toEqual([trip, reset, refused]);
  });

  test('a trip survives a restart', async () => {
    const first = await start({ equity: '1000000' });
    await first.risk.app.inject({
      method: 'POST',
      url: '/api/v1/circuit-breaker/trip',
      payload: { reason: 'drill', state: 'REDUCING' },
    });
    await first.close();
    opened.splice(0);
    await pool.query('TRUNCATE equity_days');
    const second = await start({ equity: '1000000' });
    expect(await second.check()).toMatchObject({ allowed: false, state: 'REDUCING', code: 'RISK_REDUCING_ONLY' });
  });

  test('fills and orders of the bus move the exposure, and a loss trips the breaker', async () => {
    const { risk, engine, check } = await start({
      equity: '1000000',
      limits: (limits) => (limits.loss_limits.max_daily_loss = '500'),
    });
    const fill = (id: string, realized: string, after: string): void =>
      void engine.publish('fill', {
        fill_id: id,
        order_id: 'o',
        client_order_id: 'o-1',
        strategy: null,
        symbol: 'AAPL',
        side: 'buy',
        quantity: '1',
        price: '100',
        realized_pnl: realized,
        filled_at: new Date().toISOString(),
        position: { symbol: 'AAPL', quantity: after, avg_entry_price: '100', opened_at: new Date().toISOString() },
      });
    await until('the position', () => {
      fill('x-1', '0', '3');
      return risk.exposure.symbol('AAPL').quantity === 3_000_000_000n;
    });
    fill('x-2', '-500', '3');
    await until('the trip', async () => {
      const status = (await risk.app.inject('/api/v1/circuit-breaker/status')).json<{ state: string }>();
      return status.state === 'HALTED';
    });
    const status = (await risk.app.inject('/api/v1/circuit-breaker/status')).json();
    expect(status).toMatchObject({ automatic: true, code: 'RISK_DAILY_LOSS' });
    expect(await check({ side: 'sell' })).toMatchObject({ code: 'RISK_HALTED' });
    const early = await risk.app.inject({
      method: 'POST',
      url: '/api/v1/circuit-breaker/reset',
      payload: { reason: 'early' },
    });
    expect(early.statusCode).toBe(409);
    expect(early.headers['retry-after']).toBeDefined();
  });

  test('a gap on the bus leads back to the database', async () => {
    const { risk, engine } = await start({ equity: '1000000' });
    await until('the first message', () => {
      void engine.publish('heartbeat', { n: engine.sequence('order'), fills: 0 });
      void engine.publish('order', {
        client_order_id: 'x',
        symbol: 'AAPL',
        side: 'buy',
        quantity: '1',
        filled_quantity: '0',
        price: null,
        stop_price: null,
        status: 'canceled',
      });
      return engine.sequence('order') > 3;
    });
    await pool.query(`INSERT INTO positions (symbol, quantity, avg_entry_price) VALUES ('SPY', 4, 50)`);
    expect(risk.exposure.symbol('SPY').quantity).toBe(0n);
    // The numbers of messages that never came.
    await until('the comparison', () => {
      void engine.publish('heartbeat', { n: engine.sequence('order') + 5, fills: 0 });
      return risk.exposure.symbol('SPY').quantity === 4_000_000_000n;
    });
  });

  test('a restart knows open orders and losses in a row', async () => {
    await pool.query(`INSERT INTO orders (order_id, client_order_id, request_hash, source, symbol, side, type, quantity, time_in_force, status, filled_quantity, created_at)
      VALUES (gen_random_uuid(), 'open-1', 'h', 'api', 'AAPL', 'sell', 'market', 10, 'day', 'partially_filled', 4, now() - interval '1 hour')`);
    const { risk } = await start({ equity: '1000000' });
    expect(risk.exposure.symbol('AAPL')).toMatchObject({ buys: 0n, sells: 6_000_000_000n });
    const gauge = 'papergate_risk_reservations{service="risk-manager"} 1';
    await until('the gauge to be set', async () => (await risk.app.inject('/metrics')).body.includes(gauge));
  });

  test('without an equity nothing new goes, and /state says so', async () => {
    const { check, requester } = await start();
    expect(await check()).toMatchObject({ allowed: false, code: 'RISK_CONCENTRATION' });
    expect(await requester.request({ type: 'state' })).toMatchObject({ state: 'ACTIVE', equity: null });
  });

  test('the database may go and come back: what is known stays in force', async () => {
    const { risk, check } = await start({ equity: '1000000' });
    await pool.query('ALTER TABLE positions RENAME TO positions_away');
    try {
      expect(await check()).toMatchObject({ allowed: true });
      const ready = await risk.app.inject('/health/ready');
      expect(ready.statusCode).toBe(200);
    } finally {
      await pool.query('ALTER TABLE positions_away RENAME TO positions');
    }
  });

  const post = (world: World, verb: 'trip' | 'reset', payload: object) =>
    world.risk.app.inject({ method: 'POST', url: `/api/v1/circuit-breaker/${verb}`, payload });

  test('the engine is told of every state, one after the other', async () => {
    const world = await start({ equity: '1000000' });
    expect((await post(world, 'trip', { reason: 'drill' })).json()).toMatchObject({
      state: 'HALTED',
      engine: 'settled',
    });
    expect(world.http.states.at(-1)).toEqual({ state: 'HALTED', reason: 'drill' });
    await post(world, 'reset', { reason: 'over' });
    expect(world.http.states.at(-1)).toEqual({ state: 'ACTIVE', reason: 'over' });
    world.http.stateStatus = 404;
    expect((await post(world, 'trip', { reason: 'drill' })).json()).toMatchObject({ engine: 'absent' });
  });

  test.each([504, undefined])('a trip is not confirmed while orders are under way (%s)', async (stateStatus) => {
    const world = await start({ equity: '1000000', settleMs: 200 });
    world.http.stateStatus = stateStatus;
    const answer = await post(world, 'trip', { reason: 'drill' });
    expect([answer.statusCode, answer.json()]).toMatchObject([503, { code: 'ORDERS_UNDER_WAY' }]);
    expect((await pool.query('SELECT state, held FROM trading_state')).rows).toEqual([{ state: 'HALTED', held: true }]);
    expect(await world.check()).toMatchObject({ code: 'RISK_HALTED' });
  });

  test('what a limit tripped resumes by itself after the cooldown, once its cause is gone', async () => {
    const world = await start({
      equity: '1000000',
      limits: (limits) => {
        limits.circuit_breaker.max_rejects_per_minute = 1;
        Object.assign(limits.circuit_breaker, { auto_resume: true, cooldown_seconds: 30 });
      },
    });
    const state = async (): Promise<string> =>
      (await world.risk.app.inject('/api/v1/circuit-breaker/status')).json<{ state: string }>().state;
    for (let i = 0; i < 2; i += 1) await world.check({ quantity: '501' });
    await until('the trip', async () => (await state()) === 'HALTED');
    world.clock.offset = 30_500;
    // The cooldown is over, the minute of the refusals is not.
    await new Promise((resolve) => setImmediate(resolve));
    expect(await state()).toBe('HALTED');
    world.clock.offset = 61_000;
    await until('it to resume', async () => (await state()) === 'ACTIVE');
    await until('the reset to be written', async () => (await riskEvents('reset'))[0]?.code === 'AUTO_RESUME');
  });

  test('a restart knows the losses of the week and of the month, the trades of today and what may be spent', async () => {
    const now = Date.now();
    const day = (ms: number): string =>
      new Intl.DateTimeFormat('sv-SE', { timeZone: 'America/New_York', dateStyle: 'short' }).format(ms);
    const month = `${day(now).slice(0, 8)}01`;
    await pool.query(
      `INSERT INTO daily_pnl (day, symbol, realized_pnl) VALUES ($1, 'AAPL', -1), ($2::date - 40, 'AAPL', -100)`,
      [day(now), month],
    );
    await pool.query(
      `WITH placed AS (
         INSERT INTO orders (order_id, client_order_id, request_hash, source, symbol, side, type, quantity, time_in_force, status, filled_quantity)
         VALUES (gen_random_uuid(), 'done', 'h', 'api', 'AAPL', 'buy', 'market', 2, 'day', 'filled', 2),
           (gen_random_uuid(), 'open', 'h', 'api', 'AAPL', 'buy', 'limit', 2, 'gtc', 'partially_filled', 1)
         RETURNING order_id, client_order_id)
       INSERT INTO trades (execution_id, order_id, client_order_id, symbol, side, quantity, price, filled_at)
       SELECT client_order_id || n, order_id, client_order_id, 'AAPL', 'buy', 1, 100,
         CASE WHEN client_order_id = 'open' THEN now() - interval '2 days' ELSE now() END
       FROM placed, generate_series(1, 2) AS n WHERE n = 1 OR client_order_id = 'done'`,
    );
    const { risk } = await start({ equity: '1000000' });
    const { exposure } = risk;
    expect([exposure.realizedToday, exposure.realizedWeek, exposure.realizedMonth]).toEqual([
      -(10n ** 18n),
      -(10n ** 18n),
      -(10n ** 18n),
    ]);
    // One order was filled today, in two parts; another is open and was filled on another day.
    expect([exposure.tradesToday, exposure.possibleTrades]).toEqual([1, 2]);
    expect(exposure.funds.standing).toEqual({ buyingPower: 10n ** 26n, shorting: true, blocked: false });
  });

  test('a restart knows what went through just before, and not what came to nothing', async () => {
    await pool.query(
      `INSERT INTO orders (order_id, client_order_id, request_hash, source, symbol, side, type, quantity, time_in_force, status)
       VALUES (gen_random_uuid(), 'sent', 'h', 'api', 'AAPL', 'buy', 'market', 3.0, 'day', 'new'),
         (gen_random_uuid(), 'void', 'h', 'api', 'AAPL', 'buy', 'market', 4, 'day', 'rejected')`,
    );
    const { check } = await start({
      equity: '1000000',
      limits: (limits) => {
        limits.order_validation.duplicate_window_ms = 60_000;
        limits.order_validation.max_orders_per_second = 3;
        limits.order_validation.max_orders_per_minute = 3;
      },
    });
    expect(await check({ quantity: '3' })).toMatchObject({ code: 'RISK_DUPLICATE_INTENT' });
    expect(await check({ quantity: '4' })).toMatchObject({ allowed: true });
    // Two before the restart and one after it: the minute is full.
    expect(await check({ quantity: '5' })).toMatchObject({ code: expect.stringMatching(/^RISK_ORDER_(BUDGET|RATE)$/) });
  });

  test('the guards of positions are read and written', async () => {
    const store = createGuardStore(pool);
    const row = { symbol: 'AAPL', openedAt: 1_700_000_000_123, best: 110_500_000_001n, attempt: 3 };
    await store.save([row, { ...row, symbol: 'SPY' }], []);
    await store.save([{ ...row, best: 111n }], ['SPY']);
    expect(await store.load()).toEqual([{ ...row, best: 111n }]);
  });
});

test('each route asks for the role that its description says', async () => {
  const risk = await buildRiskManager(testContext('risk-manager', WITH_ROLES));
  try {
    expect(await requiredRoles(risk.app)).toEqual({
      none: [],
      trader: [],
      operator: ['POST /api/v1/circuit-breaker/trip', 'POST /api/v1/circuit-breaker/reset', 'PUT /api/v1/scope'],
    });
  } finally {
    await risk.stop();
    await risk.app.close();
  }
});

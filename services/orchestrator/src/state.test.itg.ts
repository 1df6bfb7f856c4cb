import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { requiredRoles, ROLE_TOKENS, testContext, until, WITH_ROLES } from '@papergate/service-kit/testing';
import { buildOrchestrator } from './build.ts';
import { startTestBundle, type TestBundle } from './testing/bundle.ts';
import type { ServiceDouble } from './testing/service-double.ts';

// Generous: two cores that others use as well must not make a test fail.
jest.setTimeout(60_000);

let bundle: TestBundle;
let risk: ServiceDouble;
let engine: ServiceDouble;

beforeEach(async () => {
  bundle = await startTestBundle({ overrides: { haltTimeoutMs: 2_000, cancelTimeoutMs: 2_000 } });
  ({ 'risk-manager': risk, 'execution-engine': engine } = bundle.doubles);
});
afterEach(() => bundle.close());

const get = async (url: string) => (await bundle.service.app.inject(url)).json();
const post = (url: string, payload?: object) =>
  bundle.service.app.inject({ method: 'POST', url, ...(payload === undefined ? {} : { payload }) });
const status = () => get('/api/v1/orchestration/status');

describe('the state of the bundle', () => {
  test('names every service with address, health, latency and release', async () => {
    const { services, trading, release } = await status();
    expect(Object.keys(services).toSorted()).toEqual([
      'dashboard',
      'execution-engine',
      'market-data',
      'observability-api',
      'orchestrator',
      'paper-exchange',
      'risk-manager',
      'signal-bridge',
    ]);
    expect(services['market-data']).toMatchObject({
      url: `http://127.0.0.1:${bundle.doubles['market-data'].port}`,
      alive: true,
      ready: true,
      release: 'test',
      problem: null,
    });
    expect(services['market-data'].latency_ms).toBeGreaterThan(0);
    expect(services.dashboard).toMatchObject({
      alive: false,
      ready: false,
      latency_ms: null,
      problem: expect.stringContaining('dashboard'),
    });
    expect(trading).toMatchObject({ state: 'ACTIVE', known: true, reason: 'first start' });
    expect(release).toEqual({ sha: 'test', uniform: true });
  });

  test('is down without a service of the order path, degraded without another, and says why', async () => {
    expect((await status()).overall).toBe('degraded');
    bundle.doubles['market-data'].answers.set('GET /health/ready', {
      status: 503,
      body: { ready: false, checks: { upstream: { ok: false, detail: 'connection lost' }, bus: { ok: true } } },
    });
    const degraded = await until('not ready to be seen', async () => {
      const found = await status();
      return found.services['market-data'].ready === false && found;
    });
    expect(degraded.overall).toBe('degraded');
    expect(degraded.services['market-data'].problem).toBe('upstream: connection lost');
    await engine.stop();
    await until('down', async () => (await status()).overall === 'down');
    expect((await bundle.service.app.inject('/health/ready')).statusCode).toBe(503);
    await engine.restart();
    await until('up again', async () => (await status()).overall === 'degraded');
  });

  test.each(['silent', 'reset', 'error', 'garbage'] as const)('a service that is %s is not alive', async (fault) => {
    bundle.doubles['signal-bridge'].fault = fault;
    const found = await until('it to be seen', async () => {
      const { services } = await status();
      return services['signal-bridge'].alive === false && services['signal-bridge'];
    });
    expect(found.problem).not.toBeNull();
    expect((await status()).services['market-data'].alive).toBe(true);
  });

  test('a state that cannot be learned, or makes no sense, counts as HALTED and is said to be unknown', async () => {
    risk.answers.set('GET /api/v1/circuit-breaker/status', { body: { state: 'FINE' } });
    const { trading } = await until('the old state to be too old', async () => {
      const found = await status();
      return found.trading.known === false && found;
    });
    expect(trading).toMatchObject({
      state: 'HALTED',
      known: false,
      reason: expect.stringContaining('without a trading state'),
    });
  });
});

describe('the breaker', () => {
  test('is asked and told at risk-manager, and its answers come back', async () => {
    risk.answers.set('POST /api/v1/circuit-breaker/trip', ({ body }) => ({
      body: { state: 'HALTED', reason: (body as { reason: string }).reason },
    }));
    risk.answers.set('POST /api/v1/circuit-breaker/reset', {
      status: 409,
      body: { code: 'COOLDOWN', message: 'wait 20 s' },
    });
    expect(await get('/api/v1/circuit-breaker/status')).toMatchObject({ state: 'ACTIVE' });
    expect((await post('/api/v1/circuit-breaker/trip', { reason: 'drill' })).json()).toEqual({
      state: 'HALTED',
      reason: 'drill',
    });
    const reset = await post('/api/v1/circuit-breaker/reset', { reason: 'done' });
    expect([reset.statusCode, reset.json().code]).toEqual([409, 'COOLDOWN']);
  });

  test('wants a reason', async () => {
    for (const body of [{}, { reason: '' }, { reason: '   ' }, { reason: 'x', state: 'ACTIVE' }]) {
      expect((await post('/api/v1/circuit-breaker/trip', body)).statusCode).toBe(400);
    }
    expect((await post('/api/v1/circuit-breaker/reset', {})).statusCode).toBe(400);
    expect(risk.requests.filter(({ method }) => method === 'POST')).toEqual([]);
  });

  test('counts as HALTED when it cannot be asked', async () => {
    await risk.stop();
    const answer = await bundle.service.app.inject('/api/v1/circuit-breaker/status');
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({ code: 'SERVICE_UNREACHABLE', state: 'HALTED', known: false });
  });
});

describe('the emergency stop', () => {
  const order: string[] = [];
  beforeEach(() => {
    order.length = 0;
    risk.answers.set('POST /api/v1/circuit-breaker/trip', ({ body }) => {
      order.push('halt');
      return { body: { state: (body as { state: string }).state } };
    });
    engine.answers.set('POST /emergency-stop', () => {
      order.push('cancel');
      return { body: { cancelled: 3, open: 0 } };
    });
  });
  const stop = (body?: object) => post('/api/v1/emergency-stop', body);

  test('halts first, then cancels, and answers when both are confirmed', async () => {
    const answer = await stop({ reason: 'runaway' });
    expect(answer.statusCode).toBe(200);
    expect(order).toEqual(['halt', 'cancel']);
    expect(answer.json()).toMatchObject({
      status: 'stopped',
      halted: true,
      none_open: true,
      steps: [
        { step: 'halt', ok: true },
        { step: 'cancel_orders', ok: true, answer: { cancelled: 3, open: 0 } },
      ],
    });
    expect(risk.requests.find(({ path }) => path.endsWith('/trip'))?.body).toEqual({
      reason: 'runaway',
      state: 'HALTED',
    });
    expect(engine.requests.find(({ path }) => path === '/emergency-stop')?.body).toEqual({ reason: 'runaway' });
  });

  test('needs no body: nobody looks up a schema in an emergency', async () => {
    expect((await stop()).statusCode).toBe(200);
    expect((await stop({})).statusCode).toBe(200);
  });

  test('still cancels when the breaker cannot be tripped, and tells exactly what is not done', async () => {
    await risk.stop();
    const answer = await stop();
    expect(answer.statusCode).toBe(503);
    expect(order).toEqual(['cancel']);
    expect(answer.json()).toMatchObject({ code: 'EMERGENCY_STOP_INCOMPLETE', halted: false, none_open: true });
    expect(answer.json().message).toMatch(
      /trading may NOT be halted .*risk-manager.*; the broker confirms that no order is open/,
    );
  });

  test.each(['reset', 'silent', 'error', 'garbage'] as const)(
    'says that orders may be open when the order writer is %s',
    async (fault) => {
      engine.fault = fault;
      const answer = await stop();
      expect(answer.statusCode).toBe(503);
      expect(answer.json()).toMatchObject({ halted: true, none_open: false });
      expect(answer.json().message).toMatch(/^trading is halted; orders may still be OPEN \(/);
      engine.fault = undefined;
      expect((await stop()).statusCode).toBe(200);
    },
  );

  test('tries the halt again when its answer was lost', async () => {
    let trips = 0;
    risk.answers.set('POST /api/v1/circuit-breaker/trip', () => {
      trips += 1;
      if (trips === 1) [risk.fault, risk.faultTimes] = ['reset', 1];
      return { body: { state: 'HALTED' } };
    });
    expect((await stop()).json()).toMatchObject({ halted: true, none_open: true });
    expect(trips).toBe(2);
  });
});

test('the audit comes from where the database is read', async () => {
  const history = bundle.doubles['observability-api'];
  history.answers.set('GET /api/audit', { body: { audit: [{ id: 7 }] } });
  expect(await get('/api/v1/audit?actor=tom&action=order.place&limit=5')).toEqual({ audit: [{ id: 7 }] });
  expect(history.requests.find(({ path }) => path.startsWith('/api/audit'))?.path).toBe(
    '/api/audit?actor=tom&action=order.place&limit=5',
  );
  expect((await bundle.service.app.inject('/api/v1/audit?limit=0')).statusCode).toBe(400);
});

test('positions and the account come from the order writer', async () => {
  engine.answers.set('GET /positions', { body: { positions: [{ symbol: 'AAPL' }] } });
  engine.answers.set('GET /account', { status: 502, body: { code: 'BROKER_UNREACHABLE', message: 'no answer' } });
  expect(await get('/api/v1/positions')).toEqual({ positions: [{ symbol: 'AAPL' }] });
  const account = await bundle.service.app.inject('/api/v1/account');
  expect([account.statusCode, account.json().code]).toEqual([502, 'BROKER_UNREACHABLE']);
});

test('requests under way are finished when the service stops', async () => {
  let release = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  engine.answers.set('GET /positions', async () => {
    await gate;
    return { body: { positions: [] } };
  });
  const url = await bundle.service.app.listen({ host: '127.0.0.1', port: 0 });
  const answer = fetch(`${url}/api/v1/positions`);
  await until('the request to be under way', () => engine.requests.some(({ path }) => path === '/positions'));
  await bundle.service.stop?.();
  const closed = bundle.service.app.close();
  release();
  expect(await (await answer).json()).toEqual({ positions: [] });
  await closed;
});

test('who trips, resets and stops is told to whoever carries it out', async () => {
  await bundle.close();
  bundle = await startTestBundle(WITH_ROLES);
  const headers = { authorization: `Bearer ${ROLE_TOKENS.operator}` };
  for (const path of ['circuit-breaker/trip', 'circuit-breaker/reset', 'emergency-stop']) {
    await bundle.service.app.inject({ method: 'POST', url: `/api/v1/${path}`, headers, payload: { reason: 'drill' } });
  }
  const acts = [bundle.doubles['risk-manager'], bundle.doubles['execution-engine']].flatMap(({ requests }) =>
    requests.filter(({ method }) => method === 'POST'),
  );
  expect(acts.map(({ path }) => path).toSorted()).toEqual([
    '/api/v1/circuit-breaker/reset',
    '/api/v1/circuit-breaker/trip',
    '/api/v1/circuit-breaker/trip',
    '/emergency-stop',
  ]);
  for (const act of acts) expect(act.headers).toMatchObject({ 'x-papergate-actor': 'a-operator' });
});

test('each route asks for the role that its description says', async () => {
  const { app } = await buildOrchestrator(testContext('orchestrator', WITH_ROLES));
  try {
    expect(await requiredRoles(app, ['/ws/market_data'])).toEqual({
      none: [],
      trader: ['POST /api/v1/orders', 'DELETE /api/v1/orders/{id}', 'POST /api/v1/market_data'],
      operator: [
        'POST /api/v1/circuit-breaker/trip',
        'POST /api/v1/circuit-breaker/reset',
        'POST /api/v1/emergency-stop',
        'GET /api/v1/audit',
      ],
    });
  } finally {
    await app.close();
  }
});

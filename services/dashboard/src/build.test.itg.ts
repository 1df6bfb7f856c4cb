import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { WebSocket } from 'ws';
import type { ServiceApp } from '@papergate/service-kit';
import { ROLE_TOKENS, testContext, until, WITH_ROLES } from '@papergate/service-kit/testing';
import { buildDashboard } from './build.ts';
import { startBundleDouble, type BundleDouble } from './testing/bundle-double.ts';

// Generous: two cores that others use as well must not make a test fail.
jest.setTimeout(60_000);

const TOKEN = WITH_ROLES.apiToken;
const INTENT = { 'x-papergate-dashboard': '1', 'content-type': 'application/json' };

let double: BundleDouble;
let app: ServiceApp;

beforeEach(async () => {
  double = await startBundleDouble();
  double.answers.set('GET /api/v1/positions', { status: 200, body: { positions: [] } });
  double.answers.set('POST /api/v1/circuit-breaker/trip', { status: 200, body: { state: 'HALTED' } });
});
afterEach(async () => {
  await app.close();
  await double.close();
});

async function build(apiToken?: string): Promise<void> {
  const context = testContext('dashboard', {
    ...(apiToken === undefined ? {} : { ...WITH_ROLES, apiToken }),
    system: ({ services }) => {
      services.orchestrator.http_port = double.ports.orchestrator;
      services['observability-api'].http_port = double.ports.observability;
    },
  });
  ({ app } = await buildDashboard(context));
}

async function signedIn(token = TOKEN): Promise<string> {
  const answer = await app.inject({ method: 'POST', url: '/session', headers: INTENT, payload: { token } });
  const cookie = String(answer.headers['set-cookie']);
  expect(cookie).toMatch(/; HttpOnly; SameSite=Strict; /);
  return cookie.split(';')[0]!;
}

describe('the dashboard with a token', () => {
  beforeEach(() => build(TOKEN));

  test.each(['/', '/style.css', '/js/main.js', '/vendor/uPlot.esm.js', '/vendor/uPlot.min.css', '/session', '/health'])(
    'shows %s to everybody: it is public code',
    async (url) => {
      expect((await app.inject(url)).statusCode).toBe(200);
    },
  );

  test.each([
    '/api/orchestrator/positions',
    '/api/observability/trades/pnl',
    '/metrics',
    '/api/v1/config',
    '/ws/metrics',
    '/anything',
  ])('keeps %s from who has not signed in', async (url) => {
    const answer = await app.inject(url);
    expect(answer.statusCode).toBe(401);
    expect(answer.json()).toMatchObject({ code: 'UNAUTHORIZED' });
    expect(double.requests).toEqual([]);
  });

  test('passes requests on with the token for who has, and takes the token itself as other services do', async () => {
    const cookie = await signedIn();
    expect((await app.inject({ url: '/api/orchestrator/positions', headers: { cookie } })).json()).toEqual({
      positions: [],
    });
    const withBearer = { url: '/api/orchestrator/positions', headers: { authorization: `Bearer ${TOKEN}` } };
    expect((await app.inject(withBearer)).statusCode).toBe(200);
    expect(double.requests.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${TOKEN}`, `Bearer ${TOKEN}`]);
  });

  test.each(['viewer', 'operator'] as const)('asks in the name of who has signed in: a %s', async (role) => {
    const cookie = await signedIn(ROLE_TOKENS[role]);
    expect((await app.inject({ url: '/session', headers: { cookie } })).json()).toMatchObject({
      signed_in: true,
      name: `a-${role}`,
      role,
    });
    await app.inject({ url: '/api/orchestrator/positions', headers: { cookie } });
    await app.inject({
      method: 'POST',
      url: '/api/orchestrator/circuit-breaker/trip',
      headers: { ...INTENT, authorization: `Bearer ${ROLE_TOKENS[role]}` },
      payload: { reason: 'drill' },
    });
    expect(double.requests).toHaveLength(2);
    for (const { headers } of double.requests) {
      expect(headers).toMatchObject({
        authorization: `Bearer ${TOKEN}`,
        'x-papergate-actor': `a-${role}`,
        'x-papergate-actor-role': role,
      });
    }
    expect(
      (await app.inject({ method: 'DELETE', url: '/session', headers: { ...INTENT, cookie }, payload: {} })).json(),
    ).toEqual({ signed_in: false });
  });

  test('a session ends when its owner signs out', async () => {
    const cookie = await signedIn();
    await app.inject({ method: 'DELETE', url: '/session', headers: { ...INTENT, cookie }, payload: {} });
    expect((await app.inject({ url: '/api/orchestrator/positions', headers: { cookie } })).statusCode).toBe(401);
  });

  test('guessing has to wait after ten tries, even with the right token', async () => {
    const guess = (token: string) =>
      app.inject({ method: 'POST', url: '/session', headers: INTENT, payload: { token } });
    for (let at = 0; at < 10; at += 1) expect((await guess('wrong')).statusCode).toBe(401);
    expect((await guess(TOKEN)).statusCode).toBe(429);
  });

  test('tells nobody the release who has not signed in', async () => {
    expect((await app.inject('/session')).json()).toEqual({
      signed_in: false,
      token_required: true,
      environment: 'development',
      trading_mode: 'dry-run',
      alpaca_paper: true,
    });
  });
});

describe('the dashboard without a token', () => {
  beforeEach(() => build());
  const trip = (headers: Record<string, string>) =>
    app.inject({
      method: 'POST',
      url: '/api/orchestrator/circuit-breaker/trip',
      headers,
      payload: '{"reason":"drill"}',
    });

  test('changes something only where the page itself asks for it', async () => {
    expect((await trip({ 'content-type': 'application/json' })).statusCode).toBe(403);
    expect((await trip({ ...INTENT, 'content-type': 'text/plain' })).statusCode).toBe(415);
    expect((await trip({ ...INTENT, origin: 'http://evil.example' })).statusCode).toBe(403);
    expect((await trip({ ...INTENT, host: 'evil.example' })).statusCode).toBe(403);
    expect(double.requests).toEqual([]);
    expect((await trip(INTENT)).statusCode).toBe(200);
    expect(double.requests).toMatchObject([
      { method: 'POST', path: '/api/v1/circuit-breaker/trip', body: { reason: 'drill' } },
    ]);
  });

  test.each([
    ['POST', '/api/orchestrator/orders'],
    ['POST', '/api/orchestrator/market_data'],
    ['GET', '/api/orchestrator/config'],
    ['GET', '/api/orchestrator/orders/..%2f..%2fmetrics'],
    ['GET', '/api/orchestrator/..%2f..%2fmetrics'],
    ['GET', '/api/observability/storage/ticks'],
    ['POST', '/api/observability/storage/ticks'],
  ] as const)('passes only on what the page needs: not %s %s', async (method, url) => {
    const answer = await app.inject({ method, url, ...(method === 'POST' ? { headers: INTENT, payload: {} } : {}) });
    expect(answer.statusCode).toBe(404);
    expect(double.requests).toEqual([]);
  });

  test('keeps status, body and Retry-After of the answer, and the query of the question', async () => {
    double.answers.set('GET /api/v1/orders', { status: 503, body: { code: 'NOT_READY', message: 'not yet' } });
    const answer = await app.inject('/api/orchestrator/orders?status=open&limit=5');
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toEqual({ code: 'NOT_READY', message: 'not yet' });
    expect(double.requests[0]?.path).toBe('/api/v1/orders?status=open&limit=5');
  });

  test('says who does not answer, in its own words and in readiness', async () => {
    await double.kill('orchestrator');
    const answer = await app.inject('/api/orchestrator/positions');
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({
      code: 'SERVICE_UNREACHABLE',
      message: expect.stringContaining('orchestrator'),
    });
    const ready = await app.inject('/health/ready');
    expect(ready.statusCode).toBe(503);
    expect(ready.json().checks).toMatchObject({ orchestrator: { ok: false }, 'observability-api': { ok: true } });
  });

  test('lets nothing inline or foreign run on its page', async () => {
    const { headers, payload } = await app.inject('/');
    expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(payload).not.toMatch(/<script(?![^>]*src=)|\son\w+=|style=|https?:\/\//);
  });

  test('does not serve files outside the page', async () => {
    for (const url of [
      '/../package.json',
      '/%2e%2e/package.json',
      '/js/..%2f..%2fpackage.json',
      '/vendor/package.json',
    ]) {
      expect((await app.inject(url)).statusCode).toBeGreaterThanOrEqual(400);
    }
  });
});

describe('the relayed WebSocket', () => {
  test('joins both sides, and tells the page when the service is gone', async () => {
    await build();
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    const page = new WebSocket(`${url.replace('http', 'ws')}/ws/metrics`);
    const received: string[] = [];
    let closedWith: number | undefined;
    page.on('message', (data: Buffer) => received.push(data.toString('utf8')));
    page.on('close', (code) => {
      closedWith = code;
    });
    // Sent before the service's side is open: it must not be lost.
    page.on('open', () => page.send('{"action":"ping"}'));
    await until('the message to arrive', () => double.messages.includes('{"action":"ping"}'));
    double.send({ type: 'metrics', n: 1 });
    await until('the answer', () => received.includes('{"type":"metrics","n":1}'));
    await double.kill('observability-api');
    await until('the close', () => closedWith === 1013);
  });

  test('a page on another site cannot open it', async () => {
    await build();
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    const page = new WebSocket(`${url.replace('http', 'ws')}/ws/metrics`, { origin: 'http://evil.example' });
    const status = await new Promise((resolve) => {
      page.on('unexpected-response', (_request, response) => resolve(response.statusCode));
      page.on('open', () => resolve('open'));
      page.on('error', () => undefined);
    });
    expect(status).toBe(403);
    page.terminate();
  });
});

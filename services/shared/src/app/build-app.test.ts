import { get } from 'node:http';
import { describe, expect, jest, test } from '@jest/globals';
import { Secret, UserError } from '@papergate/config';
import { pino } from 'pino';
import { Type } from 'typebox';
import { testContext, type TestContextOptions } from '../testing/context.ts';
import { buildServiceApp, HttpError, type ServiceApp } from './build-app.ts';

async function app(
  options: TestContextOptions & { service?: 'market-data' | 'observability-api' } = {},
  extend?: (app: ServiceApp) => void,
) {
  const context = testContext(options.service ?? 'market-data', options);
  const built = await buildServiceApp(context);
  extend?.(built);
  return { app: built, context };
}

describe('a service app', () => {
  test('is alive before it is ready, and says what it waits for', async () => {
    const { app: built, context } = await app();
    context.readiness.add('database', () => 'no connection yet');
    expect((await built.inject('/health')).json()).toMatchObject({ status: 'healthy', service: 'market-data' });
    const ready = await built.inject('/health/ready');
    expect(ready.statusCode).toBe(503);
    expect(ready.json()).toEqual({ ready: false, checks: { database: { ok: false, detail: 'no connection yet' } } });
  });

  test('is ready when every check holds, and never again once it drains', async () => {
    const { app: built, context } = await app();
    context.readiness.add('database', () => Promise.resolve(true as const));
    expect((await built.inject('/health/ready')).statusCode).toBe(200);
    context.readiness.drain();
    expect((await built.inject('/health/ready')).statusCode).toBe(503);
  });

  test('a readiness check that throws is not ready, and its words are shown', async () => {
    const { app: built, context } = await app();
    context.readiness.add('broker', () => {
      throw new Error('refused');
    });
    expect((await built.inject('/health/ready')).json()).toEqual({
      ready: false,
      checks: { broker: { ok: false, detail: 'refused' } },
    });
  });

  test('observability-api calls its checks collectors', async () => {
    const { app: built } = await app({ service: 'observability-api' });
    expect((await built.inject('/health/ready')).json()).toEqual({ ready: true, collectors: {} });
  });

  test('shows its effective configuration without a secret in it', async () => {
    const { app: built, context } = await app({ databaseUrl: new Secret('postgres://u:hunter2@127.0.0.1:1/x') });
    const { payload } = await built.inject('/api/v1/config');
    expect(JSON.parse(payload)).toMatchObject({
      environment: 'development',
      dry_run: true,
      alpaca_paper: true,
      release: { sha: 'test' },
    });
    for (const secret of [context.env.alpacaApiKey, context.env.alpacaSecretKey, new Secret('hunter2')]) {
      expect(payload).not.toContain(secret.reveal());
    }
  });

  test('its metrics are of the exposition format and count its own requests', async () => {
    const { app: built } = await app();
    await built.inject('/health');
    const { payload, headers } = await built.inject('/metrics');
    expect(headers['content-type']).toContain('text/plain');
    expect(payload).toMatch(
      /papergate_http_request_duration_seconds_count\{service="market-data",method="GET",route="\/health",status="200"\} 1/,
    );
  });

  test.each([
    ['evil.example', 403],
    ['evil.example:5001', 403],
    ['127.0.0.1.evil.example', 403],
    ['127.0.0.1@evil.example', 403],
    ['localhost:5001', 200],
    ['127.0.0.1:5001', 200],
    ['[::1]:5001', 200],
  ])('a request whose Host is %s is answered %i', async (host, status) => {
    const { app: built } = await app();
    expect((await built.inject({ url: '/health', headers: { host } })).statusCode).toBe(status);
  });

  test.each([
    ['http://evil.example', 403],
    ['null', 403],
    ['http://127.0.0.1:9999', 403],
    ['http://127.0.0.1:5001', 200],
  ])('a request from the Origin %s is answered %i', async (origin, status) => {
    const { app: built } = await app();
    expect(
      (await built.inject({ url: '/api/v1/config', headers: { host: '127.0.0.1:5001', origin } })).statusCode,
    ).toBe(status);
  });

  test.each([
    ['/health', undefined, 200],
    ['/health/ready', undefined, 200],
    ['/healthy', undefined, 401],
    ['/metrics', undefined, 401],
    ['/api/v1/config', 'Bearer wrong-token-wrong-token', 401],
    ['/api/v1/config', 'Basic right-token-right-token', 401],
    ['/api/v1/config', 'Bearer right-token-right-token', 200],
  ])('with a token set, %s with the authorization %s is answered %i', async (url, authorization, status) => {
    const { app: built } = await app({ apiToken: 'right-token-right-token' });
    const headers = authorization === undefined ? {} : { authorization };
    expect((await built.inject({ url, headers })).statusCode).toBe(status);
  });

  test('a WebSocket may bring the token as a subprotocol', async () => {
    const { app: built } = await app({ apiToken: 'right-token-right-token' });
    const ask = (protocol: string) =>
      built.inject({ url: '/metrics', headers: { 'sec-websocket-protocol': protocol } });
    expect((await ask('papergate, bearer.right-token-right-token')).statusCode).toBe(200);
    expect((await ask('papergate, bearer.right-token')).statusCode).toBe(401);
  });

  test('a service without WebSockets answers an upgrade as the request that it is', async () => {
    const built = await buildServiceApp({
      ...testContext('market-data', { apiToken: 'right-token-right-token' }),
      sockets: false,
    });
    const url = await built.listen({ host: '127.0.0.1', port: 0 });
    const { hostname, port } = new URL(url);
    const ask = (path: string, token: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        const headers = {
          authorization: `Bearer ${token}`,
          connection: 'Upgrade',
          upgrade: 'websocket',
          'sec-websocket-version': '13',
          'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
        };
        const asked = get({ hostname, port, path, headers, agent: false }, (answer) => {
          answer.resume().on('end', () => resolve(answer.statusCode));
        });
        asked.on('error', reject).on('upgrade', (_answer, socket) => {
          socket.destroy();
          resolve(101);
        });
      });
    expect(await ask('/metrics', 'right-token-right-token')).toBe(200);
    expect(await ask('/metrics', 'wrong-token-wrong-token')).toBe(401);
    expect(await ask('/stream', 'right-token-right-token')).toBe(404);
    await built.close();
  });

  test('a line of the log names the request that it is of; one that writes nothing has no logger made', async () => {
    const lines: Record<string, unknown>[] = [];
    const logger = pino(
      { level: 'warn' },
      { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
    );
    const made = jest.spyOn(logger, 'child');
    const built = await buildServiceApp({ ...testContext('market-data'), logger });
    built.get('/quiet', () => 'ok');
    built.get('/bug', ({ id, log }) => {
      log.child({ part: 'here' }).warn('soon');
      throw new Error(id);
    });
    made.mockClear();
    await built.inject('/quiet');
    expect(made).not.toHaveBeenCalled();
    await built.inject('/bug');
    const id = (lines[1]?.['err'] as Error | undefined)?.message;
    expect(lines).toMatchObject([
      { reqId: id, part: 'here', msg: 'soon' },
      { reqId: id, msg: 'request failed' },
    ]);
  });

  test('errors have one shape: refused by schema, by the caller’s mistake, by a handler, unexpected, unknown path', async () => {
    const { app: built } = await app({}, (extend) => {
      extend.post('/orders', { schema: { body: Type.Object({ quantity: Type.Number() }) } }, () => 'ok');
      extend.get('/user', () => {
        throw new UserError({ code: 'BAD', message: 'you did it wrong', fix: 'do it right' });
      });
      extend.get('/busy', () => {
        throw new HttpError(429, 'BUSY', 'later', { headers: { 'retry-after': '2' } });
      });
      extend.get('/bug', () => {
        throw new Error('password is hunter2');
      });
    });
    const invalid = await built.inject({ method: 'POST', url: '/orders', payload: { quantity: 'x' } });
    expect([invalid.statusCode, invalid.json<{ code: string }>().code]).toEqual([400, 'INVALID_REQUEST']);
    const broken = await built.inject({
      method: 'POST',
      url: '/orders',
      headers: { 'content-type': 'application/json' },
      payload: '{',
    });
    expect(broken.statusCode).toBe(400);
    expect((await built.inject('/user')).json()).toEqual({
      code: 'BAD',
      message: 'you did it wrong',
      fix: 'do it right',
    });
    const busy = await built.inject('/busy');
    expect([busy.statusCode, busy.headers['retry-after'], busy.json<{ code: string }>().code]).toEqual([
      429,
      '2',
      'BUSY',
    ]);
    const bug = await built.inject('/bug');
    expect(bug.statusCode).toBe(500);
    expect(bug.payload).not.toContain('hunter2');
    expect((await built.inject('/nowhere')).json()).toMatchObject({ code: 'NOT_FOUND' });
  });
});

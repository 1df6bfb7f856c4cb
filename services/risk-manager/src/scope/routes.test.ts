import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { buildServiceApp, type ServiceApp } from '@papergate/service-kit';
import { testContext } from '@papergate/service-kit/testing';
import type { Announced } from '../breaker/announcer.ts';
import { addScopeRoutes } from './routes.ts';
import { OrderScope } from './scope.ts';

const RELEASE = 'd'.repeat(40);
const TOKEN = 'a-token-of-this-test-alone';
const SYMBOLS = ['AAPL', 'MSFT'];
const BODY = { release: RELEASE, stage: 'share', symbols: ['AAPL'], reason: 'why', set_by: 'run 7' };

let app: ServiceApp;
let saved: string[];
let engine: Announced;
let told: number;
beforeEach(async () => {
  saved = [];
  engine = 'settled';
  told = 0;
  let last: Promise<Announced> = Promise.resolve(engine);
  const announcer = {
    changed: () => {
      told += 1;
      last = Promise.resolve(engine);
    },
    get last() {
      return last;
    },
  };
  const scope = new OrderScope({
    release: RELEASE,
    environment: 'production',
    onEffective: () => announcer.changed(),
    symbols: SYMBOLS,
    store: {
      load: () => Promise.resolve(undefined),
      save: ({ stage }) => Promise.resolve(void saved.push(stage)),
    },
    recorder: { record: () => undefined },
    logger: { info: () => undefined, warn: () => undefined },
    now: () => 0,
  });
  await scope.load();
  app = await buildServiceApp(testContext('risk-manager', { apiToken: TOKEN }));
  const audit = { record: () => Promise.resolve(), refused: () => undefined };
  addScopeRoutes(app, { scope, announcer, audit, release: RELEASE, symbols: SYMBOLS });
});
afterEach(() => app.close());

const put = (body: unknown, headers: Record<string, string> = { authorization: `Bearer ${TOKEN}` }) =>
  app.inject({
    method: 'PUT',
    url: '/api/v1/scope',
    headers: { host: '127.0.0.1', ...headers },
    payload: body as object,
  });

describe('PUT /api/v1/scope', () => {
  test('answers with the scope as GET tells it', async () => {
    const answer = await put({ ...BODY, ttl_seconds: 5 });
    expect(answer.statusCode).toBe(200);
    const { json } = await app.inject({
      url: '/api/v1/scope',
      headers: { host: '127.0.0.1', authorization: `Bearer ${TOKEN}` },
    });
    expect(answer.json()).toEqual({ ...json<object>(), engine: 'settled' });
    expect(answer.json()).toMatchObject({
      stage: 'share',
      effective: ['AAPL'],
      expires_at: '1970-01-01T00:00:05.000Z',
    });
  });

  test('is in force and says so where an order is still on its way to the broker, and asks anew when it comes again', async () => {
    engine = 'under_way';
    const answer = await put(BODY);
    expect([answer.statusCode, answer.json()]).toEqual([503, expect.objectContaining({ code: 'ORDERS_UNDER_WAY' })]);
    expect([saved, told]).toEqual([['share'], 1]);
    expect((await put(BODY)).statusCode).toBe(503);
    engine = 'settled';
    expect((await put(BODY)).statusCode).toBe(200);
    expect(told).toBe(3);
    expect((await put(BODY)).statusCode).toBe(200);
    expect(told).toBe(3);
  });

  test.each<[string, unknown]>([
    ['a symbol that is not traded', { ...BODY, symbols: ['AAPL', 'TSLA'] }],
    ['a symbol twice', { ...BODY, symbols: ['AAPL', 'AAPL'] }],
    ['symbols that are another word than all', { ...BODY, symbols: 'some' }],
    ['no symbols', { ...BODY, symbols: undefined }],
    ['a blank reason', { ...BODY, reason: '  ' }],
    ['a reason that no database takes', { ...BODY, reason: 'why\0' }],
    ['somebody whom no database takes', { ...BODY, set_by: '\0me' }],
    ['nobody who set it', { ...BODY, set_by: '' }],
    ['a stage that is no plain word', { ...BODY, stage: 'All of it' }],
    ['the stage that says that none is set', { ...BODY, stage: 'unset' }],
    ['the stage of one whose time is over', { ...BODY, stage: 'expired' }],
    ['too short a time', { ...BODY, ttl_seconds: 4 }],
    ['too long a time', { ...BODY, ttl_seconds: 3601 }],
    ['a time that is no whole number', { ...BODY, ttl_seconds: 5.5 }],
    ['a key that is none', { ...BODY, force: true }],
    ['a list', []],
  ])('refuses %s with SCOPE_INVALID, and changes nothing', async (_what, body) => {
    const answer = await put(body);
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([400, 'SCOPE_INVALID']);
    expect(saved).toEqual([]);
  });

  test('refuses a scope for another release, and says which one runs', async () => {
    const answer = await put({ ...BODY, release: 'e'.repeat(40) });
    expect([answer.statusCode, answer.json()]).toEqual([409, expect.objectContaining({ code: 'SCOPE_RELEASE' })]);
    expect(answer.body).toContain(RELEASE);
    expect(saved).toEqual([]);
  });

  test('wants the bundle’s token', async () => {
    expect((await put(BODY, {})).statusCode).toBe(401);
    expect((await put(BODY, { authorization: `Bearer ${TOKEN}x` })).statusCode).toBe(401);
    expect(saved).toEqual([]);
  });
});

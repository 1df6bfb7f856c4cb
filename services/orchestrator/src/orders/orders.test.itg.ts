import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { ROLE_TOKENS, until, WITH_ROLES } from '@papergate/service-kit/testing';
import { startTestBundle, type TestBundle } from '../testing/bundle.ts';
import type { ServiceDouble } from '../testing/service-double.ts';

// Generous: two cores that others use as well must not make a test fail.
jest.setTimeout(60_000);

const ORDER = { symbol: 'AAPL', side: 'buy', type: 'market', quantity: 5 };

let bundle: TestBundle;
let engine: ServiceDouble;
/** What the engine has committed, by client_order_id: a repeat is answered and not placed again. */
let placed: Map<string, unknown>;

beforeEach(async () => {
  bundle = await startTestBundle();
  engine = bundle.doubles['execution-engine'];
  placed = new Map();
  engine.answers.set('POST /orders', ({ body }) => {
    const id = (body as { client_order_id: string }).client_order_id;
    if (!placed.has(id)) placed.set(id, body);
    return { body: { order_id: `o-${id}`, client_order_id: id, status: 'accepted' } };
  });
});
afterEach(() => bundle.close());

const post = (payload: unknown) =>
  bundle.service.app.inject({
    method: 'POST',
    url: '/api/v1/orders',
    headers: { 'content-type': 'application/json' },
    payload: JSON.stringify(payload),
  });

describe('an order at the front door', () => {
  test('goes to the order writer as it came, and its answer comes back', async () => {
    const answer = await post({ ...ORDER, quantity: '5.5', client_order_id: 'mine-1' });
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({ order_id: 'o-mine-1', client_order_id: 'mine-1', status: 'accepted' });
    expect(placed.get('mine-1')).toEqual({ ...ORDER, quantity: '5.5', client_order_id: 'mine-1' });
  });

  test('gets a client_order_id of its own where it has none, each another', async () => {
    const [one, two] = [(await post(ORDER)).json(), (await post(ORDER)).json()];
    expect(one.client_order_id).toMatch(/^api-[0-9a-f-]{36}$/);
    expect(two.client_order_id).not.toBe(one.client_order_id);
    expect([...placed.keys()]).toEqual([one.client_order_id, two.client_order_id]);
  });

  test.each([
    [400, { code: 'RISK_ORDER_VALUE', message: 'too large' }, {}],
    [409, { code: 'DUPLICATE_CLIENT_ORDER_ID', message: 'another body' }, {}],
    [429, { code: 'TOO_MANY_ORDERS', message: 'slow down' }, { 'retry-after': '2' }],
    [503, { code: 'TRADING_HALTED', message: 'halted' }, { 'retry-after': '5' }],
  ])('keeps status %i of the order writer, its body and Retry-After', async (status, body, headers) => {
    engine.answers.set('POST /orders', { status, body, headers });
    const answer = await post(ORDER);
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toEqual(body);
    expect(answer.headers['retry-after']).toBe((headers as Record<string, string>)['retry-after']);
  });

  test.each([
    [{ ...ORDER, quantity: 0 }, 'quantity is 0; allowed: a number above 0'],
    [{ ...ORDER, quantity: '1e3' }, 'quantity is "1e3"'],
    [{ ...ORDER, side: 'long' }, 'side is "long"; allowed: buy, sell'],
    [{ ...ORDER, type: 'iceberg' }, 'type is "iceberg"'],
    [{ ...ORDER, symbol: 'aapl' }, 'symbol is "aapl"'],
    [{ side: 'buy', type: 'market', quantity: 1 }, 'symbol is missing'],
    [{ ...ORDER, qty: 5 }, '"qty" is unknown; allowed keys: symbol, side'],
    [{ ...ORDER, client_order_id: 'a b' }, 'client_order_id is "a b"'],
    [{ ...ORDER, client_order_id: 'x'.repeat(129) }, 'client_order_id is "xxx'],
    [[ORDER], 'found an array'],
    [null, 'found null'],
  ])('is refused with the field, what was found and what is allowed: %j', async (body, message) => {
    const answer = await post(body);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'INVALID_ORDER', message: expect.stringContaining(message) });
    expect(placed.size).toBe(0);
  });

  test('was certainly not placed when the order writer cannot be reached, and is told so', async () => {
    await engine.stop();
    const answer = await post(ORDER);
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({
      code: 'SERVICE_UNREACHABLE',
      message: expect.stringContaining('execution-engine'),
    });
    expect(answer.json().message).toContain('was not placed');
  });

  test.each(['reset', 'error', 'garbage'] as const)(
    'is placed once when the first answer is lost (%s)',
    async (fault) => {
      engine.fault = fault;
      engine.faultTimes = 1;
      const answer = await post(ORDER);
      expect(answer.statusCode).toBe(200);
      expect([...placed.keys()]).toEqual([answer.json().client_order_id]);
      expect(engine.requests.filter(({ path }) => path === '/orders')).toHaveLength(2);
    },
  );

  test.each([
    ['reset', 503],
    ['error', 503],
    ['garbage', 503],
    ['silent', 504],
  ] as const)('that may have been placed is never told to have failed (%s)', async (fault, status) => {
    engine.fault = fault;
    const answer = await post(ORDER);
    expect(answer.statusCode).toBe(status);
    const { code, client_order_id: id, fix } = answer.json();
    expect(code).toBe('OUTCOME_UNKNOWN');
    expect([...placed.keys()]).toEqual([id]);
    expect(fix).toContain(`client_order_id=${id}`);
  });

  test('whose answer was lost and whose retry finds nobody is still unknown, not failed', async () => {
    engine.answers.set('POST /orders', async () => {
      await engine.stop();
      return { body: {} };
    });
    const answer = await post({ ...ORDER, client_order_id: 'mine-2' });
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({ code: 'OUTCOME_UNKNOWN', client_order_id: 'mine-2' });
  });

  test('is refused while nobody can say whether trading is halted, and taken again at once when somebody can', async () => {
    const risk = bundle.doubles['risk-manager'];
    await risk.stop();
    await until('the state to be unknown', async () => (await post(ORDER)).statusCode === 503);
    const refused = await post(ORDER);
    expect(refused.json()).toMatchObject({ code: 'TRADING_HALTED', message: expect.stringContaining('risk-manager') });
    await risk.restart();
    expect((await post(ORDER)).statusCode).toBe(200);
  }, 20_000);

  test('carries the bundle’s token, and in whose name it acts', async () => {
    await bundle.close();
    bundle = await startTestBundle(WITH_ROLES);
    bundle.doubles['execution-engine'].answers.set('POST /orders', {
      body: { order_id: 'o', client_order_id: 'c', status: 'accepted' },
    });
    const authorization = `Bearer ${ROLE_TOKENS.trader}`;
    const answer = await bundle.service.app.inject({
      method: 'POST',
      url: '/api/v1/orders',
      headers: { authorization },
      payload: ORDER,
    });
    expect(answer.statusCode).toBe(200);
    const sent = bundle.doubles['execution-engine'].requests.find(({ path }) => path === '/orders');
    expect(sent?.headers).toMatchObject({
      authorization: `Bearer ${WITH_ROLES.apiToken}`,
      'x-papergate-actor': 'a-trader',
      'x-papergate-actor-role': 'trader',
      'x-papergate-request': expect.stringMatching(/^[0-9a-f]{12}-\d+$/),
    });
    expect((await post(ORDER)).statusCode).toBe(401);
  });

  test('a hundred at once are all answered, each with its own', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, at) => post({ ...ORDER, client_order_id: `round-${at}` })),
    );
    expect(answers.map((answer) => answer.json().client_order_id)).toEqual(
      Array.from({ length: 100 }, (_, at) => `round-${at}`),
    );
  });
});

describe('orders are looked up and cancelled', () => {
  test('with filters, by id, and with the answer as it is', async () => {
    engine.answers.set('GET /orders', { body: { orders: [] } });
    engine.answers.set('GET /orders/o-1', { body: { order_id: 'o-1' } });
    engine.answers.set('DELETE /orders/o-1', { status: 409, body: { code: 'ORDER_FINAL', message: 'filled' } });
    const { app } = bundle.service;
    expect((await app.inject('/api/v1/orders?status=open&symbol=BRK.B&limit=5&client_order_id=a:b')).json()).toEqual({
      orders: [],
    });
    expect((await app.inject('/api/v1/orders/o-1')).json()).toEqual({ order_id: 'o-1' });
    const gone = await app.inject({ method: 'DELETE', url: '/api/v1/orders/o-1' });
    expect([gone.statusCode, gone.json().code]).toEqual([409, 'ORDER_FINAL']);
    const list = engine.requests.find(({ path }) => path.startsWith('/orders?'));
    expect(Object.fromEntries(new URLSearchParams(list?.path.split('?')[1]))).toEqual({
      status: 'open',
      symbol: 'BRK.B',
      limit: '5',
      client_order_id: 'a:b',
    });
  });

  test('a list with an unknown filter is refused and says so', async () => {
    expect((await bundle.service.app.inject('/api/v1/orders?state=open')).statusCode).toBe(400);
    expect((await bundle.service.app.inject('/api/v1/orders?limit=0')).statusCode).toBe(400);
  });

  test('an id cannot lead to another path', async () => {
    await bundle.service.app.inject('/api/v1/orders/..%2fpositions');
    await bundle.service.app.inject('/api/v1/orders/%2e%2e');
    expect(engine.requests.filter(({ path }) => !path.startsWith('/health'))).toEqual([]);
  });
});

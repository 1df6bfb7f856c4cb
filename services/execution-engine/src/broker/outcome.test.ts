import { describe, expect, test } from '@jest/globals';
import { Alpaca } from '@alpacahq/alpaca-trade-api';
import { newOrder } from '../testing/make.ts';
import { createAlpacaBroker } from './alpaca.ts';
import type { SubmitOutcome } from './broker.ts';
import { createRateBudget } from './rate-budget.ts';

/** What the official client makes of an answer, and we of that. */
async function submit(answer: () => Promise<Response>): Promise<SubmitOutcome> {
  const budget = createRateBudget();
  const alpaca = new Alpaca({
    keyId: 'k',
    secret: 's',
    paper: true,
    retry: false,
    rateLimit: false,
    timeoutMs: 50,
    fetchApi: answer,
  });
  const outcome = await createAlpacaBroker(alpaca, budget).submit(newOrder(), () => Promise.resolve());
  budget.close();
  return outcome;
}

const status =
  (code: number, body: unknown, headers: Record<string, string> = {}) =>
  () =>
    Promise.resolve(new Response(typeof body === 'string' ? body : JSON.stringify(body), { status: code, headers }));
const failure = (code: string) => () =>
  Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) }));

describe('what a failed placement means', () => {
  test.each([
    [
      'insufficient buying power',
      status(403, { code: 40310000, message: 'insufficient buying power' }),
      { kind: 'refused', code: '40310000' },
    ],
    [
      'a wrong field',
      status(422, { code: 40010001, message: 'qty must be > 0' }),
      { kind: 'refused', code: '40010001', reason: 'qty must be > 0' },
    ],
    [
      'a client_order_id that was taken',
      status(422, { code: 40010001, message: 'client_order_id must be unique' }),
      { kind: 'duplicate' },
    ],
    ['an unauthorised key', status(401, { message: 'request is not authorized' }), { kind: 'refused', code: '401' }],
    [
      'too many requests',
      status(429, { message: 'slow down' }, { 'retry-after': '2' }),
      { kind: 'rate_limited', retryAfterMs: 2000 },
    ],
    ['a server error', status(500, { message: 'internal' }), { kind: 'unknown' }],
    ['a gateway error', status(504, 'gateway'), { kind: 'unknown' }],
    ['a request time-out', status(408, ''), { kind: 'unknown' }],
    ['an answer that is no JSON', status(200, '<html>'), { kind: 'unknown' }],
    ['a connection that was reset', failure('ECONNRESET'), { kind: 'unknown' }],
    ['a socket that was closed', failure('UND_ERR_SOCKET'), { kind: 'unknown' }],
    ['a broker that never answers', () => new Promise<Response>(() => undefined), { kind: 'unknown' }],
    ['a connection that was refused', failure('ECONNREFUSED'), { kind: 'not_sent' }],
    ['a name that does not resolve', failure('ENOTFOUND'), { kind: 'not_sent' }],
    ['a connection that timed out', failure('UND_ERR_CONNECT_TIMEOUT'), { kind: 'not_sent' }],
  ])('%s', async (_name, answer, expected) => {
    expect(await submit(answer)).toMatchObject(expected);
  });

  test('several addresses that all refused were not reached; one that did not say so leaves it open', async () => {
    const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    const reset = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
    const attempt =
      (...errors: Error[]) =>
      () =>
        Promise.reject(new TypeError('fetch failed', { cause: new AggregateError(errors) }));
    expect(await submit(attempt(refused, refused))).toMatchObject({ kind: 'not_sent' });
    expect(await submit(attempt(refused, reset))).toMatchObject({ kind: 'unknown' });
  });

  test('an order that was placed', async () => {
    const order = {
      id: 'b-1',
      client_order_id: 'order-1',
      symbol: 'AAPL',
      status: 'accepted',
      filled_qty: '0',
      filled_avg_price: null,
      updated_at: '2024-06-05T15:00:00Z',
    };
    const outcome = await submit(status(200, order));
    expect(outcome).toMatchObject({
      kind: 'placed',
      order: { brokerOrderId: 'b-1', status: 'accepted', filledAveragePrice: undefined },
    });
  });
});

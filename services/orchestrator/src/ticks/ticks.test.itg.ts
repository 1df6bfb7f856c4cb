import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { startTestBundle, type TestBundle } from '../testing/bundle.ts';
import type { ServiceDouble } from '../testing/service-double.ts';

// Generous: two cores that others use as well must not make a test fail.
jest.setTimeout(60_000);

const tick = (price: number) => ({ symbol: 'AAPL', price, volume: 100 });

let bundle: TestBundle;
let market: ServiceDouble;

beforeEach(async () => {
  bundle = await startTestBundle();
  market = bundle.doubles['market-data'];
  // Like market-data: one bad tick, and nothing of the request is taken.
  market.answers.set('POST /api/v1/ticks', ({ body }) => {
    const ticks = body as { price: number }[];
    if (ticks.some(({ price }) => price === 13))
      return { status: 400, body: { code: 'INVALID_TICK', message: 'unlucky' } };
    return { body: { accepted: ticks.length } };
  });
});
afterEach(() => bundle.close());

const post = (payload: unknown) =>
  bundle.service.app.inject({
    method: 'POST',
    url: '/api/v1/market_data',
    headers: { 'content-type': 'application/json' },
    payload: JSON.stringify(payload),
  });
const calls = () =>
  market.requests.filter(({ path }) => path === '/api/v1/ticks').map(({ body }) => body as { price: number }[]);

describe('ticks at the front door', () => {
  test('one and several are accepted once market-data has them', async () => {
    expect((await post(tick(1))).json()).toEqual({ accepted: 1 });
    expect((await post([tick(2), tick(3)])).json()).toEqual({ accepted: 2 });
    expect(
      calls()
        .flat()
        .map(({ price }) => price),
    ).toEqual([1, 2, 3]);
  });

  test('many posts at once are few calls, in order, and each is answered for itself', async () => {
    const answers = await Promise.all(
      Array.from({ length: 500 }, (_, at) => post(at % 5 === 0 ? [tick(100 + at), tick(100 + at)] : tick(100 + at))),
    );
    expect(answers.map((answer) => answer.json().accepted)).toEqual(
      Array.from({ length: 500 }, (_, at) => (at % 5 === 0 ? 2 : 1)),
    );
    expect(calls().length).toBeLessThan(50);
    const prices = calls()
      .flat()
      .map(({ price }) => price);
    expect(prices).toHaveLength(600);
    expect(prices).toEqual(prices.toSorted((a, b) => a - b));
  });

  test('somebody else’s bad tick spoils nobody’s good one', async () => {
    const answers = await Promise.all([post(tick(1)), post(tick(13)), post(tick(2))]);
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 400, 200]);
    expect(answers[1]?.json()).toEqual({ code: 'INVALID_TICK', message: 'unlucky' });
  });

  test.each([
    [{ symbol: 'AAPL' }, 'required: symbol, price'],
    [{ ...tick(1), price: -1 }, 'price is -1'],
    [{ ...tick(1), colour: 'red' }, 'colour'],
    [[tick(1), { ...tick(1), symbol: 'aapl' }], 'tick 1: symbol is "aapl"'],
    [[], '1 to 10000'],
    ['tick', 'not an object'],
  ])('are refused with what is wrong: %j', async (body, message) => {
    const answer = await post(body);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'INVALID_TICK', message: expect.stringContaining(message) });
  });

  test('a market-data that is gone, silent or broken is named, and nothing is claimed', async () => {
    market.fault = 'reset';
    expect((await post(tick(1))).json()).toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      message: expect.stringContaining('market-data'),
    });
    market.fault = 'garbage';
    expect((await post(tick(1))).statusCode).toBe(502);
    market.fault = undefined;
    market.answers.set('POST /api/v1/ticks', {
      status: 503,
      body: { code: 'BUS_BUSY', message: 'wait' },
      headers: { 'retry-after': '1' },
    });
    const busy = await post(tick(1));
    expect([busy.statusCode, busy.json().code, busy.headers['retry-after']]).toEqual([503, 'BUS_BUSY', '1']);
    await market.stop();
    expect((await post(tick(1))).json()).toMatchObject({ code: 'SERVICE_UNREACHABLE' });
  });

  test('are refused in production', async () => {
    await bundle.close();
    bundle = await startTestBundle({ production: true });
    const answer = await post(tick(1));
    expect([answer.statusCode, answer.json().code]).toEqual([403, 'NOT_IN_PRODUCTION']);
  });
});

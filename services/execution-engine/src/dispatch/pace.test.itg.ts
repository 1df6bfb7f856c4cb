import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { until } from '@papergate/service-kit/testing';
import { ordersOf } from '../testing/books.ts';
import { ready, startBundle, type Bundle } from '../testing/bundle.ts';

jest.setTimeout(60_000);

let bundle: Bundle;
beforeAll(async () => {
  bundle = await startBundle({
    services: ['paper-exchange', 'market-data', 'risk-manager', 'execution-engine'],
    // Busy with no order at all, and an interval that does not pass by in a test.
    settings: { intakeBusy: 0, dispatchBusyIntervalMs: 600_000 },
  });
  await ready(bundle, 'execution-engine');
}, 120_000);
afterAll(() => bundle.close());

test('while the intake is busy, an order waits for its turn after the one before', async () => {
  const place = async (id: string): Promise<void> => {
    const order = { symbol: 'AAPL', side: 'buy', type: 'market', quantity: 1, client_order_id: id };
    expect((await bundle.client('execution-engine').send('POST', '/orders', order)).status).toBe(200);
  };
  const statuses = async () =>
    Object.fromEntries((await ordersOf(bundle)).map((order) => [order.client_order_id, order.status]));
  await place('first');
  await until('the first to be filled', async () => (await statuses())['first'] === 'filled');
  await place('second');
  // Longer than any other reason to look at what waits takes to come.
  await delay(1_500);
  expect(await statuses()).toEqual({ first: 'filled', second: 'accepted' });
});

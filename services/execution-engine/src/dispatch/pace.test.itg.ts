import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { createSubscriber, ordersOf as viewsOf } from '@papergate/service-kit';
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
  const told: string[] = [];
  const { host, bus_port: port } = bundle.system.services['execution-engine'];
  let beats = 0;
  const subscriber = createSubscriber({
    endpoints: [`tcp://${host}:${port}`],
    topics: ['order', 'heartbeat'],
    onMessage: (topic, { data }) => {
      if (topic === 'heartbeat') beats += 1;
      else told.push(...viewsOf(data).map(({ client_order_id: id, status }) => `${id} ${status}`));
    },
  });
  await until('a heartbeat', () => beats > 0);
  await place('first');
  await until('the first to be filled', async () => (await statuses())['first'] === 'filled');
  await place('second');
  // Longer than any other reason to look at what waits takes to come.
  await delay(1_500);
  expect(await statuses()).toEqual({ first: 'filled', second: 'accepted' });
  await subscriber.close();
  // Orders that were accepted are told of together, and all the same before what became of them.
  expect([told[0], told.at(-1)]).toEqual(['first accepted', 'second accepted']);
  expect(told).toContain('first filled');
});

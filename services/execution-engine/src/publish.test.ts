import { describe, expect, test } from '@jest/globals';
import { ordersOf, type BusPublisher } from '@papergate/service-kit';
import { createAcceptedOrders } from './publish.ts';
import { durable } from './testing/make.ts';

function setUp() {
  const sent: unknown[] = [];
  const publisher: BusPublisher = {
    epoch: 'e',
    port: 0,
    pending: 0,
    sequence: () => sent.length,
    publish: (topic, data) => {
      expect(topic).toBe('order');
      sent.push(data);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
  const ids = () => sent.map((data) => ordersOf(data).map(({ client_order_id: id, status }) => `${id} ${status}`));
  return { accepted: createAcceptedOrders(publisher), sent, ids };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('orders that have become durable', () => {
  test('of one turn go in one message, a lone one as itself', async () => {
    const { accepted, ids, sent } = setUp();
    for (const id of ['a', 'b']) accepted.add(durable({ clientOrderId: id }));
    expect(sent).toEqual([]);
    await turn();
    accepted.add(durable({ clientOrderId: 'c' }));
    await turn();
    expect(ids()).toEqual([['a accepted', 'b accepted'], ['c accepted']]);
    expect(sent.map((data) => Array.isArray(data))).toEqual([true, false]);
  });

  test('are told as they were, in messages of a hundred at most, and once', async () => {
    const { accepted, ids } = setUp();
    const first = durable({ clientOrderId: 'first' });
    accepted.add(first);
    first.status = 'new';
    for (let index = 0; index < 100; index += 1) accepted.add(durable({ clientOrderId: `o-${index}` }));
    accepted.flush();
    await turn();
    expect(ids().map((some) => some.length)).toEqual([100, 1]);
    expect(ids()[0]?.[0]).toBe('first accepted');
  });
});

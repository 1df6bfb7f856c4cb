import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { ordersOf, type BusPublisher } from '@papergate/service-kit';
import { until } from '@papergate/service-kit/testing';
import { createAcceptedOrders } from './publish.ts';
import { durable } from './testing/make.ts';

function setUp(busy?: () => boolean) {
  const sent: unknown[] = [];
  const counts: number[] = [];
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
  return {
    accepted: createAcceptedOrders({
      publisher,
      ...(busy === undefined ? {} : { busy }),
      onPublished: (orders) => counts.push(orders),
    }),
    counts,
    sent,
    ids,
  };
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

  test('wait for those of other commits while the intake is busy, a hundred at most and not for long', async () => {
    let busy = true;
    const { accepted, counts, ids } = setUp(() => busy);
    const add = (from: number, to: number): void => {
      for (let index = from; index < to; index += 1) accepted.add(durable({ clientOrderId: `o-${index}` }));
    };
    add(0, 30);
    await turn();
    add(30, 60);
    await turn();
    expect(ids()).toEqual([]);
    await until('the moment to be over', () => ids().length > 0);
    expect(ids().map((some) => some.length)).toEqual([60]);
    // A full message does not wait.
    add(60, 120);
    await turn();
    add(120, 161);
    expect(ids()).toHaveLength(1);
    await turn();
    expect(ids().map((some) => some.length)).toEqual([60, 100, 1]);
    // Nor does anything once nobody waits.
    busy = false;
    add(161, 163);
    await turn();
    expect(ids().map((some) => some.length)).toEqual([60, 100, 1, 2]);
    expect(counts).toEqual([60, 101, 2]);
    expect(ids().flat()).toEqual(Array.from({ length: 163 }, (_, index) => `o-${index} accepted`));
  });

  test('are told at once when they are asked for, and not a second time', async () => {
    const { accepted, ids } = setUp(() => true);
    accepted.add(durable({ clientOrderId: 'a' }));
    await turn();
    accepted.flush();
    expect(ids()).toEqual([['a accepted']]);
    await delay(40);
    expect(ids()).toHaveLength(1);
  });
});

import { describe, expect, test } from '@jest/globals';
import { Big } from '@papergate/service-kit';
import type { Ledger } from '../ledger/ledger.ts';
import { track } from '../ledger/tracked.ts';
import { acceptedOrder } from '../ledger/order.ts';
import { newOrder } from '../testing/make.ts';
import { openingOrders, Resting } from './resting.ts';

type Change = Partial<ReturnType<typeof acceptedOrder>>;
let numbers = 0;
/** At the broker, each younger than the one before. */
const resting = (clientOrderId: string, change: Change = {}) => {
  numbers += 1;
  const order = acceptedOrder(newOrder({ clientOrderId, orderId: clientOrderId, createdAt: numbers }));
  return track({ ...order, status: 'new', brokerOrderId: `b-${clientOrderId}`, ...change });
};
const ids = (orders: { order: { clientOrderId: string } }[]) => orders.map(({ order }) => order.clientOrderId);
const of = (position: string) => () => new Big(position);

describe('what rests at the broker and may open a position', () => {
  test('is every order on the side of the position, and every one where there is none', () => {
    const orders = [resting('buy', { side: 'buy' }), resting('sell', { side: 'sell', quantity: '1' })];
    expect(ids(openingOrders(orders, of('10')))).toEqual(['buy']);
    expect(ids(openingOrders(orders, of('-10')))).toEqual(['sell']);
    expect(ids(openingOrders(orders, of('0')))).toEqual(['buy', 'sell']);
  });

  test('is, of the orders that close one, what goes beyond it: the oldest stay', () => {
    const sell = (id: string, quantity: string, filled = '0') =>
      resting(id, { side: 'sell', quantity, filledQuantity: new Big(filled) });
    const orders = [sell('a', '4'), sell('b', '5'), sell('c', '9', '8'), sell('d', '1')];
    expect(ids(openingOrders(orders.toReversed(), of('10')))).toEqual(['d']);
    expect(ids(openingOrders(orders, of('8')))).toEqual(['b']);
  });

  test('counts what the broker may have, and leaves what waits here to the sender', () => {
    const here = { brokerOrderId: null };
    const orders = [
      resting('waits', { ...here, status: 'accepted' }),
      resting('sending', { ...here, status: 'sending' }),
      resting('unknown', { ...here, status: 'unknown' }),
      resting('there', { status: 'accepted' }),
    ];
    expect(ids(openingOrders(orders, of('0')))).toEqual(['sending', 'unknown', 'there']);
  });
});

describe('a sweep', () => {
  test('asks once for each, again after a while, and at once where the broker did not answer', async () => {
    const asked: string[] = [];
    const world = { now: 0, fails: false };
    const orders = [resting('one'), resting('two', { brokerOrderId: null, status: 'unknown' })];
    const sweeper = new Resting({
      broker: {
        cancel: (id) => {
          asked.push(id);
          return world.fails ? Promise.reject(new Error('no answer')) : Promise.resolve({ kind: 'requested' });
        },
      },
      ledger: { book: { positions: new Map() } as unknown as Ledger['book'], open: () => orders },
      logger: { info: () => undefined, warn: () => undefined },
      now: () => world.now,
    });
    expect([sweeper.sweep(), sweeper.sweep()]).toEqual([2, 2]);
    expect(asked).toEqual(['b-one']);
    world.now = 2_000;
    world.fails = true;
    sweeper.sweep();
    await new Promise((resolve) => setImmediate(resolve));
    sweeper.sweep();
    expect(asked).toEqual(['b-one', 'b-one', 'b-one']);
  });
});

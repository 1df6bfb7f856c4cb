import { describe, expect, test } from '@jest/globals';
import { Big } from '@papergate/service-kit';
import { onlyShrinks } from './reducing.ts';

/** At the broker, unless it is said that it waits since a moment. */
const order = (
  orderId: string,
  side: 'buy' | 'sell',
  quantity: string,
  filled = '0',
  symbol = 'AAPL',
  waits?: number,
) => ({
  orderId,
  status: waits === undefined ? 'new' : 'accepted',
  createdAt: waits ?? 0,
  symbol,
  side,
  quantity,
  filledQuantity: new Big(filled),
});
const others = (...orders: ReturnType<typeof order>[]) => orders.map((found) => ({ order: found }));

describe('an order that may go while REDUCING', () => {
  test.each([
    ['10', 'sell', '10', true],
    ['10', 'sell', '10.000000001', false],
    ['10', 'buy', '1', false],
    ['-10', 'buy', '10', true],
    ['-10', 'buy', '11', false],
    ['-10', 'sell', '1', false],
    ['0', 'sell', '1', false],
    ['0', 'buy', '1', false],
  ] as const)('of a position of %s: %s %s is %s', (position, side, quantity, expected) => {
    expect(onlyShrinks(order('a', side, quantity), new Big(position), [])).toBe(expected);
  });

  test('shares the position with what is open on its side, as far as that is not filled', () => {
    const ask = order('a', 'sell', '6');
    const position = new Big(10);
    expect(onlyShrinks(ask, position, others(ask, order('b', 'sell', '4')))).toBe(true);
    expect(onlyShrinks(ask, position, others(ask, order('b', 'sell', '5')))).toBe(false);
    expect(onlyShrinks(ask, position, others(order('b', 'sell', '5', '1')))).toBe(true);
    const elsewhere = others(order('b', 'buy', '5'), order('c', 'sell', '5', '0', 'SPY'));
    expect(onlyShrinks(ask, position, elsewhere)).toBe(true);
  });

  test('waits behind what was there before it, and not behind what came later', () => {
    const waiting = (id: string, since: number) => order(id, 'sell', '6', '0', 'AAPL', since);
    const [first, second, third] = [waiting('b', 1), waiting('c', 1), waiting('a', 2)];
    const all = others(first, second, third);
    expect([first, second, third].map((found) => onlyShrinks(found, new Big(10), all))).toEqual([true, false, false]);
    // Once the second is on its way, whatever came first, the first has to step back.
    expect(onlyShrinks(first, new Big(10), others(first, { ...second, status: 'sending' }))).toBe(false);
  });
});

import { describe, expect, test } from '@jest/globals';
import { readMessage } from './message.ts';

const ORDER = {
  order_id: 'id',
  client_order_id: 'c-1',
  symbol: 'AAPL',
  side: 'buy',
  quantity: '5',
  price: null,
  stop_price: null,
  status: 'accepted',
  filled_quantity: '0',
};

const read = (data: unknown): unknown =>
  readMessage(
    'order',
    Buffer.from(JSON.stringify({ src: 'execution-engine', epoch: 'e', seq: 1, ts: 0, data })),
    'execution-engine',
  ).data;

describe('a message about orders', () => {
  test('is one order or several', () => {
    expect(read(ORDER)).toEqual(ORDER);
    expect(read([ORDER, ORDER])).toHaveLength(2);
  });

  test.each([[[]], [[ORDER, { ...ORDER, quantity: 'many' }]], [{ ...ORDER, side: 'up' }], [null], ['order']])(
    'of another form is refused: %j',
    (data) => {
      expect(() => read(data)).toThrow('data');
    },
  );
});

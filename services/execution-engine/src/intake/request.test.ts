import { describe, expect, test } from '@jest/globals';
import { HttpError } from '@papergate/service-kit';
import { hashTerms, readOrderRequest, signalOrderId } from './request.ts';

const market = { symbol: 'AAPL', side: 'buy', type: 'market', quantity: 10 };

function refusal(body: unknown): string {
  try {
    readOrderRequest(body);
  } catch (error) {
    if (error instanceof HttpError && error.statusCode === 400 && error.code === 'INVALID_ORDER') return error.message;
    throw error;
  }
  return 'accepted';
}

describe('an order request', () => {
  test('is taken with numbers or decimal text, and normalised', () => {
    const { terms, clientOrderId } = readOrderRequest({ ...market, quantity: '10.50', client_order_id: 'a:1' });
    expect(clientOrderId).toBe('a:1');
    expect(terms).toEqual({
      symbol: 'AAPL',
      side: 'buy',
      type: 'market',
      quantity: '10.5',
      price: null,
      stopPrice: null,
      timeInForce: 'day',
    });
    expect(readOrderRequest({ ...market, quantity: 0.1 }).terms.quantity).toBe('0.1');
    expect(readOrderRequest({ ...market, symbol: 'BRK.B' }).terms.symbol).toBe('BRK.B');
  });

  test('stop_loss is stop_limit', () => {
    const { terms } = readOrderRequest({ ...market, type: 'stop_loss', price: 99.5, stop_price: '100' });
    expect(terms).toMatchObject({ type: 'stop_limit', price: '99.5', stopPrice: '100' });
  });

  test.each([
    ['limit', { price: 1 }],
    ['stop', { stop_price: 1 }],
    ['stop_limit', { price: 1, stop_price: 1 }],
  ])('%s takes the prices that it needs', (type, prices) => {
    expect(refusal({ ...market, type, ...prices })).toBe('accepted');
  });

  test.each([
    [null, 'the body is null'],
    [[market], 'the body is [{'],
    ['buy', 'the body is "buy"'],
    [{ ...market, symbol: undefined }, 'symbol is missing'],
    [{ ...market, symbol: 'aapl' }, 'symbol is "aapl", allowed: upper-case'],
    [{ ...market, side: 'hold' }, 'side is "hold", allowed: "buy" or "sell"'],
    [{ ...market, type: 'iceberg' }, 'type is "iceberg", allowed: "market"'],
    [{ ...market, quantity: 0 }, 'quantity is 0'],
    [{ ...market, quantity: -1 }, 'quantity is -1'],
    [{ ...market, quantity: '1e5' }, 'quantity is "1e5"'],
    [{ ...market, quantity: '0' }, 'quantity is "0"'],
    [{ ...market, quantity: '1.0000000001' }, 'quantity is "1.0000000001"'],
    [{ ...market, quantity: 1e-10 }, 'quantity is 1e-10'],
    [{ ...market, quantity: 1e300 }, 'quantity is 1e+300'],
    [{ ...market, quantity: true }, 'quantity is true'],
    [{ ...market, price: 1 }, 'price is 1; an order of type market takes none'],
    [{ ...market, stop_price: 1 }, 'stop_price is 1; an order of type market takes none'],
    [{ ...market, type: 'limit' }, 'price is missing; an order of type limit needs one'],
    [{ ...market, type: 'limit', price: 1, stop_price: 1 }, 'stop_price is 1; an order of type limit takes none'],
    [{ ...market, type: 'stop' }, 'stop_price is missing; an order of type stop needs one'],
    [{ ...market, type: 'stop_limit', price: 1 }, 'stop_price is missing; an order of type stop_limit needs one'],
    [{ ...market, time_in_force: 'never' }, 'time_in_force is "never"'],
    [{ ...market, client_order_id: '' }, 'client_order_id is ""'],
    [{ ...market, client_order_id: 'a b' }, 'client_order_id is "a b"'],
    [{ ...market, client_order_id: 'x'.repeat(129) }, 'client_order_id is "xxx'],
    [{ ...market, qty: 1 }, 'qty is no field of an order, allowed: symbol, side'],
  ])('%j is refused by name', (body, message) => {
    expect(refusal(body)).toContain(message);
  });
});

describe('ids', () => {
  const hash = (change: Record<string, unknown>) =>
    hashTerms(readOrderRequest({ ...market, type: 'limit', price: 5, ...change }).terms);

  test('the same terms have the same hash however they are written; any other term another', () => {
    expect(hash({ quantity: '10.0', price: '5.00', time_in_force: 'day' })).toBe(hash({}));
    const others = [
      { quantity: 11 },
      { price: 6 },
      { side: 'sell' },
      { symbol: 'MSFT' },
      { time_in_force: 'gtc' },
      { type: 'stop_loss', stop_price: 5 },
    ].map(hash);
    expect(new Set([hash({}), ...others]).size).toBe(7);
  });

  test('a signal gives the same order id each time, within what Alpaca allows', () => {
    expect(signalOrderId('momentum', 'AAPL-buy-17')).toBe('momentum-AAPL-buy-17');
    expect(signalOrderId('momentum', 'momentum-AAPL-buy-17')).toBe('momentum-AAPL-buy-17');
    for (const id of ['x'.repeat(500), 'with space', 'ümlaut']) {
      expect(signalOrderId('momentum', id)).toMatch(/^momentum-[0-9a-f]{40}$/);
      expect(signalOrderId('momentum', id)).toBe(signalOrderId('momentum', id));
    }
  });
});

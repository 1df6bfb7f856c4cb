import { describe, expect, test } from '@jest/globals';
import { Core } from '../testing/make-core.ts';

/** 10:00 in New York on Monday, 3 June 2024. */
const OPEN = '2024-06-03T14:00:00Z';

describe('market and limit orders', () => {
  test('a market order is accepted, becomes new and fills at the quote', () => {
    const core = new Core();
    core.quote(99, 101);
    const id = core.submit();
    expect(core.order(id)).toMatchObject({ status: 'filled', filled_qty: '10', filled_avg_price: '101' });
    expect(core.events(id)).toEqual(['pending_new', 'new', 'fill']);
    expect(core.exchange.account.cash).toBe(98_990n * 10n ** 15n);
  });

  test('the answer shows the order as accepted, not as the market has meanwhile left it', () => {
    const core = new Core();
    core.quote(99, 101);
    const answer = core.exchange.desk.submit({
      symbol: 'AAPL',
      side: 'buy',
      type: 'market',
      time_in_force: 'day',
      qty: 1,
    });
    expect(answer).toMatchObject({ status: 'pending_new', filled_qty: '0', filled_avg_price: null });
    expect(core.status(String(answer['id']))).toBe('filled');
  });

  test('an order bigger than the market is filled piece by piece, with the average of the pieces', () => {
    const core = new Core();
    core.quote(99, 100, { askSize: 6 });
    const id = core.submit();
    expect(core.order(id)).toMatchObject({ status: 'partially_filled', filled_qty: '6' });
    core.quote(99, 101, { askSize: 6 });
    expect(core.order(id)).toMatchObject({ status: 'filled', filled_avg_price: '100.4' });
    expect(core.events(id)).toEqual(['pending_new', 'new', 'partial_fill', 'fill']);
  });

  test('a limit order rests until the market comes to it', () => {
    const core = new Core();
    core.quote(99, 101);
    const id = core.submit({ type: 'limit', limit_price: '100' });
    expect(core.status(id)).toBe('new');
    core.trade(100.01);
    expect(core.status(id)).toBe('new');
    core.trade(100, { size: 4 });
    expect(core.order(id)).toMatchObject({ status: 'partially_filled', filled_qty: '4' });
    core.quote(98, 99.5);
    expect(core.order(id)).toMatchObject({ status: 'filled', filled_avg_price: '99.7' });
  });

  test('a notional order spends its money and no more', () => {
    const core = new Core();
    core.quote(2.99, 3);
    const id = core.submit({ notional: '10' });
    expect(core.order(id)).toMatchObject({ status: 'filled', qty: null, notional: '10', filled_qty: '3.333333333' });
    expect(core.exchange.account.cash > 99_990n * 10n ** 15n).toBe(true);
  });

  test('a cancel ends an open order once, and a closed one not at all', () => {
    const core = new Core();
    core.quote(99, 101);
    const id = core.submit({ type: 'limit', limit_price: '90' });
    core.cancel(id);
    expect(core.order(id)).toMatchObject({ status: 'canceled', canceled_at: expect.any(String) });
    core.quote(89, 90);
    expect(core.status(id)).toBe('canceled');
    expect(() => core.cancel(id)).toThrow('order is already in "canceled" state');
  });
});

describe('stops', () => {
  test('a stop waits for a trade at its price; quotes do not elect it', () => {
    const core = new Core();
    core.quote(99, 101);
    core.trade(100);
    const id = core.submit({ type: 'stop', stop_price: '105' });
    core.quote(105, 106);
    expect(core.status(id)).toBe('new');
    core.trade(105);
    expect(core.order(id)).toMatchObject({ status: 'filled', filled_avg_price: '106' });
  });

  test('an elected buy stop pays at most 2.5 % above its stop, 4 % below 50 USD', () => {
    const core = new Core();
    core.quote(99, 101);
    const id = core.submit({ type: 'stop', stop_price: '104' });
    core.quote(110, 112);
    core.trade(110);
    expect(core.status(id)).toBe('new');
    core.quote(106, 106.6);
    expect(core.order(id)).toMatchObject({ status: 'filled', filled_avg_price: '106.6' });

    core.quote(39, 40, { symbol: 'MSFT' });
    const cheap = core.submit({ symbol: 'MSFT', type: 'stop', stop_price: '40' });
    core.quote(41, 41.7, { symbol: 'MSFT' });
    core.trade(41, { symbol: 'MSFT' });
    expect(core.status(cheap)).toBe('new');
    core.quote(41, 41.6, { symbol: 'MSFT' });
    expect(core.status(cheap)).toBe('filled');
  });

  test('a sell stop becomes a market order', () => {
    const core = new Core();
    core.quote(99, 101);
    core.submit();
    const id = core.submit({ side: 'sell', type: 'stop', stop_price: '95' });
    core.quote(80, 81);
    core.trade(80);
    expect(core.order(id)).toMatchObject({ status: 'filled', filled_avg_price: '80' });
  });

  test('a stop whose price the market has passed already is elected at once', () => {
    const core = new Core();
    core.quote(109, 110);
    core.trade(110);
    expect(core.status(core.submit({ type: 'stop', stop_price: '108' }))).toBe('filled');
  });

  test('a stop-limit keeps to its limit after it is elected', () => {
    const core = new Core();
    core.quote(99, 101);
    const id = core.submit({ type: 'stop_limit', stop_price: '105', limit_price: '105.5' });
    core.quote(106, 107);
    core.trade(106);
    expect(core.status(id)).toBe('new');
    core.quote(105, 105.4);
    expect(core.order(id)).toMatchObject({ status: 'filled', filled_avg_price: '105.4' });
  });

  test('a trailing stop follows the market up and does not follow it down', () => {
    const core = new Core();
    core.quote(99, 100);
    core.trade(100);
    core.submit();
    const id = core.submit({ side: 'sell', type: 'trailing_stop', trail_price: '5' });
    expect(core.order(id)).toMatchObject({ hwm: '100', stop_price: '95', trail_price: '5' });
    core.trade(110);
    core.trade(106);
    expect(core.order(id)).toMatchObject({ status: 'new', hwm: '110', stop_price: '105' });
    core.quote(104, 105);
    core.trade(105);
    expect(core.order(id)).toMatchObject({ status: 'filled', filled_avg_price: '104' });
  });

  test('a trailing percentage hangs on the low for a buy', () => {
    const core = new Core();
    core.quote(99, 100);
    core.trade(100);
    const id = core.submit({ type: 'trailing_stop', trail_percent: '2.5' });
    expect(core.order(id)).toMatchObject({ hwm: '100', stop_price: '102.5', trail_percent: '2.5' });
    core.trade(80);
    expect(core.order(id)).toMatchObject({ hwm: '80', stop_price: '82' });
  });
});

describe('times in force', () => {
  test('ioc takes what is there and cancels the rest', () => {
    const core = new Core();
    core.quote(99, 101, { askSize: 4 });
    const id = core.submit({ time_in_force: 'ioc' });
    expect(core.order(id)).toMatchObject({ status: 'canceled', filled_qty: '4' });
    expect(core.events(id)).toEqual(['pending_new', 'new', 'partial_fill', 'canceled']);
  });

  test('fok takes all or nothing', () => {
    const core = new Core();
    core.quote(99, 101, { askSize: 9 });
    expect(core.order(core.submit({ time_in_force: 'fok' }))).toMatchObject({ status: 'canceled', filled_qty: '0' });
    core.quote(99, 101, { askSize: 10 });
    expect(core.status(core.submit({ time_in_force: 'fok' }))).toBe('filled');
  });

  test('a day order expires at the close, a gtc order after ninety days', () => {
    const core = new Core({ hours: 'regular', at: OPEN });
    core.quote(99, 101);
    const day = core.submit({ type: 'limit', limit_price: '90' });
    const gtc = core.submit({ type: 'limit', limit_price: '90', time_in_force: 'gtc' });
    expect(core.order(day)['expires_at']).toBe('2024-06-03T20:00:00.000000Z');
    core.goTo('2024-06-03T19:59:59Z');
    expect(core.status(day)).toBe('new');
    core.goTo('2024-06-03T20:00:00Z');
    expect(core.order(day)).toMatchObject({ status: 'expired', expired_at: expect.any(String) });
    expect(core.status(gtc)).toBe('new');
    core.goTo('2024-09-01T20:15:00Z');
    expect(core.status(gtc)).toBe('expired');
  });

  test('an order sent while the market is shut waits for the open', () => {
    const core = new Core({ hours: 'regular', at: '2024-06-03T02:00:00Z' });
    core.quote(99, 101);
    const id = core.submit();
    expect(core.status(id)).toBe('accepted');
    core.goTo('2024-06-03T13:30:00Z');
    expect(core.status(id)).toBe('filled');
    expect(core.events(id)).toEqual(['accepted', 'new', 'fill']);
  });

  test('outside regular hours only extended orders trade, and no stop is elected', () => {
    const core = new Core({ hours: 'regular', at: OPEN });
    core.quote(99, 101);
    core.trade(100);
    const gtc = core.submit({ type: 'limit', limit_price: '95', time_in_force: 'gtc' });
    const late = core.submit({ type: 'limit', limit_price: '95', extended_hours: true });
    const stop = core.submit({ type: 'stop', stop_price: '105', time_in_force: 'gtc' });
    core.goTo('2024-06-03T21:00:00Z');
    core.quote(94, 95);
    core.trade(106);
    expect([gtc, late, stop].map((id) => core.status(id))).toEqual(['new', 'filled', 'new']);
    core.goTo('2024-06-04T14:00:00Z');
    core.quote(94, 95);
    expect(core.status(gtc)).toBe('filled');
  });

  test('opg orders trade in the opening auction alone', () => {
    const core = new Core({ hours: 'regular', at: '2024-06-03T13:00:00Z' });
    core.quote(99, 101);
    const any = core.submit({ time_in_force: 'opg' });
    const limited = core.submit({ time_in_force: 'opg', type: 'limit', limit_price: '90' });
    core.quote(100, 102);
    expect(core.status(any)).toBe('accepted');
    core.goTo('2024-06-03T13:30:00Z');
    expect(core.order(any)).toMatchObject({ status: 'filled', filled_avg_price: '102' });
    expect(core.status(limited)).toBe('canceled');
  });

  test('cls orders trade in the closing auction alone, and not after their window', () => {
    const core = new Core({ hours: 'regular', at: OPEN });
    core.quote(99, 101);
    const id = core.submit({ time_in_force: 'cls' });
    core.goTo('2024-06-03T19:55:00Z');
    expect(core.status(id)).toBe('accepted');
    expect(core.refusal({ time_in_force: 'cls' })).toMatchObject({ status: 422, code: 42210000 });
    core.goTo('2024-06-03T20:00:00Z');
    expect(core.status(id)).toBe('filled');
  });

  test('ioc in a shut market ends at once', () => {
    const core = new Core({ hours: 'regular', at: '2024-06-03T02:00:00Z' });
    core.quote(99, 101);
    expect(core.status(core.submit({ time_in_force: 'ioc' }))).toBe('canceled');
  });
});

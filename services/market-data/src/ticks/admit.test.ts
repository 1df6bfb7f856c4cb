import { describe, expect, test } from '@jest/globals';
import { Admission, eventTime, FUTURE_TOLERANCE_US, type UpstreamQuote, type UpstreamTrade } from './admit.ts';

const NOW = 1_700_000_000_000_000;
const admission = new Admission(['AAPL', 'BRK.B'], () => NOW);
const at = new Date(NOW / 1000);

const trade = (over: Partial<UpstreamTrade> = {}): UpstreamTrade => ({
  symbol: 'AAPL',
  price: 187.41,
  size: 100,
  timestamp: at,
  id: 7,
  idRaw: '7',
  ...over,
});
const quote = (over: Partial<UpstreamQuote> = {}): UpstreamQuote => ({
  symbol: 'AAPL',
  bidPrice: 187.4,
  bidSize: 2,
  askPrice: 187.42,
  askSize: 3,
  timestamp: at,
  ...over,
});

describe('trades of the exchange', () => {
  test('become ticks with micros and the exact id', () => {
    expect(admission.trade(trade())).toEqual({ s: 'AAPL', k: 't', t: NOW, p: 187_410_000, v: 100, i: 7 });
    expect(admission.trade(trade({ id: 2 ** 60, idRaw: '1152921504606846977' }))).toMatchObject({
      i: '1152921504606846977',
    });
    expect(admission.trade(trade({ id: undefined, idRaw: undefined }))).not.toHaveProperty('i');
  });

  test.each<[Partial<UpstreamTrade>, string]>([
    [{ symbol: 'TSLA' }, 'unknown_symbol'],
    [{ price: Number.NaN }, 'not_a_number'],
    [{ size: Number.NaN }, 'not_a_number'],
    [{ price: undefined as unknown as number }, 'not_a_number'],
    [{ price: '1' as unknown as number }, 'not_a_number'],
    [{ price: -0.01 }, 'negative'],
    [{ size: -1 }, 'negative'],
    [{ price: 0 }, 'zero_price'],
    [{ price: 1e-9 }, 'zero_price'],
    [{ size: 0 }, 'zero_size'],
    [{ price: Number.POSITIVE_INFINITY }, 'out_of_range'],
    [{ price: 1e10 }, 'out_of_range'],
    [{ timestamp: new Date(Number.NaN) }, 'bad_time'],
    [{ timestamp: new Date((NOW + FUTURE_TOLERANCE_US) / 1000 + 1) }, 'future'],
  ])('%j is dropped as %s', (over, reason) => {
    expect(admission.trade(trade(over))).toBe(reason);
  });

  test('a clock that is a little ahead, an old time and a fractional size pass', () => {
    const ahead = new Date((NOW + FUTURE_TOLERANCE_US) / 1000);
    expect(admission.trade(trade({ timestamp: ahead }))).toMatchObject({ t: NOW + FUTURE_TOLERANCE_US });
    expect(admission.trade(trade({ timestamp: new Date(0) }))).toMatchObject({ t: 0 });
    expect(admission.trade(trade({ size: 0.25 }))).toMatchObject({ v: 0.25 });
  });
});

describe('quotes of the exchange', () => {
  test('become ticks, crossed and stub quotes too', () => {
    expect(admission.quote(quote())).toEqual({
      s: 'AAPL',
      k: 'q',
      t: NOW,
      b: 187_400_000,
      bs: 2,
      a: 187_420_000,
      as: 3,
    });
    expect(admission.quote(quote({ bidPrice: 188 }))).toMatchObject({ b: 188_000_000, a: 187_420_000 });
    expect(admission.quote(quote({ bidPrice: 0.01, askPrice: 199_999.99 }))).toMatchObject({ a: 199_999_990_000 });
  });

  test('leave an empty side out', () => {
    expect(admission.quote(quote({ bidPrice: 0, bidSize: 0 }))).toEqual({
      s: 'AAPL',
      k: 'q',
      t: NOW,
      a: 187_420_000,
      as: 3,
    });
    expect(admission.quote(quote({ askPrice: 0, askSize: 0 }))).toEqual({
      s: 'AAPL',
      k: 'q',
      t: NOW,
      b: 187_400_000,
      bs: 2,
    });
  });

  test.each<[Partial<UpstreamQuote>, string]>([
    [{ symbol: 'TSLA' }, 'unknown_symbol'],
    [{ bidPrice: Number.NaN }, 'not_a_number'],
    [{ askSize: Number.NaN }, 'not_a_number'],
    [{ askPrice: -1 }, 'negative'],
    [{ bidSize: -1 }, 'negative'],
    [{ bidPrice: 0 }, 'zero_price'],
    [{ askPrice: 0 }, 'zero_price'],
    [{ bidSize: 0 }, 'zero_size'],
    [{ askSize: 0 }, 'zero_size'],
    [{ bidPrice: 0, bidSize: 0, askPrice: 0, askSize: 0 }, 'empty_quote'],
    [{ askPrice: Number.POSITIVE_INFINITY }, 'out_of_range'],
    [{ timestamp: new Date(Number.NaN) }, 'bad_time'],
    [{ timestamp: new Date(NOW) }, 'future'],
  ])('%j is dropped as %s', (over, reason) => {
    expect(admission.quote(quote(over))).toBe(reason);
  });
});

describe('the time of an event', () => {
  const ms = Date.parse('2024-02-29T12:00:00.123Z');
  test.each<[string | undefined, number]>([
    ['2024-02-29T12:00:00.123456789Z', 456],
    ['2024-02-29T12:00:00.123456Z', 456],
    ['2024-02-29T12:00:00.1234Z', 400],
    ['2024-02-29T12:00:00.123Z', 0],
    ['2024-02-29T12:00:00.123', 0],
    ['2024-02-29T07:00:00.123456-05:00', 456],
    [undefined, 0],
  ])('of %s keeps the microseconds', (raw, extra) => {
    expect(eventTime(new Date(ms), raw)).toBe(ms * 1000 + extra);
  });

  test('without a fraction has none', () => {
    const whole = Date.parse('2024-02-29T12:00:00Z');
    expect(eventTime(new Date(whole), '2024-02-29T12:00:00Z')).toBe(whole * 1000);
  });
});

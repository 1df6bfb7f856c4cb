import { describe, expect, test } from '@jest/globals';
import { Tape } from './tape.ts';
import { rfc3339 } from './time.ts';

const START = 1_381_152_600_000_000;

function tape(): Tape {
  let now = 1_000;
  return new Tape({
    epoch: 'e',
    symbols: ['SPY', 'AAPL'],
    capacity: 100,
    now: () => {
      now += 1;
      return now;
    },
  });
}

describe('the tape', () => {
  test('numbers over all symbols without a gap and stamps the arrival', () => {
    const under = tape();
    const first = under.append({ s: 'SPY', k: 't', t: START, p: 1, v: 1 });
    const second = under.append({ s: 'AAPL', k: 'q', t: START, b: 1, bs: 1, a: 2, as: 1 });
    expect([first.n, first.r, second.n, second.r]).toEqual([1, 1_001, 2, 1_002]);
    expect(under).toMatchObject({ n: 2, lastArrival: 1_002, lastUpstreamArrival: 1_002 });
  });

  test('a posted tick is everybody’s but not the exchange’s', () => {
    const under = tape();
    under.append({ s: 'SPY', k: 't', t: START, p: 1, v: 1, x: true });
    expect(under.all.report()['SPY']?.trades.count).toBe(1);
    expect(under.upstream.report()['SPY']?.trades.count).toBe(0);
    expect(under).toMatchObject({ lastArrival: 1_001, lastUpstreamArrival: 0 });
  });

  test('the book shows what came last, also where its time went back, and that is counted', () => {
    const under = tape();
    under.append({ s: 'SPY', k: 't', t: START + 10, p: 5_000_000, v: 1 });
    under.append({ s: 'SPY', k: 'q', t: START + 1, b: 4_990_000, bs: 2, a: 5_010_000, as: 3 });
    expect(under.regressions).toBe(0); // a trade and a quote may be apart
    under.append({ s: 'SPY', k: 't', t: START + 10, p: 5_000_000, v: 1 });
    expect(under.regressions).toBe(0); // whole bursts share a time
    under.append({ s: 'SPY', k: 't', t: START + 9, p: 4_000_000, v: 7 });
    expect(under.regressions).toBe(1);
    expect(under.book.view()).toEqual({
      SPY: {
        n: 4,
        bid: '4.99',
        bid_size: 2,
        ask: '5.01',
        ask_size: 3,
        quote_time: '2013-10-07T13:30:00.000001Z',
        price: '4',
        size: 7,
        trade_time: '2013-10-07T13:30:00.000009Z',
      },
      AAPL: {
        n: 0,
        bid: null,
        bid_size: null,
        ask: null,
        ask_size: null,
        quote_time: null,
        price: null,
        size: null,
        trade_time: null,
      },
    });
  });

  test('a side that a newer quote leaves empty is empty', () => {
    const under = tape();
    under.append({ s: 'SPY', k: 'q', t: START, b: 4_990_000, bs: 2, a: 5_010_000, as: 3 });
    under.append({ s: 'SPY', k: 'q', t: START, a: 5_020_000, as: 3 });
    expect(under.book.view()['SPY']).toMatchObject({ bid: null, bid_size: null, ask: '5.02' });
  });

  test('times are text to the microsecond, shorter where they are whole', () => {
    expect([rfc3339(START), rfc3339(START + 1_500), rfc3339(0)]).toEqual([
      '2013-10-07T13:30:00.000Z',
      '2013-10-07T13:30:00.001500Z',
      '1970-01-01T00:00:00.000Z',
    ]);
  });
});

import { describe, expect, test } from '@jest/globals';
import { Instruments } from '../market/instruments.ts';
import { readPostedTicks } from './posted-ticks.ts';

describe('posted ticks', () => {
  const read = (body: unknown) => readPostedTicks(body, new Instruments(['AAPL']), 77);

  test('a price is a trade, a bid or ask a quote, both are both', () => {
    expect(read({ symbol: 'AAPL', price: '100.5', size: 3, timestamp: '2024-06-03T14:00:00.123456Z' })).toEqual([
      { kind: 't', symbol: 'AAPL', time: 1_717_423_200_123_456, price: 100_500_000, size: 3, exchange: 'V', id: 1 },
    ]);
    expect(read([{ symbol: 'NEW', bid: 99, ask: 101.25, ask_size: '7' }])).toEqual([
      {
        kind: 'q',
        symbol: 'NEW',
        time: 77,
        bid: 99_000_000,
        bidSize: 100,
        ask: 101_250_000,
        askSize: 7,
        exchange: 'V',
      },
    ]);
    expect(read({ symbol: 'AAPL', price: 1, bid: 1, timestamp: 5 }).map(({ kind, time }) => [kind, time])).toEqual([
      ['q', 5000],
      ['t', 5000],
    ]);
    expect(read({ symbol: 'AAPL', bid: 1 })).toMatchObject([{ ask: 0, askSize: 0 }]);
  });

  test('trades of a symbol are numbered on', () => {
    const instruments = new Instruments();
    const ids = [1, 2].flatMap(() =>
      readPostedTicks(
        [
          { symbol: 'A', price: 1 },
          { symbol: 'A', price: 1 },
        ],
        instruments,
        0,
      ),
    );
    expect(ids.map((tick) => (tick.kind === 't' ? tick.id : 0))).toEqual([1, 2, 3, 4]);
  });

  test.each<[unknown, string]>([
    [5, 'tick 0 is no JSON object'],
    [[{ symbol: 'aapl', price: 1 }], 'tick 0: symbol is "aapl"'],
    [[{ symbol: 'AAPL', price: 1 }, {}], 'tick 1: symbol is undefined'],
    [{ symbol: 'AAPL' }, 'tick 0 has neither price nor bid nor ask'],
    [{ symbol: 'AAPL', price: 0 }, 'tick 0: price is 0'],
    [{ symbol: 'AAPL', price: -1 }, 'tick 0: price is -1'],
    [{ symbol: 'AAPL', price: '1.0000001' }, 'tick 0: price is "1.0000001"'],
    [{ symbol: 'AAPL', price: 1, size: -1 }, 'tick 0: size is -1'],
    [{ symbol: 'AAPL', price: 1, volume: 1 }, 'tick 0 has the unknown key volume'],
    [{ symbol: 'AAPL', price: 1, timestamp: 'noon' }, 'tick 0: timestamp is "noon"'],
  ])('%j is refused', (body, message) => {
    expect(() => read(body)).toThrow(message);
  });
});

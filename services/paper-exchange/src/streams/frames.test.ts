import { describe, expect, test } from '@jest/globals';
import { decode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { toRfc3339 } from '../clock/new-york.ts';
import type { MarketTick } from '../market/tick.ts';
import { frameWriter } from './frames.ts';
import { Sent } from './sent.ts';

const price = fc.integer({ min: 0, max: 900_000_000_000 });
const size = fc.oneof(fc.integer({ min: 0, max: 5_000_000_000 }), fc.constantFrom(0.5, 127.25, 1e-9));
const time = fc.integer({ min: 0, max: 4_000_000_000_000_000 });
const symbol = fc.constantFrom('A', 'AAPL', 'BRK.B', 'ABCDEFGHIJ.ABCDE');
const exchange = fc.constantFrom('V', 'P', 'Q', 'N', '');
const tick: fc.Arbitrary<MarketTick> = fc.oneof(
  fc.record({
    kind: fc.constant('t' as const),
    symbol,
    time,
    price,
    size,
    exchange,
    id: fc.integer({ min: 1, max: 2 ** 50 }),
  }),
  fc.record({
    kind: fc.constant('q' as const),
    symbol,
    time,
    bid: price,
    bidSize: size,
    ask: price,
    askSize: size,
    exchange,
  }),
);

type Json = Record<string, unknown>;

/** What Alpaca's documents say such a message is. */
function expected(one: MarketTick): Json {
  const z = one.exchange === 'N' ? 'A' : one.exchange === 'Q' ? 'C' : 'B';
  const common = { S: one.symbol, z, t: toRfc3339(one.time) };
  return one.kind === 't'
    ? { T: 't', ...common, i: one.id, x: one.exchange, p: one.price / 1e6, s: one.size, c: ['@'] }
    : {
        T: 'q',
        ...common,
        bx: one.exchange,
        bp: one.bid / 1e6,
        bs: one.bidSize,
        ax: one.exchange,
        ap: one.ask / 1e6,
        as: one.askSize,
        c: ['R'],
      };
}

describe('frames', () => {
  test('a general msgpack decoder reads what the fast writer wrote', () => {
    fc.assert(
      fc.property(fc.array(tick, { minLength: 1, maxLength: 30 }), (ticks) => {
        const writer = frameWriter('msgpack');
        for (const one of ticks) writer.add(one);
        const messages = decode(writer.take() as Uint8Array) as Json[];
        // The decoder gives Dates, which have no microseconds: compared to the millisecond here, exactly below.
        expect(messages.map((message) => ({ ...message, t: (message['t'] as Date).getTime() }))).toEqual(
          ticks.map((one) => ({ ...expected(one), t: Math.floor(one.time / 1000) })),
        );
        expect(writer.count).toBe(0);
      }),
      { seed: 17 },
    );
  });

  test('microseconds survive', () => {
    const writer = frameWriter('msgpack');
    writer.add({ kind: 't', symbol: 'A', time: 1_381_152_600_123_456, price: 1, size: 1, exchange: 'V', id: 1 });
    const frame = writer.take() as Uint8Array;
    const view = new DataView(frame.buffer, frame.byteOffset + frame.length - 8, 8);
    expect(view.getUint32(0) / 4).toBe(123_456_000);
    expect(view.getUint32(4)).toBe(1_381_152_600);
  });

  test('JSON says the same', () => {
    fc.assert(
      fc.property(fc.array(tick, { minLength: 1, maxLength: 10 }), (ticks) => {
        const writer = frameWriter('json');
        for (const one of ticks) writer.add(one);
        expect(JSON.parse(writer.take() as string)).toEqual(ticks.map(expected));
      }),
      { seed: 18 },
    );
  });

  test('a frame that was handed out is not written over by the next', () => {
    const writer = frameWriter('msgpack');
    const one: MarketTick = { kind: 't', symbol: 'A', time: 0, price: 1_000_000, size: 1, exchange: 'V', id: 1 };
    for (const count of [3, 450]) {
      const frames = [1, 2].map((id) => {
        for (let i = 0; i < count; i += 1) writer.add({ ...one, id });
        return writer.take() as Uint8Array;
      });
      for (const [index, frame] of frames.entries()) {
        const messages = decode(frame) as Json[];
        expect(messages).toHaveLength(count);
        expect(messages.every((message) => message['i'] === index + 1)).toBe(true);
      }
    }
  });

  test('a writer says that it is full before a message could go past its end', () => {
    const writer = frameWriter('msgpack');
    const long: MarketTick = {
      kind: 'q',
      symbol: 'ABCDEFGHIJ.ABCDE',
      time: 2 ** 51,
      bid: 9e11,
      bidSize: 1.5,
      ask: 9e11,
      askSize: 1.5,
      exchange: 'ABCDEFGH',
    };
    let added = 0;
    while (!writer.full) {
      writer.add(long);
      added += 1;
    }
    expect(decode(writer.take() as Uint8Array)).toHaveLength(added);
  });
});

describe('what was sent', () => {
  test('is counted and summed exactly, however much it is', () => {
    const sent = new Sent();
    const into = sent.of('AAPL');
    for (let i = 0; i < 2000; i += 1) {
      sent.count(into, {
        kind: 't',
        symbol: 'AAPL',
        time: 0,
        price: 9_007_199_254_741,
        size: 5_000_000_000,
        exchange: 'V',
        id: i,
      });
    }
    sent.count(into, { kind: 'q', symbol: 'AAPL', time: 0, bid: 1, bidSize: 0.5, ask: 3, askSize: 4, exchange: 'V' });
    expect(JSON.parse(JSON.stringify(sent))).toEqual({
      total: 2001,
      trades: 2000,
      quotes: 1,
      by_symbol: {
        AAPL: {
          trades: {
            count: 2000,
            price_sum: String(9_007_199_254_741n * 2000n),
            size_sum: String(5_000_000_000n * 2000n),
          },
          quotes: { count: 1, price_sum: '4', size_sum: '4.5' },
          bars: 0,
        },
      },
    });
  });
});

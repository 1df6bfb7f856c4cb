import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { Tick } from '@papergate/service-kit';
import { until } from '@papergate/service-kit/testing';
import { encodeTick } from './encode.ts';
import { createTickHub, type TickHub } from './hub.ts';

// Generous: two cores that others use as well must not make a test fail.
jest.setTimeout(60_000);

let hub: TickHub;
afterEach(() => hub.close());

function socket() {
  const frames: string[] = [];
  return {
    frames,
    buffers: [] as unknown[],
    bufferedAmount: 0,
    terminated: false,
    send(data: string | Buffer) {
      this.buffers.push(data);
      frames.push(String(data));
    },
    terminate() {
      this.terminated = true;
    },
    ticks(): { n: number; symbol: string }[] {
      return frames
        .flatMap((frame) => JSON.parse(frame) as { type: string; n: number; symbol: string }[])
        .filter(({ type }) => type === 'tick');
    },
  };
}

const ticks = (from: number, to: number, symbol = 'AAPL'): Tick[] =>
  Array.from({ length: to - from + 1 }, (_, at) => ({
    n: from + at,
    s: symbol,
    k: 't',
    t: 1_000_000 + at,
    r: 0,
    p: 167_410_000,
    v: 5,
  }));

describe('ticks to viewers', () => {
  test('only what was subscribed to, each tick once, in order', async () => {
    hub = createTickHub({ intervalMs: 1 });
    const [apple, all, none] = [socket(), socket(), socket()];
    hub.join(apple).subscribe(['AAPL']);
    hub.join(all).subscribe(['*']);
    hub.join(none);
    hub.accept('e', ticks(1, 3));
    hub.accept('e', ticks(4, 5, 'MSFT'));
    hub.accept('e', ticks(6, 6));
    await until('all six', () => all.ticks().length === 6);
    expect(all.ticks().map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(apple.ticks().map(({ n }) => n)).toEqual([1, 2, 3, 6]);
    expect(none.frames).toEqual([]);
  });

  test('one alone is an object, several are an array', async () => {
    hub = createTickHub({ intervalMs: 1 });
    const viewer = socket();
    hub.join(viewer).subscribe(['*']);
    hub.accept('e', ticks(1, 1));
    await until('the first', () => viewer.frames.length === 1);
    expect(JSON.parse(viewer.frames[0]!)).toMatchObject({ type: 'tick', n: 1 });
    hub.accept('e', ticks(2, 4));
    await until('the second', () => viewer.frames.length === 2);
    expect(JSON.parse(viewer.frames[1]!)).toHaveLength(3);
  });

  test('viewers of the same symbols share one buffer, in whatever order they named them', async () => {
    hub = createTickHub({ intervalMs: 1 });
    const [one, two] = [socket(), socket()];
    hub.join(one).subscribe(['AAPL', 'MSFT']);
    hub.join(two).subscribe(['MSFT', 'AAPL']);
    hub.accept('e', ticks(1, 10));
    await until('a frame', () => two.frames.length === 1);
    expect(one.buffers[0]).toBe(two.buffers[0]);
  });

  test('a slow viewer misses ticks, is told how many, and nobody else misses any', async () => {
    let dropped = 0;
    hub = createTickHub({ intervalMs: 0, maxBuffered: 1_000, onDropped: (count) => (dropped += count) });
    const [slow, quick] = [socket(), socket()];
    hub.join(slow).subscribe(['*']);
    hub.join(quick).subscribe(['*']);
    slow.bufferedAmount = 1_001;
    hub.accept('e', ticks(1, 40));
    await until('the quick one to have them', () => quick.ticks().length === 40);
    expect(slow.frames).toEqual([]);
    slow.bufferedAmount = 501;
    hub.accept('e', ticks(41, 42));
    await until('the quick one to have more', () => quick.ticks().length === 42);
    expect(slow.frames).toEqual([]);
    slow.bufferedAmount = 500;
    hub.accept('e', ticks(43, 43));
    await until('the slow one to hear again', () => slow.frames.length === 2);
    expect(slow.frames.map((frame) => JSON.parse(frame))).toMatchObject([
      { type: 'gap', dropped: 42 },
      { type: 'tick', n: 43 },
    ]);
    expect(dropped).toBe(42);
  });

  test('a gap is told even where no further tick comes', async () => {
    hub = createTickHub({ intervalMs: 0, maxBuffered: 1_000 });
    const slow = socket();
    hub.join(slow).subscribe(['*']);
    slow.bufferedAmount = 5_000;
    hub.accept('e', ticks(1, 7));
    slow.bufferedAmount = 0;
    await until('the gap', () => slow.frames.length === 1);
    expect(JSON.parse(slow.frames[0]!)).toEqual({ type: 'gap', dropped: 7 });
  });

  test('a viewer that takes nothing at all is cut off', async () => {
    hub = createTickHub({ intervalMs: 0, maxBuffered: 1_000, stuckMs: 20 });
    const stuck = socket();
    hub.join(stuck).subscribe(['*']);
    stuck.bufferedAmount = 5_000;
    hub.accept('e', ticks(1, 7));
    await until('the end', () => stuck.terminated);
  });

  test('numbers that the bus jumped over are a gap for everybody; a new epoch is none', async () => {
    hub = createTickHub({ intervalMs: 0 });
    const viewer = socket();
    hub.join(viewer).subscribe(['AAPL']);
    hub.accept('e', ticks(1, 2));
    hub.accept('e', ticks(10, 10));
    hub.accept('f', ticks(1, 1));
    await until('all', () => viewer.ticks().length >= 2 && viewer.frames.length >= 3);
    const messages = viewer.frames.flatMap((frame) => JSON.parse(frame) as { type: string }[]);
    expect(messages).toMatchObject([{ n: 1 }, { n: 2 }, { type: 'gap', dropped: 7 }, { n: 10 }, { n: 1 }]);
  });

  test('who left or unsubscribed gets nothing more', async () => {
    hub = createTickHub({ intervalMs: 0 });
    const [left, bored, stays] = [socket(), socket(), socket()];
    hub.join(left).subscribe(['*']);
    const client = hub.join(bored);
    client.subscribe(['AAPL', 'MSFT']);
    hub.join(stays).subscribe(['*']);
    const leaver = hub.join(left);
    leaver.subscribe(['*']);
    leaver.leave();
    client.unsubscribe(['AAPL']);
    expect(client.symbols()).toEqual(['MSFT']);
    hub.accept('e', ticks(1, 3));
    await until('the others', () => stays.ticks().length === 3);
    expect(bored.frames).toEqual([]);
    expect(left.ticks()).toHaveLength(3);
  });
});

describe('a tick as text', () => {
  test('has what is known and nothing else, prices as decimal text, time to the microsecond', () => {
    hub = createTickHub();
    expect(
      JSON.parse(
        encodeTick({ n: 7, s: 'BRK.B', k: 'q', t: 1_381_152_600_123_456, r: 0, b: 1, bs: 0, a: 167_410_000, as: 2.5 }),
      ),
    ).toEqual({
      type: 'tick',
      n: 7,
      symbol: 'BRK.B',
      kind: 'quote',
      bid: '0.000001',
      bid_size: 0,
      ask: '167.41',
      ask_size: 2.5,
      timestamp: '2013-10-07T13:30:00.123456Z',
    });
    expect(
      JSON.parse(
        encodeTick({
          n: 8,
          s: 'AAPL',
          k: 't',
          t: 1_381_152_600_000_009,
          r: 0,
          p: 5_000_000,
          v: 1,
          b: 4_990_000,
          a: 5_010_000,
        }),
      ),
    ).toEqual({
      type: 'tick',
      n: 8,
      symbol: 'AAPL',
      kind: 'trade',
      price: '5',
      size: 1,
      bid: '4.99',
      ask: '5.01',
      timestamp: '2013-10-07T13:30:00.000009Z',
    });
  });
});

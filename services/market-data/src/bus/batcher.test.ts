import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Tick } from '@papergate/service-kit';
import { Batcher, type BatcherOptions } from './batcher.ts';

const tick = (n: number): Tick => ({ n, s: 'SPY', k: 't', t: 0, r: 0, p: 1, v: 1 });

/** A bus that takes a message only when it is told to. */
function bus(options: Partial<BatcherOptions> = {}) {
  const sent: number[][] = [];
  const waiting: (() => void)[] = [];
  const pressure: boolean[] = [];
  const batcher = new Batcher({
    publish: (ticks) => {
      sent.push(ticks.map(({ n }) => n));
      return new Promise((resolve) => waiting.push(resolve));
    },
    onPressure: (high) => pressure.push(high),
    maxSize: 3,
    highBatches: 4,
    lowBatches: 2,
    ...options,
  });
  const take = async (count = 1): Promise<void> => {
    for (const resolve of waiting.splice(0, count)) resolve();
    await Promise.resolve();
    await Promise.resolve();
  };
  return { batcher, sent, pressure, take };
}

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe('the batcher', () => {
  test('sends a full message at once', () => {
    const { batcher, sent } = bus();
    for (let n = 1; n <= 7; n += 1) batcher.push(tick(n));
    expect(sent).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
  });

  test('sends a lone tick at once, with what the same turn brings, and lets what follows wait two milliseconds', async () => {
    const { batcher, sent, take } = bus();
    batcher.push(tick(1));
    batcher.push(tick(2));
    expect(sent).toEqual([]);
    jest.advanceTimersByTime(0);
    expect(sent).toEqual([[1, 2]]);
    await take();
    batcher.push(tick(3));
    jest.advanceTimersByTime(1);
    batcher.push(tick(4));
    expect(sent).toHaveLength(1);
    jest.advanceTimersByTime(1);
    expect(sent).toEqual([
      [1, 2],
      [3, 4],
    ]);
    await take();
    jest.advanceTimersByTime(100);
    expect(sent).toHaveLength(2);
    batcher.push(tick(5));
    jest.advanceTimersByTime(0);
    expect(sent.at(-1)).toEqual([5]);
  });

  test('while the bus is busy a part-filled message waits for it and grows', async () => {
    const { batcher, sent, take } = bus();
    for (let n = 1; n <= 4; n += 1) batcher.push(tick(n));
    jest.advanceTimersByTime(10);
    expect(sent).toEqual([[1, 2, 3]]);
    batcher.push(tick(5));
    await take();
    expect(sent).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });

  test('holds the source at the high mark and lets it go on at the low one', async () => {
    const { batcher, pressure, take } = bus();
    for (let n = 1; n <= 9; n += 1) batcher.push(tick(n));
    expect([batcher.held, pressure]).toEqual([false, []]);
    for (let n = 10; n <= 15; n += 1) batcher.push(tick(n));
    expect([batcher.held, pressure, batcher.inFlight]).toEqual([true, [true], 5]);
    await take(2);
    expect(batcher.held).toBe(true);
    await take(1);
    expect([batcher.held, pressure]).toEqual([false, [true, false]]);
  });

  test('draining sends the rest and waits until the bus has all of it', async () => {
    const { batcher, sent, take } = bus();
    for (let n = 1; n <= 4; n += 1) batcher.push(tick(n));
    let drained = false;
    const draining = (async () => {
      await batcher.drain();
      drained = true;
    })();
    expect(sent).toEqual([[1, 2, 3], [4]]);
    await take(1);
    expect(drained).toBe(false);
    await take(1);
    await draining;
    await bus().batcher.drain(); // nothing to do
  });
});

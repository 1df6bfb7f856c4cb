import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mergeByTime } from './merge.ts';
import type { MarketTick } from './tick.ts';

function tick(symbol: string, time: number, id: number): MarketTick {
  return { kind: 't', symbol, time, price: 1, size: 1, exchange: 'V', id };
}

async function* batches(ticks: MarketTick[], size: number): AsyncGenerator<MarketTick[]> {
  for (let at = 0; at < ticks.length; at += size) yield ticks.slice(at, at + size);
}

describe('merging by time', () => {
  test('every tick comes out once, sorted, the order of each source and of sources at one instant kept', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat(50), { maxLength: 40 }), { maxLength: 5 }),
        fc.integer({ min: 1, max: 9 }),
        async (times, size) => {
          const sources = times.map((list, index) =>
            [...list].sort((a, b) => a - b).map((time, id) => tick(`S${index}`, time, id)),
          );
          const expected = sources.flat().sort((a, b) => a.time - b.time);
          const merged: MarketTick[] = [];
          for await (const batch of mergeByTime(
            sources.map((source) => batches(source, size)),
            4,
          )) {
            expect(batch.length).toBeLessThanOrEqual(4);
            merged.push(...batch);
          }
          expect(merged).toEqual(expected);
        },
      ),
      { seed: 5 },
    );
  });

  test('sources are closed when the reader leaves early, and when one of them fails', async () => {
    const closed: string[] = [];
    async function* source(name: string, failing: boolean): AsyncGenerator<MarketTick[]> {
      try {
        yield [tick(name, 1, 1), tick(name, 2, 2)];
        if (failing) throw new Error('broken');
        yield [tick(name, 3, 3)];
      } finally {
        closed.push(name);
      }
    }
    for await (const batch of mergeByTime([source('a', false), source('b', false)], 1)) {
      expect(batch).toHaveLength(1);
      break;
    }
    expect(closed.sort()).toEqual(['a', 'b']);
    closed.length = 0;
    const all = async () => {
      for await (const batch of mergeByTime([source('c', true), source('d', false)], 1)) expect(batch).toHaveLength(1);
    };
    await expect(all()).rejects.toThrow('broken');
    expect(closed.sort()).toEqual(['c', 'd']);
  });
});

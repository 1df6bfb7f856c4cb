import { describe, expect, jest, test } from '@jest/globals';
import { SyntheticMarket, syntheticSource } from './synthetic.ts';
import type { MarketTick } from './tick.ts';

const SYMBOLS = ['AAPL', 'MSFT', 'SPY'];

function sequence(seed: number, count = 2000): MarketTick[] {
  const market = new SyntheticMarket(SYMBOLS, seed);
  return [...market.open(0), ...Array.from({ length: count }, (_, index) => market.next(index))];
}

describe('the synthetic market', () => {
  test('a seed gives the same market every time, another seed another', () => {
    expect(sequence(7)).toEqual(sequence(7));
    expect(sequence(7)).not.toEqual(sequence(8));
  });

  test('it opens with a quote and a trade of every symbol', () => {
    expect(new SyntheticMarket(SYMBOLS, 1).open(5).map(({ kind, symbol }) => `${kind} ${symbol}`)).toEqual(
      SYMBOLS.flatMap((symbol) => [`q ${symbol}`, `t ${symbol}`]),
    );
  });

  test('quotes are never crossed, prices are whole cents, trades happen at the quote, sizes are there', () => {
    const last = new Map<string, { bid: number; ask: number }>();
    const wrong = sequence(3, 20_000).filter((tick) => {
      if (tick.kind === 't') {
        const quote = last.get(tick.symbol);
        return (tick.price !== quote?.bid && tick.price !== quote?.ask) || tick.size <= 0;
      }
      last.set(tick.symbol, tick);
      const spread = tick.ask - tick.bid;
      const sizes = [tick.bidSize, tick.askSize];
      return (
        tick.bid <= 0 ||
        tick.bid % 10_000 !== 0 ||
        spread < 20_000 ||
        spread > 100_000 ||
        sizes.some((size) => size < 100 || size % 100 !== 0)
      );
    });
    expect(wrong).toEqual([]);
  });

  test('a long run stays in the region where it began', () => {
    const market = new SyntheticMarket(['AAPL'], 9);
    const first = market.open(0)[0] as MarketTick & { kind: 'q' };
    let [low, high] = [1, 1];
    for (let i = 0; i < 300_000; i += 1) {
      const tick = market.next(i);
      if (tick.kind === 't') continue;
      low = Math.min(low, tick.bid / first.bid);
      high = Math.max(high, tick.bid / first.bid);
    }
    expect(low).toBeGreaterThan(0.8);
    expect(high).toBeLessThan(1.25);
    expect(high - low).toBeGreaterThan(0.001);
  });

  test('ticks come at the rate that was asked for, and a pause is not made up for', async () => {
    jest.useFakeTimers();
    try {
      let now = 0;
      const published: MarketTick[] = [];
      const source = syntheticSource({
        symbols: SYMBOLS,
        seed: 1,
        ticksPerSecond: 200,
        now: () => now,
        publish: (ticks) => published.push(...ticks),
      });
      await source.start();
      expect(published).toHaveLength(6);
      for (let beat = 0; beat < 100; beat += 1) {
        now += 10_000;
        jest.advanceTimersByTime(10);
      }
      expect(published).toHaveLength(206);
      now += 3_600_000_000;
      jest.advanceTimersByTime(10);
      expect(published).toHaveLength(406);
      expect(source.status()).toMatchObject({ running: true, finished: false });
      await source.stop();
      now += 1_000_000;
      jest.advanceTimersByTime(1000);
      expect(published).toHaveLength(406);
    } finally {
      jest.useRealTimers();
    }
  });
});

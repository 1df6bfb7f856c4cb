import { describe, expect, test } from '@jest/globals';
import { START } from '../testing/tape.ts';
import { meanReversion } from './mean-reversion.ts';
import { momentum } from './momentum.ts';
import type { Bar, Decision, Strategy } from '../plugins/plugin.ts';

function bar(index: number, close: number): Bar {
  const price = Math.round(close * 1e6);
  return {
    symbol: 'AAPL',
    start: START + index * 1e6,
    end: START + (index + 1) * 1e6,
    open: price,
    high: price,
    low: price,
    close: price,
    volume: 1,
    trades: 1,
  };
}

function run(strategy: Strategy, closes: readonly number[]): (Decision | undefined)[] {
  return closes.map((close, index) => strategy.onBar?.(bar(index, close)));
}

describe('mean reversion', () => {
  const config = { window: 5, threshold: 1.5 };

  test('it buys a close far below the mean of its window and sells one far above', () => {
    // Of 10, 10, 10, 10, 5: mean 9, population deviation 2, z −2.
    const down = run(meanReversion.create(config), [10, 10, 10, 10, 5]);
    expect(down.slice(0, 4)).toEqual([undefined, undefined, undefined, undefined]);
    expect(down[4]).toEqual({ side: 'buy', reason: 'close 5 is 2.00 deviations below the mean 9.0000 of 5 bars' });
    const up = run(meanReversion.create(config), [10, 10, 10, 10, 15]);
    expect(up[4]).toEqual({ side: 'sell', reason: 'close 15 is 2.00 deviations above the mean 11.0000 of 5 bars' });
  });

  test('it shows mean, deviation and z, and null before the window is full', () => {
    const strategy = meanReversion.create(config);
    run(strategy, [10, 10, 10, 10]);
    expect(strategy.indicators()).toEqual({ mean: null, deviation: null, z: null });
    strategy.onBar(bar(4, 5));
    expect(strategy.indicators()).toEqual({ mean: 9, deviation: 2, z: -2 });
  });

  test('exactly the threshold is not beyond it', () => {
    const strategy = meanReversion.create({ ...config, threshold: 2 });
    expect(run(strategy, [10, 10, 10, 10, 5])[4]).toBeUndefined();
  });

  test('a flat window gives nothing, also where rounding leaves a trace of deviation', () => {
    const flat = Array.from({ length: 50 }, () => 167.41);
    expect(run(meanReversion.create(config), flat).every((decision) => decision === undefined)).toBe(true);
  });

  test('a threshold that no window of that length can reach is refused with the largest possible one', () => {
    expect(meanReversion.check?.({ ...config, window: 10, threshold: 3 })).toContain(
      'threshold 3 can never be reached: with a window of 10 no close is 3.00',
    );
    expect(meanReversion.check?.({ ...config, window: 10, threshold: 2.99 })).toBeUndefined();
  });

  test('the bound of that check is the true one: the largest outlier comes just below it', () => {
    const strategy = meanReversion.create({ ...config, window: 10, threshold: 2.999 });
    const decisions = run(strategy, [1, 1, 1, 1, 1, 1, 1, 1, 1, 100]);
    expect(decisions[9]).toMatchObject({ side: 'sell' });
  });
});

describe('momentum', () => {
  const config = { window: 3, threshold: 1 };

  test('it buys what rose by more than the threshold over the window and sells what fell', () => {
    const decisions = run(momentum.create(config), [100, 100, 100, 102, 101, 97]);
    expect(decisions.slice(0, 3)).toEqual([undefined, undefined, undefined]);
    expect(decisions[3]).toEqual({ side: 'buy', reason: 'close 102 is up 2.000 % over 3 bars' });
    expect(decisions[4]).toBeUndefined(); // 1 % is the threshold itself
    expect(decisions[5]).toEqual({ side: 'sell', reason: 'close 97 is down 3.000 % over 3 bars' });
  });

  test('it shows the rate of change in percent, null before the window is full', () => {
    const strategy = momentum.create(config);
    run(strategy, [100, 100, 100]);
    expect(strategy.indicators()).toEqual({ rate_of_change_percent: null });
    strategy.onBar(bar(3, 150));
    expect(strategy.indicators()).toEqual({ rate_of_change_percent: 50 });
  });
});

import { SMA } from 'trading-signals';
import type { StrategyDefinition } from './strategy.ts';

/** Buys a close above the highest, sells one below the lowest of the `window` bars before it, and only with the trend. */
export const breakout: StrategyDefinition = {
  create({ window, threshold }) {
    const trend = new SMA(window);
    const closes: number[] = [];
    return {
      onBar({ close }) {
        const price = close / 1e6;
        const before = closes.slice(-window);
        closes.push(price);
        if (closes.length > window) closes.shift();
        const mean = trend.add(price);
        if (mean === null || before.length < window) return undefined;
        const margin = 1 + threshold / 100;
        if (price > Math.max(...before) * margin && price > mean) {
          return { side: 'buy', reason: `close ${price} is above the high of ${window} bars` };
        }
        if (price < Math.min(...before) / margin && price < mean) {
          return { side: 'sell', reason: `close ${price} is below the low of ${window} bars` };
        }
        return undefined;
      },
      indicators: () => ({ mean: trend.isStable ? trend.getResult() : null }),
    };
  },
};

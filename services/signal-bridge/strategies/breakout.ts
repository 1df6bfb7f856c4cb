import { SMA } from 'trading-signals';
import { Type, type Static } from 'typebox';
import type { StrategyPlugin } from '@papergate/signal-bridge/plugin';

const Parameters = Type.Object(
  {
    window: Type.Integer({ minimum: 2, maximum: 10_000, description: 'bars that make the range' }),
    margin_percent: Type.Number({
      minimum: 0,
      maximum: 100,
      description: 'how far beyond the range a close has to be',
    }),
  },
  { additionalProperties: false },
);

/** Buys a close above the highest, sells one below the lowest of the `window` bars before it, and only with the trend. */
export default {
  interface: 1,
  parameters: Parameters,
  memory: ({ window }) => window,
  create({ window, margin_percent: percent }) {
    const trend = new SMA(window);
    const closes: number[] = [];
    const margin = 1 + percent / 100;
    return {
      onBar({ close }) {
        const price = close / 1e6;
        const before = closes.slice(-window);
        closes.push(price);
        if (closes.length > window) closes.shift();
        const mean = trend.add(price);
        if (mean === null || before.length < window) return undefined;
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
} satisfies StrategyPlugin<Static<typeof Parameters>>;

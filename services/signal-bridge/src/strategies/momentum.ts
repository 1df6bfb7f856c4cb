import { ROC } from 'trading-signals';
import type { StrategyPlugin } from '../plugins/plugin.ts';
import { WindowAndThreshold } from './parameters.ts';

/** Momentum: a close that rose by more than `threshold` percent over `window` bars is bought, one that fell so is sold. */
export const momentum = {
  interface: 1,
  parameters: WindowAndThreshold,
  memory: ({ window }) => window,
  create({ window, threshold }) {
    const rate = new ROC(window);
    let percent: number | null = null;
    return {
      onBar({ close }) {
        const result = rate.add(close / 1e6);
        percent = result === null ? null : result * 100;
        if (percent === null || Math.abs(percent) <= threshold) return undefined;
        return {
          side: percent > 0 ? 'buy' : 'sell',
          reason: `close ${close / 1e6} is ${percent > 0 ? 'up' : 'down'} ${Math.abs(percent).toFixed(3)} % over ${window} bars`,
        };
      },
      indicators: () => ({ rate_of_change_percent: percent }),
    };
  },
} satisfies StrategyPlugin<WindowAndThreshold>;

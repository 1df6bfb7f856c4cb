import { BollingerBands } from 'trading-signals';
import type { StrategyPlugin } from '../plugins/plugin.ts';
import { WindowAndThreshold } from './parameters.ts';

/**
 * Mean reversion: a close far below its mean is bought, far above it is sold, "far" being `threshold`
 * standard deviations of the last `window` closes, the present one among them (the z-score behind Bollinger's
 * bands). A flat window has no deviation and gives nothing.
 *
 * It does not know what is held. Buying back what was sold, refusing a short, not adding to a position:
 * that is for risk and execution.
 */
export const meanReversion = {
  interface: 1,
  parameters: WindowAndThreshold,
  memory: ({ window }) => window,

  check({ window, threshold }) {
    // One outlier among n equal values stands (n − 1)/√n · √(n/(n − 1)) = √(n − 1) deviations from their mean.
    const largest = Math.sqrt(window - 1);
    if (threshold < largest) return undefined;
    return `threshold ${threshold} can never be reached: with a window of ${window} no close is ${largest.toFixed(2)} or more standard deviations from the mean`;
  },

  create({ window, threshold }) {
    const bands = new BollingerBands(window, 1);
    let z: number | null = null;
    return {
      onBar({ close }) {
        const price = close / 1e6;
        const result = bands.add(price);
        z = null;
        if (result === null) return undefined;
        const deviation = result.upper - result.middle;
        // Rounding leaves a flat window with a deviation of some 1e-15 of the price.
        if (deviation <= price * 1e-12) return undefined;
        z = (price - result.middle) / deviation;
        if (Math.abs(z) <= threshold) return undefined;
        const side = z < 0 ? 'buy' : 'sell';
        return {
          side,
          reason: `close ${price} is ${Math.abs(z).toFixed(2)} deviations ${z < 0 ? 'below' : 'above'} the mean ${result.middle.toFixed(4)} of ${window} bars`,
        };
      },
      indicators() {
        const result = bands.isStable ? bands.getResult() : null;
        return {
          mean: result?.middle ?? null,
          deviation: result === null ? null : result.upper - result.middle,
          z,
        };
      },
    };
  },
} satisfies StrategyPlugin<WindowAndThreshold>;

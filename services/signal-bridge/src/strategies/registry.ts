import { meanReversion } from './mean-reversion.ts';
import { momentum } from './momentum.ts';
import type { StrategyRegistry } from './strategy.ts';

/** Every strategy that a configuration may name. README.md shows how to add one. */
export const STRATEGIES: StrategyRegistry = {
  mean_reversion: meanReversion,
  momentum,
};

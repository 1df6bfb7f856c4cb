import type { StrategyKind } from '@papergate/config';
import { meanReversion } from './mean-reversion.ts';
import { momentum } from './momentum.ts';

/** What a configuration may name as `kind`: plug-ins like any other, except that they come along. */
export const BUILT_IN: Readonly<Record<StrategyKind, object>> = {
  mean_reversion: meanReversion,
  momentum,
};

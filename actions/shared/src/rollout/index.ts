export {
  loadRolloutPlan,
  planOf,
  ROLLOUT_CONFIG_FILE,
  type RolloutConfig,
  type RolloutPlan,
  type RolloutStage,
} from './config.ts';
export { monotonic, type RolloutClock } from './clock.ts';
export { looker, type LookOptions } from './look.ts';
export { rollOut, type RolloutEvent, type RollOutOptions, type RollOutOutcome, type RolloutStep } from './roll-out.ts';
export { scopeApi, symbolWords, type OrderScope, type ScopeApi, type WantedScope } from './scope.ts';
export type { Facts, Sight } from './sight.ts';

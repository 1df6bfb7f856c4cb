export {
  defaultGateConfig,
  GATE_CONFIG_FILE,
  GateConfigSchema,
  loadGateConfig,
  readGateConfig,
  type GateConfig,
} from './config.ts';
export { decideProduction, type ProductionDecision, type Reason, type RuleOutcome } from './decide.ts';
export { gitHubTime, type GitHubTimeOptions, type PromotionGitHub } from './github.ts';
export { openPrometheus, type PrometheusOptions, type PrometheusReader } from './prometheus/client.ts';
export { gatePlace, recordDecision } from './record.ts';
export { RULES as PRODUCTION_RULES } from './rules/index.ts';
export {
  MOMENTS,
  ON_CALL_SCHEMA,
  RULE_NAMES,
  type GateContext,
  type GateFiles,
  type Moment,
  type OnCall,
  type RuleName,
} from './types.ts';
export { readWaivers, type Waiver } from './waivers.ts';
export { gateFiles, type GateFileOptions } from './files.ts';

export { ConfigError, type ConfigProblem } from './problems.ts';
export { readTextFile, MAX_CONFIG_BYTES } from './read.ts';
export { parseJsonFile } from './json.ts';
export { parseTomlFile } from './toml.ts';
export { checkShape } from './shape.ts';
export { loadSystemConfig } from './system.ts';
export { checkRiskLimitsOfRelease, loadRiskLimits } from './risk-limits.ts';
export { nearest } from './nearest.ts';

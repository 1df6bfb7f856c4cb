export * from './types.ts';
export { checkCredentials, assertCredentials, refusal } from './check.ts';
export { collectScanFiles, readSecretFiles, SCAN_LIMITS, type ScanLimits } from './files.ts';
export { demoPaperCredentials, type DemoCredentials } from './demo.ts';
export { POLICY_RULES } from './rules/index.ts';
export type { Rule } from './rules/rule.ts';
export { DATA_STREAM_HOST, isLoopbackHost, LIVE_HOST, PAPER_HOST } from './hosts.ts';
export { PROBE_RULES, probeCredentials, type ProbeInput } from './probe/probe.ts';
export type { Fetch, ProbeTools } from './probe/ask.ts';

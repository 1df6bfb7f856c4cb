export { runSmoke, type Report, type SmokeOptions } from './smoke.ts';
export { parseOptions, SERVICES, USAGE, type Options, type Service, type Targets } from './options.ts';
export type { Result } from './runner.ts';
export { lineOf, summaryOf } from './print.ts';

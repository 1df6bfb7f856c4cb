import type { OrderScope } from './scope.ts';

/** Figures that only grow while a service runs; over all services together. */
export const COUNTERS = [
  'error_log_lines',
  'orders_rejected',
  'orders_refused',
  'orders_unknown',
  'reconciliation_differences',
  'reconciliations_failed',
] as const;
export type Counter = (typeof COUNTERS)[number];

/** What a whole look has seen. */
export interface Facts {
  /** How often services were started again, as the place counts. */
  restarts: number;
  /** When each service's process began, seconds since 1970. */
  starts: Readonly<Record<string, number>>;
  counters: Readonly<Record<Counter, number>>;
  /** Seconds since the last tick. */
  staleness: number;
  /** Orders answered, by the upper bound of their time in seconds; each bound counts those below it too. */
  orderSeconds: ReadonlyMap<number, number>;
  tradingState: string;
  scope: OrderScope;
  /** Alerts that fire, of the severities that are looked at. */
  alerts: readonly string[];
}

/** One look at a release that is being let at the market. */
export interface Sight {
  /** What does not answer or is not ready: may pass, and counts as wrong where it does not. */
  lacking: readonly string[];
  /** Another release runs: then nothing of it is ours to judge, or to undo. */
  foreign?: string;
  /** Undefined where anything of it was not to be had. */
  facts?: Facts;
}

/**
 * What a run sends and what must hold, read from `plan.json`: the same file from which the load stage
 * reckons how many answers it has to see.
 */
import { env, number, oneOf } from './env.ts';

export interface Plan {
  profiles: Record<'quick' | 'full', { warmup_s: number; main_s: number }>;
  load: {
    'market-data-flood': { ticks_per_second: number };
    'order-stress': { orders_per_round: number; rounds_per_second: number };
    'database-throughput': { writes_per_second: number; reads_per_second: number };
    'websocket-concurrency': { connections: number; pings_per_second: number; probes_per_second: number };
  };
  floors: {
    'market-data-flood': { accepted_percent: number; median_ms: number };
    'order-stress': { success_percent: number; mean_ms: number; p99_ms: number; settled_percent: number };
    'database-throughput': {
      write_success_percent: number;
      write_median_ms: number;
      read_success_percent: number;
      read_median_ms: number;
    };
    'websocket-concurrency': {
      connect_percent: number;
      stay_percent: number;
      message_median_ms: number;
      message_percent: number;
    };
  };
}

export const plan = JSON.parse(open('../../plan.json')) as Plan;

const profile = plan.profiles[oneOf('PROFILE', ['quick', 'full'], 'quick')];

/** Lengths of the two phases in seconds. `WARMUP_SECONDS` and `MAIN_SECONDS` are for trying a suite out. */
export const warmupSeconds = number('WARMUP_SECONDS', profile.warmup_s);
export const mainSeconds = number('MAIN_SECONDS', profile.main_s);

/** `RATE_SCALE` (0…1] thins the load for trying a suite out; the load stage never sets it. */
export function scaled(rate: number): number {
  return Math.max(1, Math.round(rate * number('RATE_SCALE', 1)));
}

export const MAIN = 'main';

/** A constant-arrival-rate scenario for each phase: iterations start when they are due, answered or not. */
export function phases(exec: string, perSecond: number, vus: number) {
  // k6 takes no scenario below a second.
  const warmupMs = Math.max(1000, Math.round((warmupSeconds * 2000) / 3));
  const graceMs = Math.round(warmupSeconds * 300);
  const common = { executor: 'constant-arrival-rate', timeUnit: '1s', exec, preAllocatedVUs: vus } as const;
  return {
    [`warmup_${exec}`]: {
      ...common,
      rate: Math.max(1, Math.round(perSecond / 2)),
      // Over, and its last iteration ended or cut off, before the main phase begins: k6 hands the VUs on, and cutting off
      // an iteration of the warm-up once the main phase has begun cuts off one of its iterations as well.
      duration: `${warmupMs}ms`,
      gracefulStop: `${graceMs}ms`,
    },
    [`${MAIN}_${exec}`]: {
      ...common,
      rate: perSecond,
      // Half a beat long, so that the last planned iteration still starts when k6 itself is late. What starts beyond
      // the plan is not counted: see isPlanned.
      duration: `${Math.round(mainSeconds * 1000 + 500 / perSecond)}ms`,
      startTime: `${Math.max(warmupSeconds * 1000, warmupMs + graceMs)}ms`,
      gracefulStop: '10s',
    },
  };
}

/** "At least `percent` of `planned`", as a count: dropped and unanswered ones are missing from it, and so fail it. */
export function atLeast(percent: number, planned: number): string {
  return `count>=${Math.floor((planned * percent) / 100)}`;
}

export function isMain(scenario: string): boolean {
  return scenario.startsWith(MAIN);
}

/** Of the main phase and within its plan: an iteration more must not stand in for one that is missing. */
export function isPlanned(scenario: string, iteration: number, perSecond: number): boolean {
  return isMain(scenario) && iteration < perSecond * mainSeconds;
}

/** Options that all suites share: few tags, since each sample is also written to the time series. */
export const common = {
  systemTags: ['scenario'] as const,
  summaryTrendStats: ['count', 'min', 'avg', 'med', 'p(90)', 'p(95)', 'p(99)', 'max'],
  setupTimeout: '30s',
  userAgent: env('USER_AGENT', 'papergate-loadtests'),
};

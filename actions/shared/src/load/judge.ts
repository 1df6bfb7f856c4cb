import type { Check } from '../evidence/index.ts';
import type { LatencyFloor, Load, ShareFloor, Suite } from './suites.ts';
import type { Summary, SummaryOrReason } from './summary.ts';

/** How k6 ended, by its exit code: 99 says that a threshold was crossed, anything else that the test itself broke. */
export type Verdict = 'held' | 'too slow' | 'broke';

const THRESHOLDS_CROSSED = 99;

export function verdictOf(code: number | undefined): Verdict {
  if (code === 0) return 'held';
  return code === THRESHOLDS_CROSSED ? 'too slow' : 'broke';
}

export interface Judged {
  suite: Suite;
  /** Of the plan: per second, and seconds of the main phase. */
  load: Load;
  seconds: number;
  exitCode: number | undefined;
  endedBy: string | undefined;
  stderrTail: readonly string[];
  summary: SummaryOrReason;
}

/** The checks of one suite: k6's own verdict, the load's size, and each floor again from the numbers themselves. */
export function judge(run: Judged): Check[] {
  const { suite, summary } = run;
  const named = (check: Check): Check => ({ ...check, name: `${suite.name}: ${check.name}` });
  const checks = [verdictCheck(run), loadCheck(run)];
  if ('reason' in summary) {
    checks.push({ name: 'k6 summary', status: 'failed', observed: 'none', limit: 'readable', detail: summary.reason });
  } else {
    for (const floor of suite.floors) {
      checks.push(floor.kind === 'share' ? shareCheck(floor, run, summary) : latencyCheck(floor, run, summary));
    }
  }
  return checks.map(named);
}

function verdictCheck({ exitCode, endedBy, stderrTail }: Judged): Check {
  const verdict = verdictOf(exitCode);
  const end = exitCode === undefined ? `ended by ${endedBy ?? 'a signal'}` : `exit ${exitCode}`;
  const check: Check = {
    name: 'k6 verdict',
    status: 'failed',
    observed: `${verdict} (${end})`,
    limit: 'held (exit 0)',
  };
  switch (verdict) {
    case 'held':
      return { ...check, status: 'passed' };
    case 'too slow':
      return { ...check, detail: 'k6 measured well and the bundle did not hold the thresholds' };
    default:
      return { ...check, detail: `the test itself broke, so nothing is proven: ${stderrTail.slice(-3).join(' ')}` };
  }
}

function loadCheck({ suite, load }: Judged): Check {
  const short = Object.entries(suite.atLeast).filter(([key, least]) => !((load[key] ?? 0) >= least));
  return {
    name: 'planned load',
    status: short.length === 0 ? 'passed' : 'failed',
    observed: Object.keys(suite.atLeast)
      .map((key) => `${key} ${load[key] ?? 'missing'}`)
      .join(', '),
    limit: Object.entries(suite.atLeast)
      .map(([key, least]) => `${key} >= ${least}`)
      .join(', '),
  };
}

function shareCheck(floor: ShareFloor, { load, seconds }: Judged, summary: Summary): Check {
  const planned = floor.planned(load, seconds);
  const count = summary.get(floor.metric)?.['count'];
  const base = { name: floor.name, limit: `>= ${floor.min}`, unit: '%' };
  if (count === undefined || !(planned > 0)) return { ...base, status: 'failed', ...nothing(floor.metric) };
  // An arrival-rate scenario may start one iteration more than rate × seconds.
  const percent = Math.min(100, (100 * count) / planned);
  return {
    ...base,
    status: percent >= floor.min ? 'passed' : 'failed',
    observed: round(percent),
    detail: `${count} of ${planned}`,
  };
}

function latencyCheck(floor: LatencyFloor, { load, seconds }: Judged, summary: Summary): Check {
  const stats = summary.get(floor.metric);
  const value = stats?.[floor.stat];
  const samples = stats?.['count'] ?? 0;
  const needed = Math.floor((floor.planned(load, seconds) * floor.minSamplesPercent) / 100);
  const base = { name: floor.name, limit: `<= ${floor.max}`, unit: 'ms' };
  if (value === undefined || !(needed > 0) || samples === 0)
    return { ...base, status: 'failed', ...nothing(floor.metric) };
  if (samples < needed) {
    const detail = `only ${samples} samples, ${needed} needed: what is missing may be the slow part`;
    return { ...base, status: 'failed', observed: round(value), detail };
  }
  return {
    ...base,
    status: value <= floor.max ? 'passed' : 'failed',
    observed: round(value),
    detail: `${samples} samples`,
  };
}

function nothing(metric: string): Pick<Check, 'observed' | 'detail'> {
  return { observed: 'nothing', detail: `k6 reported no value of ${metric}` };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

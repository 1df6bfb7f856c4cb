import type { Check } from '../evidence/index.ts';
import type { RolloutLimits, RolloutStage } from './config.ts';
import { sameSymbols, symbolWords } from './scope.ts';
import { COUNTERS, type Counter, type Facts } from './sight.ts';

/** Fewer orders than this have no 99th percentile that says anything. */
const LEAST_ORDERS = 20;

const NAMES: Readonly<Record<Counter, string>> = {
  error_log_lines: 'lines of errors in the logs',
  orders_rejected: 'orders rejected by the broker',
  orders_refused: 'orders refused by our own checks',
  orders_unknown: 'orders of unknown outcome',
  reconciliation_differences: 'differences from the broker’s book',
  reconciliations_failed: 'comparisons with the broker that failed',
};

/** Everything that has to hold in a step, with what was seen of it since the step began. Pure. */
export function judge(since: Facts, now: Facts, stage: RolloutStage, limits: RolloutLimits): Check[] {
  return [
    of('trading state', now.tradingState === 'ACTIVE', now.tradingState, 'ACTIVE'),
    scopeCheck(now, stage),
    atMost('services that started again', restarts(since, now), limits.service_restarts),
    ...COUNTERS.map((name) => atMost(NAMES[name], grown(since.counters[name], now.counters[name]), limits[name])),
    ...stalenessCheck(now, limits),
    ...latencyCheck(since, now, limits),
    ...alertCheck(now, limits),
  ];
}

function of(name: string, holds: boolean, observed: string | number, limit: string, unit?: string): Check {
  return { name, status: holds ? 'passed' : 'failed', observed, limit, ...(unit === undefined ? {} : { unit }) };
}

const atMost = (name: string, found: number, limit: number, unit?: string): Check =>
  of(name, found <= limit, found, `<= ${limit}`, unit);

/** A counter that is smaller than before began anew with its process: all that it has is of this step. */
const grown = (before: number, now: number): number => (now < before ? now : now - before);

function restarts(since: Facts, now: Facts): number {
  const counted = Math.max(0, now.restarts - since.restarts);
  const begun = Object.entries(now.starts).filter(([service, at]) => since.starts[service] !== at);
  return Math.max(counted, begun.length);
}

function scopeCheck({ scope }: Facts, { name, symbols }: RolloutStage): Check {
  const holds = scope.stage === name && sameSymbols(scope.symbols, symbols) && sameSymbols(scope.effective, symbols);
  const seen = `${scope.stage}: ${symbolWords(scope.effective)}${sameSymbols(scope.effective, scope.symbols) ? '' : ', expired'}`;
  return {
    ...of('order scope', holds, seen, `${name}: ${symbolWords(symbols)}`),
    ...(holds ? {} : { detail: `set by ${scope.set_by}: ${scope.reason}` }),
  };
}

function stalenessCheck({ staleness }: Facts, { market_staleness_seconds: limit }: RolloutLimits): Check[] {
  if (limit === false) return [];
  return [atMost('time since the last tick', Math.round(staleness * 10) / 10, limit, 's')];
}

function latencyCheck(since: Facts, now: Facts, { order_latency_p99_ms: limit }: RolloutLimits): Check[] {
  if (limit === false) return [];
  const { count, seconds } = percentile(since.orderSeconds, now.orderSeconds, 0.99);
  const name = 'time from an order to its answer, p99';
  if (count < LEAST_ORDERS) {
    return [
      { ...of(name, true, `${count} orders`, `<= ${limit}`, 'ms'), detail: `too few to tell, below ${LEAST_ORDERS}` },
    ];
  }
  return [atMost(name, Math.round(seconds * 1000), limit, 'ms')];
}

/** Of the orders that came between two looks: the least bound that so many of them are below. */
function percentile(
  before: Facts['orderSeconds'],
  now: Facts['orderSeconds'],
  share: number,
): { count: number; seconds: number } {
  const isAnew = (now.get(Infinity) ?? 0) < (before.get(Infinity) ?? 0);
  const bounds = [...now]
    .map(([bound, value]) => [bound, isAnew ? value : value - (before.get(bound) ?? 0)] as const)
    .toSorted(([one], [other]) => one - other);
  const count = bounds.at(-1)?.[1] ?? 0;
  const seconds = bounds.find(([, value]) => value >= share * count)?.[0] ?? 0;
  return { count, seconds };
}

function alertCheck({ alerts }: Facts, { alert_severities: severities }: RolloutLimits): Check[] {
  if (severities.length === 0) return [];
  return [of(`alerts (${severities.join(', ')})`, alerts.length === 0, alerts.join(', ') || 'none', 'none')];
}

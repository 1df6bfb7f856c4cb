import { messageOf, type Secret } from '@papergate/config';
import type { DeliveryTarget } from '../deliver/types.ts';
import type { ServiceUrls } from '../evidence/index.ts';
import type { Manifest } from '../release/manifest.ts';
import { parseMetrics, sumOf, type Sample } from './exposition.ts';
import { scopeApi } from './scope.ts';
import type { Counter, Facts, Sight } from './sight.ts';

export interface LookOptions {
  target: Pick<DeliveryTarget, 'observe' | 'order'>;
  /** What has to run. */
  manifest: Manifest;
  urls: ServiceUrls;
  token: Secret | undefined;
  /** Alerts that fire; undefined where no Prometheus runs beside the bundle. */
  alerts: ((signal: AbortSignal) => Promise<string[]>) | undefined;
}

const PATIENCE_MS = 5_000;
/** What its own checks refuse because of the roll-out itself. */
const OUTSIDE = 'OUTSIDE_ROLLOUT';

/** Looks at a bundle: every service, its metrics, the trading state, the order scope. Changes nothing. */
export function looker(options: LookOptions): (signal: AbortSignal) => Promise<Sight> {
  const { target, manifest, urls, token, alerts } = options;
  const scope = scopeApi({ url: urls['risk-manager'] ?? '', token });
  return async (signal) => {
    const lacking: string[] = [];
    const tried = async <T>(what: string, ask: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await ask();
      } catch (error) {
        signal.throwIfAborted();
        lacking.push(`${what}: ${reasonOf(error)}`);
        return undefined;
      }
    };
    const [observed, scrapes, tradingState, found, firing] = await Promise.all([
      tried('the place', () => target.observe()),
      Promise.all(
        target.order.map(async (name) => {
          const samples = await tried(`metrics of ${name}`, () => scrape(urls[name], token, signal));
          return samples === undefined ? undefined : ([name, samples] as const);
        }),
      ),
      tried('trading state', () => stateOf(urls['orchestrator'], token, signal)),
      tried('order scope', () => scope.read(signal)),
      alerts === undefined ? [] : tried('Prometheus', () => alerts(signal)),
    ]);
    const running = observed?.manifestDigest;
    if (running !== undefined && running !== manifest.digest) {
      return { lacking, foreign: `${running} runs there, and ${manifest.digest} is rolled out` };
    }
    if (found !== undefined && found.release !== manifest.commit) {
      return { lacking, foreign: `risk-manager is of ${found.release}, and ${manifest.commit} is rolled out` };
    }
    if (observed !== undefined && running === undefined) lacking.push('not all services are of this release');
    for (const { service, ready, detail } of observed?.services ?? [])
      if (!ready) lacking.push(`${service} is not ready${detail === undefined ? '' : `: ${detail}`}`);
    const all = new Map(scrapes.filter((one) => one !== undefined));
    const market = all.get('market-data') ?? [];
    const staleness = sumOf(market, 'papergate_market_staleness_seconds');
    if (all.has('market-data')) lacking.push(...marketLacks(market, staleness));
    const isWhole =
      observed !== undefined &&
      all.size === target.order.length &&
      tradingState !== undefined &&
      found !== undefined &&
      firing !== undefined &&
      staleness !== undefined;
    if (!isWhole) return { lacking };
    const facts: Facts = {
      restarts: observed.services.reduce((sum, { restarts }) => sum + restarts, 0),
      starts: startsOf(all),
      counters: countersOf(all),
      staleness,
      orderSeconds: bucketsOf(all.get('orchestrator') ?? []),
      tradingState,
      scope: found,
      alerts: firing,
    };
    return { lacking, facts };
  };
}

async function get(
  url: string | undefined,
  path: string,
  token: Secret | undefined,
  signal: AbortSignal,
): Promise<Response> {
  if (url === undefined) throw new Error('it has no address');
  const answer = await fetch(`${url.replace(/\/+$/, '')}${path}`, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` },
    signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]),
    redirect: 'error',
  });
  if (answer.status === 200) return answer;
  await answer.body?.cancel();
  throw new Error(`it answered ${answer.status}`);
}

async function scrape(url: string | undefined, token: Secret | undefined, signal: AbortSignal): Promise<Sample[]> {
  return parseMetrics(await (await get(url, '/metrics', token, signal)).text());
}

/** @throws Error where nobody knows it */
async function stateOf(url: string | undefined, token: Secret | undefined, signal: AbortSignal): Promise<string> {
  const answer = await get(url, '/api/v1/circuit-breaker/status', token, signal);
  const { state, known } = (await answer.json()) as { state?: unknown; known?: unknown };
  if (typeof state === 'string' && known !== false) return state;
  throw new Error('the front door does not know it');
}

function marketLacks(market: readonly Sample[], staleness: number | undefined): string[] {
  const connected = sumOf(market, 'papergate_market_upstream_connected');
  if (connected !== 1) return ['market data: the connection to the exchange is down'];
  return staleness === undefined || staleness < 0 ? ['market data: no tick yet'] : [];
}

type Scrapes = ReadonlyMap<string, readonly Sample[]>;

function startsOf(all: Scrapes): Record<string, number> {
  return Object.fromEntries(
    [...all].map(([name, samples]) => [name, sumOf(samples, 'papergate_process_start_time_seconds') ?? 0]),
  );
}

/** A counter with labels has no series before it first counts. */
function countersOf(all: Scrapes): Record<Counter, number> {
  const engine = all.get('execution-engine') ?? [];
  const sum = (name: string, wanted?: (labels: Sample['labels']) => boolean): number =>
    sumOf(engine, `papergate_${name}`, wanted) ?? 0;
  return {
    error_log_lines: [...all.values()].reduce(
      (lines, samples) =>
        lines +
        (sumOf(samples, 'papergate_log_lines_total', (labels) =>
          ['error', 'fatal'].includes(labels.get('level') ?? ''),
        ) ?? 0),
      0,
    ),
    orders_rejected: sum('orders_total', (labels) => labels.get('status') === 'rejected'),
    orders_refused: sum('order_refusals_total', (labels) => labels.get('code') !== OUTSIDE),
    orders_unknown: sum('order_unknown_outcomes_total'),
    reconciliation_differences: sum('reconciliation_differences_total'),
    reconciliations_failed: sum('reconciliation_rounds_total', (labels) => labels.get('result') === 'failed'),
  };
}

function bucketsOf(orchestrator: readonly Sample[]): Map<number, number> {
  const found = new Map<number, number>();
  for (const { name, labels, value } of orchestrator) {
    if (name !== 'papergate_front_door_order_seconds_bucket') continue;
    const le = labels.get('le') ?? '';
    const bound = le === '+Inf' ? Infinity : Number(le);
    found.set(bound, (found.get(bound) ?? 0) + value);
  }
  return found;
}

function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: string } };
  return cause?.code ?? messageOf(error);
}

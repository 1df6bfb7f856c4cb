import { randomBytes, randomInt } from 'node:crypto';
import type { Secret } from '@papergate/config';
import { checkBreaker } from './checks/breaker.ts';
import { checkOrder, closePosition } from './checks/orders.ts';
import { checkProduction } from './checks/production.ts';
import {
  checkConfiguration,
  checkDashboardPage,
  checkHealth,
  checkMetrics,
  checkOrchestration,
  checkReadiness,
} from './checks/services.ts';
import { checkTick } from './checks/ticks.ts';
import { createHttp } from './client/http.ts';
import type { Context } from './context.ts';
import type { Targets } from './options.ts';
import { createRunner, type Result } from './runner.ts';

export interface SmokeOptions {
  targets: Targets;
  token?: Secret | undefined;
  /** How long anything that has to happen may take, ms. */
  patienceMs: number;
  /** It is production: only looks. */
  production?: boolean;
  signal?: AbortSignal;
  onResult?: (result: Result) => void;
}

export interface Report {
  /** False where no service answered at all: then nothing is known about the bundle. */
  reached: boolean;
  results: readonly Result[];
}

const REQUEST_MS = 10_000;
/** Where no configuration says which symbols are traded. */
const FALLBACK = { symbol: 'AAPL', price: '100' } as const;

/** Looks at a deployed bundle from outside. It leaves it as it was: the position closed, the breaker reset. */
export async function runSmoke(options: SmokeOptions): Promise<Report> {
  const { targets, token, patienceMs, production = false, onResult = () => undefined } = options;
  const { signal = new AbortController().signal } = options;
  const runner = createRunner(onResult);
  const context: Context = {
    targets,
    token,
    http: createHttp(token, Math.min(REQUEST_MS, patienceMs)),
    runner,
    patienceMs,
    production,
    signal,
    // A size that no market and no other run makes, in the range of every integer type.
    run: { id: randomBytes(6).toString('hex'), number: randomInt(10_000_001, 99_999_999) },
  };

  const reached = await checkHealth(context);
  if (!reached) return { reached, results: runner.results };
  await checkReadiness(context);
  const configured = await checkConfiguration(context);
  await checkMetrics(context);
  await checkDashboardPage(context);
  await checkOrchestration(context);
  signal.throwIfAborted();
  if (production) {
    await checkProduction(context);
    return { reached, results: runner.results };
  }
  if (configured.isLive) {
    refuseLive(context);
    return { reached, results: runner.results };
  }

  const symbol = configured.symbol ?? FALLBACK.symbol;
  const placed = await checkOrder(context, symbol);
  try {
    await checkTick(context, symbol, placed?.price ?? FALLBACK.price);
    signal.throwIfAborted();
    await checkBreaker(context, symbol);
  } finally {
    // Also after an abort: what was bought is given back.
    await closePosition({ ...context, signal: new AbortController().signal }, placed);
  }
  signal.throwIfAborted();
  return { reached, results: runner.results };
}

/** Whoever called it production by another name meant something else: nothing is sent to a market with real money. */
function refuseLive({ runner }: Context): void {
  const expected = 'a bundle on paper, or --production';
  for (const group of ['order', 'tick', 'breaker'])
    runner.notTried(`${group}: not in production`, expected, 'this bundle trades with real money');
}

import { setTimeout as delay } from 'node:timers/promises';
import { ExternalError } from '@papergate/config';
import { differences, totalOf, type Counted, type SumsBySymbol } from './completeness.ts';
import { startBundle } from './start.ts';

export interface ReplayOptions {
  root: string;
  /** State folder of the bundle; the caller's own. */
  home: string;
  /** LEAN files, or folders of them. */
  paths: string[];
  symbols: string[];
  /** 1: the day's own pace; 0: as fast as the bundle takes it. */
  speed: number;
  /** Times of day in New York, HH:MM[:SS]. */
  from?: string;
  to?: string;
  progress: (line: string) => void;
}

export interface ReplayProof {
  ticks: number;
  /** From the start of the replay until the exchange had sent all of it, s. */
  sent_seconds: number;
  /** Until the last tick was committed in the database, s. */
  stored_seconds: number;
  ticks_per_second: number;
  /** Largest number of ticks that were sent and not yet committed, of what was seen twice a second. */
  largest_backlog: number;
  signals: number;
  fills: number;
  /** Empty when exchange, market-data and database agree in every count and sum. */
  differences: string[];
}

interface SimStatus {
  waiting: string | null;
  finished: boolean;
  sent: { total: number; by_symbol: SumsBySymbol };
}
interface MarketStats {
  epoch: string;
  n: number;
  from_upstream: SumsBySymbol;
  dropped: Record<string, number>;
}
interface StorageStats {
  by_epoch: { epoch: string; count: number; missing: number; by_symbol: SumsBySymbol }[];
}

/** How long the database may stand still, with ticks outstanding, before that counts as loss. */
const STILL_MS = 30_000;

/**
 * Runs recorded ticks from the exchange through the whole bundle into PostgreSQL and compares what was sent
 * with what is stored: counts, sums of prices and of sizes, per symbol and kind, and the gapless numbers.
 */
export async function replayThroughBundle(options: ReplayOptions): Promise<ReplayProof> {
  const { progress } = options;
  const bundle = await startBundle({
    root: options.root,
    home: options.home,
    onEvent: progress,
    configure(system) {
      system.symbols = options.symbols;
      system.exchange.source = 'replay';
      system.exchange.replay_paths = options.paths;
      system.exchange.speed = options.speed;
      for (const strategy of system.strategies) strategy.symbols = options.symbols;
    },
  });
  try {
    const exchange = bundle.urls['paper-exchange'];
    const storage = bundle.urls['observability-api'];
    const before = (await getJson<MarketStats>(`${bundle.urls['market-data']}/api/v1/stats`)).n;
    const began = performance.now();
    await postJson(`${exchange}/sim/replay/start`, {
      speed: options.speed,
      ...(options.from === undefined ? {} : { from: options.from }),
      ...(options.to === undefined ? {} : { to: options.to }),
    });
    const seconds = (): number => (performance.now() - began) / 1000;

    let sim = await getJson<SimStatus>(`${exchange}/sim/status`);
    let sentSeconds: number | undefined;
    let stored = 0;
    let largestBacklog = 0;
    let moved = performance.now();
    let told = 0;
    while (sentSeconds === undefined || stored < sim.sent.total + before) {
      await delay(500);
      sim = await getJson<SimStatus>(`${exchange}/sim/status`);
      if (sim.finished) sentSeconds ??= seconds();
      const now = await counted(`${storage}/metrics`, 'papergate_ticks_stored_total');
      if (now > stored) moved = performance.now();
      stored = now;
      largestBacklog = Math.max(largestBacklog, sim.sent.total - stored);
      if (seconds() - told > 5) {
        told = seconds();
        progress(`${told.toFixed(0)} s: ${sim.sent.total} sent, ${stored} stored`);
      }
      if (sentSeconds !== undefined && performance.now() - moved > STILL_MS) break;
    }
    const storedSeconds = seconds();

    const { ticks, lost } = await compareTicks(bundle.urls);
    return {
      ticks,
      sent_seconds: sentSeconds,
      stored_seconds: storedSeconds,
      ticks_per_second: ticks / storedSeconds,
      largest_backlog: largestBacklog,
      signals: await counted(`${bundle.urls['signal-bridge']}/metrics`, 'papergate_signals_total'),
      fills: await counted(`${bundle.urls['execution-engine']}/metrics`, 'papergate_fills_total'),
      differences: lost,
    };
  } finally {
    await bundle.stop();
  }
}

/** What the exchange sent, market-data numbered and the database holds, compared in every count and sum. */
export async function compareTicks(urls: Record<string, string>): Promise<{ ticks: number; lost: string[] }> {
  const sim = await getJson<SimStatus>(`${urls['paper-exchange']}/sim/status`);
  const stats = await getJson<MarketStats>(`${urls['market-data']}/api/v1/stats`);
  const { by_epoch: epochs } = await getJson<StorageStats>(`${urls['observability-api']}/api/storage/stats`, 120_000);
  const epoch = epochs.find((candidate) => candidate.epoch === stats.epoch);
  const sent: Counted = { place: 'exchange', by_symbol: sim.sent.by_symbol };
  const numbered: Counted = { place: 'market-data', by_symbol: stats.from_upstream };
  const kept: Counted = { place: 'database', by_symbol: epoch?.by_symbol ?? {} };
  const lost = [...differences(sent, numbered), ...differences(sent, kept)];
  if (epoch === undefined || epoch.missing > 0)
    lost.push(`numbers missing in the database: ${epoch?.missing ?? 'all'}`);
  for (const [reason, count] of Object.entries(stats.dropped)) {
    if (count > 0) lost.push(`market-data dropped ${count}: ${reason}`);
  }
  return { ticks: totalOf(sent), lost };
}

/** Sum over the series of a service's own counter: cheap enough to ask twice a second. */
async function counted(url: string, name: string): Promise<number> {
  const text = await (await fetch(url)).text();
  const series = text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? ([0-9.e+]+)$`, 'gm'));
  return [...series].reduce((sum, [, value]) => sum + Number(value), 0);
}

async function getJson<T>(url: string, timeoutMs = 10_000): Promise<T> {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok)
    throw new ExternalError({
      code: 'BUNDLE_ANSWER',
      message: `GET ${url}: ${response.status} ${await response.text()}`,
    });
  return (await response.json()) as T;
}

async function postJson(url: string, body: unknown): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok)
    throw new ExternalError({
      code: 'BUNDLE_ANSWER',
      message: `POST ${url}: ${response.status} ${await response.text()}`,
    });
}

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadRiskLimits, type RiskLimits, type StrategyConfig } from '@papergate/config';
import { makeLeanZip } from '@papergate/paper-exchange/testing';
import { loadStrategies, type LoadedStrategy } from '@papergate/signal-bridge/backtest';
import { runBacktest } from './run.ts';
import { openData } from './sim/data.ts';
import type { BacktestOptions, BacktestReport, Conditions } from './types.ts';

export const CONFIG_DIR = fileURLToPath(new URL('../../../../config', import.meta.url));
/** A Wednesday. */
export const DATE = '20240605';
/** 10:00 in New York, ms since midnight. */
export const TEN = 36_000_000;

/** USD; ms since midnight in New York. */
export interface Row {
  ms: number;
  bid: number;
  ask: number;
  size?: number;
  /** A trade as well, at this price. */
  trade?: number;
}

const price = (usd: number): number => Math.round(usd * 10_000);

/** Tick files of a test, in a folder of their own. */
export class TickFolder {
  readonly dir = mkdtempSync(join(tmpdir(), 'papergate-backtest-'));

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  write(name: string, rows: readonly string[]): string {
    const path = join(this.dir, name);
    writeFileSync(path, makeLeanZip(rows));
    return path;
  }

  /** Quotes and trades of a symbol. */
  tape(rows: readonly Row[], symbol = 'aapl', date = DATE): string[] {
    const quotes = rows.map(
      ({ ms, bid, ask, size = 1000 }) => `${ms},${price(bid)},${size},${price(ask)},${size},V,0,0`,
    );
    const trades = rows.flatMap(({ ms, trade }) => (trade === undefined ? [] : [`${ms},${price(trade)},100,V,0,0`]));
    return [
      this.write(`${symbol}_${date}_quote.zip`, quotes),
      ...(trades.length === 0 ? [] : [this.write(`${symbol}_${date}_trade.zip`, trades)]),
    ];
  }
}

/** A second a row: quotes a cent around each price, and a trade at it. */
export function walk(prices: readonly number[], from = TEN): Row[] {
  return prices.map((usd, index) => ({ ms: from + index * 1000, bid: usd - 0.01, ask: usd + 0.01, trade: usd }));
}

export const CONDITIONS: Conditions = {
  latencyMs: 50,
  jitterMs: 0,
  feePerShare: '0',
  partialFills: 0,
  startingCash: '100000',
};

/** Production's limits, changed as asked. */
export function limitsOf(change: (limits: RiskLimits) => void = () => undefined): RiskLimits {
  const limits = structuredClone(loadRiskLimits(CONFIG_DIR, 'production'));
  change(limits);
  return limits;
}

export const MOMENTUM: StrategyConfig = {
  name: 'mover',
  kind: 'momentum',
  symbols: ['AAPL'],
  quantity: '10',
  bar_ms: 1000,
  window: 2,
  threshold: 0.1,
  cooldown_ms: 0,
};

/** A strategy of a test: what it wants at which of its bars, counted from 1. */
export function scripted(
  script: Readonly<Record<number, object>>,
  config: Partial<StrategyConfig> = {},
): Promise<LoadedStrategy[]> {
  const plugin = {
    interface: 1,
    parameters: { type: 'object' },
    create() {
      let bars = 0;
      return { onBar: () => script[(bars += 1)] };
    },
  };
  const base = {
    name: 'scripted',
    plugin: 'scripted',
    symbols: ['AAPL'],
    quantity: '10',
    bar_ms: 1000,
    cooldown_ms: 0,
  };
  return loadStrategies([{ ...base, ...config }], { load: () => Promise.resolve({ default: plugin }) });
}

export async function run(
  paths: readonly string[],
  strategies: readonly LoadedStrategy[],
  over: Partial<BacktestOptions> = {},
): Promise<BacktestReport> {
  const files = await openData(paths);
  return runBacktest({
    files,
    strategies,
    limits: limitsOf(),
    environment: 'production',
    seed: 1,
    conditions: CONDITIONS,
    ...over,
  });
}

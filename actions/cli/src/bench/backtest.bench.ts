// How many ticks a backtest takes in a second, beside reading and merging the same files and nothing else.
import { fileURLToPath } from 'node:url';
import { backtest, type BacktestRequest } from '../backtest/index.ts';
import { openData, readDays } from '../backtest/sim/data.ts';
import { CONDITIONS, CONFIG_DIR, TEN, TickFolder, type Row } from '../backtest/testing.ts';
import { findRecordedDay } from '../bundle/recorded-day.ts';
import type { Figure } from './figures.ts';

const ROUNDS = Number(process.env['PAPERGATE_BENCH_ROUNDS'] ?? 3);
const SYNTHETIC_ROWS = 300_000;
const root = fileURLToPath(new URL('../../../..', import.meta.url));

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** A slow wave, where there is no recorded day. */
function wave(): Row[] {
  return Array.from({ length: SYNTHETIC_ROWS }, (_, index) => {
    const usd = 100 + Math.round(100 * Math.sin(index / 5_000)) / 100;
    return { ms: TEN + index * 60, bid: usd - 0.01, ask: usd + 0.01, ...(index % 4 === 0 ? { trade: usd } : {}) };
  });
}

async function readAlone(paths: readonly string[]): Promise<number> {
  let ticks = 0;
  const startedAt = performance.now();
  for await (const batch of readDays(await openData(paths))) ticks += batch.ticks.length;
  return (ticks / (performance.now() - startedAt)) * 1000;
}

const folder = new TickFolder();
try {
  const day = findRecordedDay(root, process.env['PAPERGATE_TICKS']);
  const data = day === undefined ? folder.tape(wave(), 'aapl') : [day.path];
  const request: BacktestRequest = {
    data,
    named: ['mean-reversion', 'momentum'],
    environment: 'production',
    configDir: CONFIG_DIR,
    cwd: root,
    symbols: day?.symbols ?? ['AAPL'],
    seed: 1,
    conditions: { ...CONDITIONS, jitterMs: 25 },
    quantity: '10',
    barMs: 1000,
    cooldownMs: 60_000,
  };
  const rates: number[] = [];
  const ceilings: number[] = [];
  let note = '';
  // In turn, so that a slow moment of the machine meets both.
  for (let round = 0; round < ROUNDS; round++) {
    ceilings.push(await readAlone(data));
    const startedAt = performance.now();
    const { market, strategies, fills } = await backtest(request);
    rates.push((market.ticks / (performance.now() - startedAt)) * 1000);
    const signals = strategies.reduce((sum, strategy) => sum + strategy.signals, 0);
    note = `${market.ticks} ${day === undefined ? 'made-up' : 'recorded'} ticks of ${market.symbols.length} symbols, ${strategies.length} strategies, ${signals} signals, ${fills.length} fills; medians of ${ROUNDS}`;
  }
  const figure: Figure = {
    name: 'backtest: ticks → bars → signals → risk → matching',
    value: Math.round(median(rates)),
    unit: 'ticks/s',
    ceiling: Math.round(median(ceilings)),
    ceiling_name: 'reading and merging the same files alone',
    note,
  };
  console.log(JSON.stringify(figure));
} finally {
  folder.remove();
}

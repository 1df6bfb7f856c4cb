// From a tick as it comes out of the socket to the decision about an order, in process: bytes, envelope, order of the
// ticks, bars, strategies, signal. One tick a message, which is the dearest way to get it.
import type { StrategyConfig } from '@papergate/config';
import type { Envelope, Tick } from '@papergate/service-kit';
import { Engine } from '../engine/engine.ts';
import { TickFeed } from '../feed/feed.ts';
import { loadStrategies } from '../plugins/load.ts';
import { Beats } from '../watchdog/beat.ts';
import { quote, randomOf, START, trade } from '../testing/tape.ts';

const TICKS = 300_000;
const WARM_UP = 50_000;
const PROMISED_US = 100;
const SYMBOLS = ['AAPL', 'AMZN', 'MSFT', 'NVDA', 'SPY'];
const common = { symbols: SYMBOLS, quantity: '5', bar_ms: 20, cooldown_ms: 0 };
const CONFIGS: StrategyConfig[] = [
  { ...common, name: 'reverter', kind: 'mean_reversion', window: 5, threshold: 0.5 },
  { ...common, name: 'mover', kind: 'momentum', window: 2, threshold: 0.001 },
];

/** A busy market without a pause: a tick each 2 ms, every third of them a quote. */
const random = randomOf(1);
const prices = new Map(SYMBOLS.map((symbol) => [symbol, 50 + random() * 100]));
const tape = Array.from({ length: TICKS + WARM_UP }, (_, at): Tick => {
  const symbol = SYMBOLS[at % SYMBOLS.length] ?? '';
  const time = START + at * 2_000;
  if (at % 3 === 0) return quote(at + 1, time, symbol);
  const price = (prices.get(symbol) ?? 100) * (1 + (random() - 0.5) * 0.002);
  prices.set(symbol, price);
  return trade(at + 1, time, price, symbol);
});
const messages = tape.map((tick, at) =>
  Buffer.from(JSON.stringify({ src: 'market-data', epoch: 'bench', seq: at + 1, ts: 0, data: [tick] })),
);
let decidedAt: bigint | undefined;
const quiet = (): void => undefined;
const engine = new Engine({
  strategies: await loadStrategies(CONFIGS),
  now: () => performance.now(),
  // As with plug-ins, which are watched from another thread.
  beats: new Beats(),
  events: { bar: quiet, signal: quiet, suppressed: quiet, late: quiet, reset: quiet, failed: quiet, slow: quiet },
});
const feed = new TickFeed({
  fetchTicks: () => Promise.reject(new Error('nothing may be missing here')),
  onTick: (tick) =>
    engine.add(tick, () => {
      decidedAt ??= process.hrtime.bigint();
    }),
  onReset: () => {
    throw new Error('the tape has no gap');
  },
});

const decisions: number[] = [];
const all: number[] = [];
for (const [at, message] of messages.entries()) {
  decidedAt = undefined;
  const startedAt = process.hrtime.bigint();
  await feed.onTicks(JSON.parse(String(message)) as Envelope<Tick[]>);
  const endedAt = process.hrtime.bigint();
  if (at < WARM_UP) continue;
  all.push(Number(endedAt - startedAt) / 1000);
  // Both are written by the callback, which the compiler does not see.
  const decided = decidedAt as bigint | undefined;
  if (decided !== undefined) decisions.push(Number(decided - startedAt) / 1000);
}

const at = (took: readonly number[], quantile: number): number =>
  Math.round((took[Math.ceil(quantile * took.length) - 1] ?? Number.NaN) * 100) / 100;
decisions.sort((a, b) => a - b);
all.sort((a, b) => a - b);
if (decisions.length < 1_000) throw new Error(`only ${decisions.length} decisions: too few for a 99th percentile`);
const figure = {
  name: 'tick in → order decision, in process, p99',
  value: at(decisions, 0.99),
  unit: 'µs',
  ceiling: PROMISED_US,
  ceiling_name: 'as promised',
  note: `${decisions.length} decisions, p50 ${at(decisions, 0.5)} µs; every tick p50 ${at(all, 0.5)}, p99 ${at(all, 0.99)} µs; ${CONFIGS.length} strategies, ${SYMBOLS.length} symbols`,
};
process.stdout.write(`${JSON.stringify(figure)}\n`);

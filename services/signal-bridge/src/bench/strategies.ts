import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { StrategyConfig } from '@papergate/config';
import { createSubscriber, type Envelope, type Tick } from '@papergate/service-kit';
import { Engine } from '../engine/engine.ts';
import { TickFeed } from '../feed/feed.ts';
import { loadStrategies } from '../plugins/load.ts';

/** How fast strategies take ticks from the bus, beside a subscriber that only decodes the same messages. */
const TICKS = 1_000_000;
const PUBLISHER = fileURLToPath(new URL('./pieces/tick-pub.ts', import.meta.url));
const SYMBOLS = ['AAPL', 'AMZN', 'MSFT', 'NVDA', 'SPY'];
const common = { symbols: SYMBOLS, quantity: '5', bar_ms: 1000, cooldown_ms: 5000 };
const CONFIGS: StrategyConfig[] = [
  { ...common, name: 'reverter', kind: 'mean_reversion', window: 20, threshold: 2 },
  { ...common, name: 'mover', kind: 'momentum', window: 10, threshold: 0.05 },
];

async function measure(handle: (message: Envelope<Tick[]>) => Promise<void> | void): Promise<number> {
  const child = spawn(process.execPath, [PUBLISHER, String(TICKS)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  let count = 0;
  let begin = 0;
  let done = (): void => undefined;
  const finished = new Promise<void>((resolve) => {
    done = resolve;
  });
  const subscriber = createSubscriber({
    endpoints: [`tcp://127.0.0.1:${line.split(' ')[1]}`],
    topics: ['tick'],
    highWaterMark: 64,
    onMessage: async (_topic, message) => {
      if (count === 0) begin = performance.now();
      await handle(message as Envelope<Tick[]>);
      count += (message.data as Tick[]).length;
      if (count >= TICKS) done();
    },
  });
  // A PUB sends nothing to whom it does not know yet: give the subscription time to arrive.
  await new Promise((resolve) => setTimeout(resolve, 300));
  child.stdin.write('go\n');
  await finished;
  const rate = (TICKS / (performance.now() - begin)) * 1000;
  await subscriber.close();
  child.kill();
  return rate;
}

const ceiling = await measure(() => undefined);
let signals = 0;
const quiet = (): void => undefined;
const engine = new Engine({
  strategies: await loadStrategies(CONFIGS),
  now: () => performance.now(),
  events: { bar: quiet, signal: quiet, suppressed: quiet, late: quiet, reset: quiet, failed: quiet, slow: quiet },
});
const feed = new TickFeed({
  fetchTicks: () => Promise.reject(new Error('nothing may be missing here')),
  onTick: (tick) =>
    engine.add(tick, () => {
      signals += 1;
    }),
  onReset: () => {
    throw new Error('the tape has no gap');
  },
});
const value = await measure((message) => feed.onTicks(message));
const figure = {
  name: 'strategies: bus → bars → signals',
  value: Math.round(value),
  unit: 'ticks/s',
  ceiling: Math.round(ceiling),
  ceiling_name: 'a subscriber that only decodes the same messages',
  note: `${CONFIGS.length} strategies on ${SYMBOLS.length} symbols, ${signals} signals`,
};
process.stdout.write(`${JSON.stringify(figure)}\n`);

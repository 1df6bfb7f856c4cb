// From a tick at the exchange to a durable order, across the bundle: data stream, market-data, bus, strategy, signal
// committed and published, bus, execution-engine, risk-manager, order committed. Beside it, by turns, two ZeroMQ hops and one
// commit. One tick at a time: what is measured is the way, not a queue.
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Subscriber } from 'zeromq';
import type { Envelope, OrderView, Tick } from '@papergate/service-kit';
import { busEndpoint } from '@papergate/service-kit';
import { until } from '@papergate/service-kit/testing';
import { ready, startBundle, type Bundle } from '../testing/bundle.ts';
import { WIDE_LIMITS } from './pieces/limits.ts';

const TICKS = 100;
const ROUNDS = 4;
const PROMISED_MS = 5;
const SYMBOL = 'AAPL';
/** Each tick closes the bar of the one before. */
const BAR_MS = 10;
/** So many bars without a trade are no silence after which a strategy begins anew: 5 s, longer than any pause here. */
const WINDOW = 500;
const STEP_MS = 20;
const HOPS = fileURLToPath(new URL('pieces/hops.ts', import.meta.url));

interface Taken {
  /** From the request that brings the tick to the exchange, ms. */
  all: number;
  /** From the tick on the bus, ms. */
  bus: number;
}

/** When something first came on a socket, by its id. */
function listen(endpoint: string, topic: string, idOf: (payload: string) => string[]) {
  const seen = new Map<string, number>();
  const waiting = new Map<string, () => void>();
  const socket = new Subscriber({ receiveHighWaterMark: 100_000 });
  socket.subscribe(topic);
  socket.connect(endpoint);
  void (async () => {
    for await (const frames of socket) {
      const at = performance.now();
      for (const id of idOf(String(frames.at(-1)))) {
        if (!seen.has(id)) seen.set(id, at);
        waiting.get(id)?.();
      }
    }
  })();
  return {
    seen,
    async of(id: string): Promise<number> {
      if (!seen.has(id)) {
        await new Promise<void>((resolve, reject) => {
          const timer = setTimeout(() => reject(new Error(`nothing came of ${id} within 30 s`)), 30_000);
          waiting.set(id, () => {
            clearTimeout(timer);
            resolve();
          });
        });
      }
      waiting.delete(id);
      return seen.get(id) ?? Number.NaN;
    },
    close: () => socket.close(),
  };
}

const dataOf = (payload: string): unknown => (JSON.parse(payload) as Envelope<unknown>).data;

/** The bundle's way: a tick is posted to the exchange, and the order that the strategy makes of it awaited. */
async function ours(bundle: Bundle) {
  const barOf = (ms: number): number => Math.floor(ms / BAR_MS) * BAR_MS * 1000;
  const ticks = listen(busEndpoint(bundle.system, 'market-data'), 'tick', (payload) =>
    (dataOf(payload) as Tick[]).flatMap(({ s, k, t }) => (s === SYMBOL && k === 't' ? [String(t)] : [])),
  );
  const orders = listen(busEndpoint(bundle.system, 'execution-engine'), 'order', (payload) =>
    [dataOf(payload) as OrderView | OrderView[]].flat().map(({ client_order_id: id }) => id.split(':').at(-1) ?? ''),
  );
  let count = 0;
  let before = 0;
  /** Each tick in a bar of its own, ahead of the clock where they come faster than bars pass. */
  function next(): { symbol: string; price: number; size: number; timestamp: number } {
    // Two closes that lie the strategy's window apart are never the same.
    const price = 100 + (Math.floor(count / WINDOW) % 2);
    count += 1;
    before = Math.max(Date.now(), before + BAR_MS);
    return { symbol: SYMBOL, price, size: 1, timestamp: before };
  }
  async function post(body: unknown): Promise<void> {
    const answer = await bundle.client('paper-exchange').send('POST', '/sim/ticks', body);
    if (answer.status !== 200) throw new Error(`the ticks were answered ${answer.status}`);
  }
  async function send(): Promise<{ startedAt: number; time: number; bar: number }> {
    const bar = barOf(before);
    const tick = next();
    const startedAt = performance.now();
    await post(tick);
    return { startedAt, time: tick.timestamp * 1000, bar };
  }
  await until('ticks to reach this process', async () => ticks.seen.has(String((await send()).time)), 30_000);
  await post(Array.from({ length: WINDOW }, next));
  await until('orders to reach this process', async () => {
    await send();
    return orders.seen.size > 0;
  });
  return {
    async tick(): Promise<Taken> {
      const { startedAt, time, bar } = await send();
      const [tickAt, orderAt] = await Promise.all([ticks.of(String(time)), orders.of(String(bar))]);
      return { all: orderAt - startedAt, bus: orderAt - tickAt };
    },
    close() {
      ticks.close();
      orders.close();
    },
  };
}

async function ceiling(bundle: Bundle) {
  const child: ChildProcess = spawn(process.execPath, [HOPS, bundle.database.url.reveal()], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if (child.stdout === null) throw new Error('no output of the ceiling');
  const lines = createInterface({ input: child.stdout });
  const ports = (await new Promise<string>((resolve) => lines.once('line', resolve))).split(' ');
  const [first, last] = ports.map((port) => listen(`tcp://127.0.0.1:${port}`, '', (payload) => [payload]));
  if (first === undefined || last === undefined) throw new Error('no ports of the ceiling');
  let count = 0;
  const send = (): string => {
    count += 1;
    child.stdin?.write(String(count));
    return String(count);
  };
  await until('the ceiling to listen', async () => {
    const id = send();
    await new Promise((resolve) => setTimeout(resolve, 50));
    return first.seen.has(id) && last.seen.has(id);
  });
  return {
    async tick(): Promise<number> {
      const id = send();
      const [from, to] = await Promise.all([first.of(id), last.of(id)]);
      return to - from;
    },
    close() {
      child.stdin?.end();
      first.close();
      last.close();
    },
  };
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, STEP_MS));

const bundle = await startBundle({
  services: ['paper-exchange', 'market-data', 'risk-manager', 'execution-engine', 'signal-bridge'],
  limits: WIDE_LIMITS,
  system: (system) => {
    // The exchange's own ticks are not of our symbol, or nobody could tell whose order it is.
    system.exchange.ticks_per_second = 1;
    const common = { symbols: [SYMBOL], quantity: '1', bar_ms: BAR_MS, cooldown_ms: 0 };
    system.strategies = [{ ...common, name: 'bench', kind: 'momentum', window: WINDOW, threshold: 0.000_001 }];
  },
});
try {
  for (const service of ['execution-engine', 'signal-bridge', 'market-data'] as const) await ready(bundle, service);
  const [us, least] = [await ours(bundle), await ceiling(bundle)];
  const taken: Taken[] = [];
  const hops: number[] = [];
  for (let turn = 0; turn < ROUNDS; turn += 1) {
    for (let index = 0; index < TICKS; index += 1, await pause()) hops.push(await least.tick());
    for (let index = 0; index < TICKS; index += 1, await pause()) taken.push(await us.tick());
  }
  us.close();
  least.close();
  const at = (values: number[], quantile: number): number =>
    Math.round((values.toSorted((a, b) => a - b)[Math.ceil(quantile * values.length) - 1] ?? Number.NaN) * 100) / 100;
  const bus = taken.map((one) => one.bus);
  const all = taken.map((one) => one.all);
  const figure = {
    name: 'tick → durable order, across the bundle, p50',
    value: at(bus, 0.5),
    unit: 'ms',
    ceiling: at(hops, 0.5),
    ceiling_name: 'two ZeroMQ hops and one commit',
    note: `from the tick on the bus, ${taken.length} orders by turns with the ceiling; p99 ${at(bus, 0.99)} ms, the ceiling's ${at(hops, 0.99)}; from the request that brings the tick to the exchange p50 ${at(all, 0.5)}, p99 ${at(all, 0.99)} ms; promised: ${PROMISED_MS} ms`,
  };
  process.stdout.write(`${JSON.stringify(figure)}\n`);
} finally {
  await bundle.close();
}

import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Subscriber } from 'zeromq';
import { createSubscriber, type Envelope, type Tick } from '@papergate/service-kit';
import { until } from '@papergate/service-kit/testing';
import { spawnExchange, sumsOfExchange, type SpawnedExchange } from '../testing/exchange.ts';
import { spawnService } from '../testing/process.ts';
import { Ledger } from '../ticks/sums.ts';
import { replayData, type ReplayData } from './pieces/replay-data.ts';

/**
 * A day as fast as it goes: exchange → market-data → a subscriber that decodes and counts everything, each in
 * a process of its own. Beside it, in the same run, what bounds it: the official client alone on the same
 * replay, and zeromq alone with messages of the same size. Sums prove that nothing was lost.
 */
const WAIT_MS = 300_000;
const piece = (name: string): string => fileURLToPath(new URL(`./pieces/${name}.ts`, import.meta.url));
const say = (text: string): void => void process.stderr.write(`${text}\n`);
const figure = (entry: Record<string, unknown>): void => void process.stdout.write(`${JSON.stringify(entry)}\n`);

interface Chain {
  ticks: number;
  ticksPerSecond: number;
  bytesPerTick: number;
}

async function measureChain(data: ReplayData): Promise<Chain> {
  const exchange = await spawnExchange(['--replay', data.path, '--speed', '0', '--wait']);
  const service = await spawnService({
    dataUrl: exchange.dataUrl,
    keyId: exchange.keyId.reveal(),
    secret: exchange.secret.reveal(),
    symbols: data.symbols,
  });
  const ledger = new Ledger(data.symbols);
  const heard = { total: 0, begin: 0, end: 0, gaps: 0, joined: false };
  const subscriber = createSubscriber({
    endpoints: [`tcp://127.0.0.1:${service.busPort}`],
    topics: ['tick', 'heartbeat'],
    highWaterMark: 64,
    onMessage: (topic, { data: ticks }: Envelope<unknown>) => {
      heard.joined = true;
      if (topic !== 'tick') return;
      if (heard.total === 0) heard.begin = performance.now();
      for (const tick of ticks as Tick[]) {
        if (tick.n !== heard.total + 1) heard.gaps += 1;
        heard.total += 1;
        ledger.add(tick);
      }
      heard.end = performance.now();
    },
  });
  try {
    await until('the subscriber to join', () => heard.joined);
    await exchange.post('/sim/replay/start', {});
    const total = await totalOf(exchange);
    await until('every tick', () => heard.total >= total, WAIT_MS);
    const sent = sumsOfExchange(await exchange.status());
    const got = ledger.report();
    const complete = data.symbols.every((symbol) => JSON.stringify(sent[symbol]) === JSON.stringify(got[symbol]));
    if (!complete || heard.gaps > 0) throw new Error(`incomplete: ${heard.total} of ${total}, ${heard.gaps} gaps`);
    const page = await (await fetch(`${service.url}/api/v1/ticks?after=${total - 1000}&limit=1000`)).text();
    return {
      ticks: total,
      ticksPerSecond: (total / (heard.end - heard.begin)) * 1000,
      bytesPerTick: page.length / 1000,
    };
  } finally {
    await subscriber.close();
    await service.end();
    await exchange.close();
  }
}

/** Waits for the end of the replay and gives what was sent. */
async function totalOf(exchange: SpawnedExchange): Promise<number> {
  const status = await until(
    'the end of the replay',
    async () => {
      const now = await exchange.status();
      return now.finished ? now : undefined;
    },
    WAIT_MS,
  );
  return status.sent.total;
}

async function measureClient(data: ReplayData, total: number): Promise<number> {
  const exchange = await spawnExchange(['--replay', data.path, '--speed', '0', '--wait']);
  const keys = [exchange.dataUrl, exchange.keyId.reveal(), exchange.secret.reveal()];
  const { child, line } = spawnPiece('client', [...keys, data.symbols.join(','), String(total)]);
  try {
    await line('ready');
    await exchange.post('/sim/replay/start', {});
    return (total / Number((await line('done')).split(' ')[1])) * 1000;
  } finally {
    child.kill();
    await exchange.close();
  }
}

/** @returns ticks a second, of a thousand ticks a message */
async function measureBus(messages: number, bytes: number): Promise<number> {
  const { child, line } = spawnPiece('raw-pub', [String(messages), String(bytes)]);
  const socket = new Subscriber({ receiveHighWaterMark: 64, linger: 0 });
  try {
    socket.subscribe('tick');
    socket.connect(`tcp://127.0.0.1:${(await line('port')).split(' ')[1]}`);
    // A PUB sends nothing to whom it does not know yet: give the subscription time to arrive.
    await new Promise((resolve) => setTimeout(resolve, 300));
    child.stdin?.write('go\n');
    let count = 0;
    let begin = 0;
    for await (const _frames of socket) {
      if (count === 0) begin = performance.now();
      count += 1;
      if (count === messages) break;
    }
    return ((messages * 1000) / (performance.now() - begin)) * 1000;
  } finally {
    socket.close();
    child.kill();
  }
}

function spawnPiece(name: string, args: string[]): { child: ChildProcess; line: (start: string) => Promise<string> } {
  const child = spawn(process.execPath, [piece(name), ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines: string[] = [];
  let gone = false;
  child.once('exit', () => {
    gone = true;
  });
  createInterface({ input: child.stdout }).on('line', (text) => lines.push(text));
  return {
    child,
    line: (start) =>
      until(
        `"${start}" of ${name}`,
        () => {
          const found = lines.find((text) => text.startsWith(start));
          if (found === undefined && gone) throw new Error(`${name} ended early`);
          return found;
        },
        WAIT_MS,
      ),
  };
}

const data = await replayData();
try {
  say(`market-data: ${data.name}, as fast as it goes`);
  const chain = await measureChain(data);
  say(`market-data: ${chain.ticks} ticks, complete; now the ceilings`);
  const client = await measureClient(data, chain.ticks);
  const bus = await measureBus(10_000, Math.round(chain.bytesPerTick * 1000));
  const note = `${data.name}, ${chain.ticks} ticks, counts and sums equal at both ends`;
  const name = 'replay: exchange → market-data → subscriber';
  const common = { name, value: Math.round(chain.ticksPerSecond), unit: 'ticks/s', note };
  figure({ ...common, ceiling: Math.round(client), ceiling_name: 'the official client alone, decoding and counting' });
  figure({
    ...common,
    name: `${name} (bus)`,
    ceiling: Math.round(bus),
    ceiling_name: 'zeromq alone, 1000 ticks a message, not serialised and not decoded',
  });
} finally {
  await data.remove();
}

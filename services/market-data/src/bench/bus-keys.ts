// What the keys of the bus cost: the same messages of a hundred ticks through zeromq alone, with and without CURVE, by turns, and a
// round trip of a request with both. Publisher and subscriber are processes of their own.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { busKeyFiles, parseBusKeys, Secret, type ServiceName } from '@papergate/config';
import {
  createBus,
  createMetrics,
  createRequester,
  createResponder,
  createSubscriber,
  type Bus,
} from '@papergate/service-kit';

const TICKS = 1_000_000;
const EACH = 100;
const MESSAGES = TICKS / EACH;
const ROUNDS = 5;
/** Of a message, with its envelope. */
const BYTES = EACH * 85;

const seed = randomBytes(32).toString('base64url');
const files = busKeyFiles(new Secret(seed));
const busOf = (service: ServiceName, encrypted: boolean): Bus =>
  createBus({
    keys: encrypted ? parseBusKeys(files.get(service) ?? new Secret(''), service, 'bench') : undefined,
    metrics: createMetrics(service, { runtime: false }),
    logger: { warn: () => undefined },
  });

/** Ticks a second that reach a subscriber, which counts messages and decodes nothing but their envelope. */
async function ticksPerSecond(encrypted: boolean): Promise<number> {
  const piece = fileURLToPath(new URL('./pieces/keyed-pub.ts', import.meta.url));
  // Not as an argument: those are for everybody to see, and this is how a secret is handed over.
  const child = spawn(process.execPath, [piece, String(MESSAGES), String(BYTES)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    child.stdin.write(`${encrypted ? seed : ''}\n`);
    const [port] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    let begin = 0;
    let count = 0;
    let joined = false;
    let done: () => void = () => undefined;
    const all = new Promise<void>((resolve) => {
      done = resolve;
    });
    const subscriber = createSubscriber({
      endpoints: [{ server: 'market-data', url: `tcp://127.0.0.1:${port}` }],
      topics: ['padding', 'heartbeat'],
      highWaterMark: 64,
      bus: busOf('signal-bridge', encrypted),
      onMessage: (topic) => {
        if (topic === 'heartbeat') {
          if (!joined) child.stdin.write('go\n');
          joined = true;
          return;
        }
        if (count === 0) begin = performance.now();
        count += 1;
        if (count === MESSAGES) done();
      },
    });
    await all;
    const rate = (TICKS / (performance.now() - begin)) * 1000;
    await subscriber.close();
    return rate;
  } finally {
    child.kill();
  }
}

/** µs of a request and its answer, one at a time: median and p99. */
async function roundTrip(encrypted: boolean): Promise<[median: number, p99: number]> {
  const responder = await createResponder({
    service: 'risk-manager',
    host: '127.0.0.1',
    port: 0,
    bus: busOf('risk-manager', encrypted),
    handle: (body) => body,
  });
  const requester = createRequester({
    endpoint: { server: 'risk-manager', url: `tcp://127.0.0.1:${responder.port}` },
    timeoutMs: 10_000,
    bus: busOf('execution-engine', encrypted),
  });
  const times: number[] = [];
  for (let turn = 0; turn < 3_000; turn += 1) {
    const begin = performance.now();
    await requester.request({ type: 'state' });
    if (turn >= 500) times.push((performance.now() - begin) * 1000);
  }
  await requester.close();
  await responder.close();
  times.sort((a, b) => a - b);
  return [times[times.length >> 1] ?? 0, times[Math.floor(times.length * 0.99)] ?? 0];
}

const median = (values: number[]): number => Math.round(values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0);
const [plain, keyed]: [number[], number[]] = [[], []];
for (let round = 0; round < ROUNDS; round += 1) {
  plain.push(await ticksPerSecond(false));
  keyed.push(await ticksPerSecond(true));
}
const figure = (entry: Record<string, unknown>): void => void process.stdout.write(`${JSON.stringify(entry)}\n`);
figure({
  name: 'ticks across the bus with keys, 100 a message, not decoded',
  value: median(keyed),
  unit: 'ticks/s',
  ceiling: median(plain),
  ceiling_name: 'the same without keys',
  note: `medians of ${ROUNDS} rounds of ${TICKS} ticks by turns; none lost`,
});
const [open, locked] = [await roundTrip(false), await roundTrip(true)];
figure({
  name: 'a request over the bus with keys and its answer, median',
  value: Math.round(locked[0]),
  unit: 'µs',
  ceiling: Math.round(open[0]),
  ceiling_name: 'the same without keys',
  note: `p99 ${Math.round(locked[1])} µs with keys, ${Math.round(open[1])} µs without`,
});

// Ticks across the bus in messages of a hundred: serialised and published by the service's own publisher, received, decoded,
// checked and booked by a subscriber in a process of its own. Beside it, by turns, zeromq alone with as many bytes a message:
// nothing serialised, nothing decoded.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Subscriber } from 'zeromq';
import { createSubscriber, type Tick } from '@papergate/service-kit';
import { Book } from '../ticks/book.ts';

const TICKS = 1_000_000;
const EACH = 100;
const MESSAGES = TICKS / EACH;
const ROUNDS = 5;
const SYMBOLS = ['AAPL', 'AMZN', 'MSFT', 'NVDA', 'SPY'];

/** Runs a publisher of `pieces` that prints its port, hands its address over, and lets it send once `work` has connected. */
async function withPublisher(piece: string, args: string[], work: (url: string) => Work): Promise<number> {
  const file = fileURLToPath(new URL(`./pieces/${piece}.ts`, import.meta.url));
  const child = spawn(process.execPath, [file, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const { rate, close } = work(`tcp://127.0.0.1:${/(\d+)$/.exec(line)?.[1] ?? ''}`);
    // A PUB sends nothing to whom it does not know yet: give the subscription time to arrive.
    await new Promise((resolve) => setTimeout(resolve, 300));
    child.stdin.write('go\n');
    try {
      return await rate;
    } finally {
      await close();
    }
  } finally {
    child.kill();
  }
}

interface Work {
  /** Ticks a second. */
  rate: Promise<number>;
  close: () => Promise<void> | void;
}

function booked(url: string): Work {
  const book = new Book(SYMBOLS);
  let resolve: (rate: number) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const rate = new Promise<number>((done, fail) => {
    resolve = done;
    reject = fail;
  });
  let begin = 0;
  let count = 0;
  const subscriber = createSubscriber({
    endpoints: [{ server: 'market-data', url }],
    topics: ['tick'],
    highWaterMark: 64,
    onMessage: (_topic, { data }) => {
      if (count === 0) begin = performance.now();
      for (const tick of data as Tick[]) {
        count += 1;
        if (tick.n !== count) reject(new Error(`tick ${tick.n} came where ${count} should have`));
        book.update(tick);
      }
      if (count === TICKS) resolve((TICKS / (performance.now() - begin)) * 1000);
    },
    onError: reject,
  });
  return { rate, close: () => subscriber.close() };
}

function raw(url: string): Work {
  const socket = new Subscriber({ receiveHighWaterMark: 64, linger: 0 });
  socket.subscribe('tick');
  socket.connect(url);
  const rate = (async () => {
    let count = 0;
    let begin = 0;
    for await (const _frames of socket) {
      if (count === 0) begin = performance.now();
      count += 1;
      if (count === MESSAGES) break;
    }
    return (TICKS / (performance.now() - begin)) * 1000;
  })();
  return { rate, close: () => socket.close() };
}

/** Of a message, with its envelope. */
const BYTES = 100 * 85 + 80;
const ours: number[] = [];
const ceilings: number[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  ceilings.push(await withPublisher('raw-pub', [String(MESSAGES), String(BYTES)], raw));
  ours.push(await withPublisher('tick-pub', [String(TICKS), String(EACH), SYMBOLS.join(',')], booked));
}
const median = (values: number[]): number => Math.round(values.toSorted((a, b) => a - b)[ROUNDS >> 1] ?? 0);
const figure = {
  name: 'ticks across the bus, decoded and booked, 100 a message',
  value: median(ours),
  unit: 'ticks/s',
  ceiling: median(ceilings),
  ceiling_name: 'zeromq alone, as many bytes a message, nothing serialised or decoded',
  note: `medians of ${ROUNDS} rounds of ${TICKS} ticks by turns; none lost; the best round ${Math.round(Math.max(...ours))}`,
};
process.stdout.write(`${JSON.stringify(figure)}\n`);

import { setTimeout as delay } from 'node:timers/promises';
import { Publisher } from 'zeromq';
import { randomTape } from '../../testing/tape.ts';

/**
 * market-data as a benchmark needs it: a tape in messages of a thousand ticks, serialised beforehand, as fast
 * as they are taken. Arguments: number of ticks. Prints its port; begins at a line on standard input.
 */
const total = Number(process.argv[2] ?? '0');
const tape = randomTape({ seed: 1, count: total, symbols: ['AAPL', 'AMZN', 'MSFT', 'NVDA', 'SPY'] });
const messages: string[] = [];
for (let at = 0; at < tape.length; at += 1000) {
  const data = tape.slice(at, at + 1000);
  messages.push(JSON.stringify({ src: 'market-data', epoch: 'bench', seq: messages.length + 1, ts: 0, data }));
}
const socket = new Publisher({ sendHighWaterMark: 64, noDrop: true, sendTimeout: 0, linger: 10_000 });
await socket.bind('tcp://127.0.0.1:*');
process.stdout.write(`port ${/:(\d+)$/.exec(socket.lastEndpoint ?? '')?.[1] ?? ''}\n`);
process.stdin.once('data', () => void run());

async function run(): Promise<void> {
  for (let sent = 0; sent < messages.length;) {
    try {
      await socket.send(['tick', messages[sent] ?? '']);
      sent += 1;
    } catch {
      await delay(1); // the pipe is full
    }
  }
  socket.close();
  process.stdin.destroy();
}

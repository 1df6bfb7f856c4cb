import { setTimeout as delay } from 'node:timers/promises';
import { Publisher } from 'zeromq';

/**
 * The ceiling of the bus: messages that were serialised beforehand, sent as fast as the socket takes them.
 * Arguments: number of messages, bytes of each. Prints its port, then `done`.
 */
const [messages = '0', bytes = '0'] = process.argv.slice(2);
const socket = new Publisher({ sendHighWaterMark: 64, noDrop: true, sendTimeout: 0, linger: 10_000 });
await socket.bind('tcp://127.0.0.1:*');
process.stdout.write(`port ${/:(\d+)$/.exec(socket.lastEndpoint ?? '')?.[1] ?? ''}\n`);
process.stdin.once('data', () => void run());

async function run(): Promise<void> {
  const payload = 'x'.repeat(Number(bytes));
  for (let sent = 0; sent < Number(messages);) {
    try {
      await socket.send(['tick', payload]);
      sent += 1;
    } catch {
      await delay(1); // the pipe is full
    }
  }
  process.stdout.write('done\n');
  socket.close();
  process.stdin.destroy();
}

import { createInterface } from 'node:readline';
import { busKeyFiles, parseBusKeys, Secret } from '@papergate/config';
import { createBus, createMetrics, createPublisher } from '@papergate/service-kit';

/**
 * Messages of one size through the service's own publisher, as fast as its subscriber takes them. Arguments: number of messages,
 * bytes of each. The first line on standard input is the seed of the keys, empty for none; it prints its port, beats until the next
 * line, and then sends.
 */
const [messages = '0', bytes = '0'] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { value: seed = '' } = await lines.next();
const file = seed === '' ? undefined : busKeyFiles(new Secret(seed)).get('market-data');
const publisher = await createPublisher({
  service: 'market-data',
  host: '127.0.0.1',
  port: 0,
  highWaterMark: 64,
  bus: createBus({
    keys: file === undefined ? undefined : parseBusKeys(file, 'market-data', 'bench'),
    metrics: createMetrics('market-data', { runtime: false }),
    logger: { warn: () => undefined },
  }),
});
process.stdout.write(`${publisher.port}\n`);
const beat = setInterval(() => void publisher.publish('heartbeat', { n: 0 }), 20);
await lines.next();
clearInterval(beat);
const padding = 'x'.repeat(Number(bytes));
for (let n = 0; n < Number(messages); n += 1) await publisher.publish('padding', padding);
await lines.next(); // until it is ended

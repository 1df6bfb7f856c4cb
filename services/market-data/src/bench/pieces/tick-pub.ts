import { createPublisher, type Tick } from '@papergate/service-kit';

/**
 * market-data's side of the bus: ticks that were made beforehand, serialised and published by the service's own publisher
 * as fast as its subscribers take them. Arguments: ticks, ticks a message, symbols. Prints its port; sends at each line on
 * standard input, and ends with it.
 */
const [ticks = '0', size = '0', names = ''] = process.argv.slice(2);
const symbols = names.split(',');
const [total, each] = [Number(ticks), Number(size)];
const messages: Tick[][] = [];
let seed = 1;
const random = (below: number): number => {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  return seed % below;
};
const START = 1_717_423_200_000_000;
for (let n = 1; n <= total; n += each) {
  messages.push(
    Array.from({ length: each }, (_, at): Tick => {
      const time = START + (n + at) * 731;
      const common = { n: n + at, s: symbols[random(symbols.length)] ?? '', t: time, r: time + 1_250 };
      const price = 167_410_000 + random(1_000) * 10_000;
      // As on a real tape: four quotes to a trade.
      if (random(5) === 0) return { ...common, k: 't', p: price, v: 100, i: 52_983_525_000 + n + at };
      return { ...common, k: 'q', b: price, bs: 1 + random(9), a: price + 10_000, as: 1 + random(9) };
    }),
  );
}
const publisher = await createPublisher({ service: 'market-data', host: '127.0.0.1', port: 0, highWaterMark: 64 });
process.stdout.write(`${publisher.port}\n`);
process.stdin.on('data', () => void send()).on('end', () => process.exit(0));

async function send(): Promise<void> {
  for (const message of messages) await publisher.publish('tick', message);
}

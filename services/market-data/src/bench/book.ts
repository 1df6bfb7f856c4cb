// One update of the book in process: a tick that was decoded already, among as many symbols as a team may follow.
import type { Tick } from '@papergate/service-kit';
import { Book } from '../ticks/book.ts';

const SYMBOLS = 500;
const UPDATES = 1_000_000;
const WARM_UP = 200_000;
const PROMISED_US = { p50: 1, p99: 10 };

const symbols = Array.from({ length: SYMBOLS }, (_, at) => `S${at}`);
const book = new Book(symbols);
let seed = 1;
const random = (below: number): number => {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  return seed % below;
};
/** Made beforehand, four times as many as there are symbols: what is measured is the book. */
const ticks: Tick[] = Array.from({ length: SYMBOLS * 4 }, (_, at) => {
  const common = { n: at, s: symbols[random(SYMBOLS)] ?? '', t: at, r: at };
  const price = 100_000_000 + random(1_000) * 1_000;
  return at % 3 === 0
    ? { ...common, k: 't', p: price, v: 5 }
    : { ...common, k: 'q', b: price, a: price + 10_000, bs: 1, as: 1 };
});

/** Of `work`, in µs, sorted; the clock's own cost is in it. */
function measure(work: (tick: Tick) => unknown): Float64Array {
  const took = new Float64Array(UPDATES);
  for (let at = -WARM_UP; at < UPDATES; at += 1) {
    const tick = ticks[random(ticks.length)];
    if (tick === undefined) continue;
    const startedAt = process.hrtime.bigint();
    work(tick);
    const endedAt = process.hrtime.bigint();
    if (at >= 0) took[at] = Number(endedAt - startedAt) / 1000;
  }
  return took.sort();
}

const at = (took: Float64Array, quantile: number): number =>
  Math.max(0.001, Math.round((took[Math.ceil(quantile * UPDATES) - 1] ?? 0) * 1000) / 1000);

const clock = measure(() => undefined);
const took = measure((tick) => book.update(tick));
for (const [name, quantile, ceiling] of [
  ['median', 0.5, PROMISED_US.p50],
  ['p99', 0.99, PROMISED_US.p99],
] as const) {
  const figure = {
    name: `book update, in process, ${name}`,
    value: at(took, quantile),
    unit: 'µs',
    ceiling,
    ceiling_name: 'as promised',
    note: `${SYMBOLS} symbols, ${UPDATES} updates; asking the clock alone ${at(clock, quantile)} µs`,
  };
  process.stdout.write(`${JSON.stringify(figure)}\n`);
}

import { messageOf } from '@papergate/config';
import { at, list, show, text } from '../client/http.ts';
import { openStream, type Message, type Stream } from '../client/stream.ts';
import type { Context } from '../context.ts';
import { eventually, NotAsExpected } from '../runner.ts';

const STORED = 'the same tick among those that observability-api reads from the database';
const WHERE = {
  'market-data': { name: 'tick: on /stream', path: '/stream' },
  orchestrator: { name: 'tick: on /ws/market_data', path: '/ws/market_data' },
} as const;

/**
 * Puts one tick in where ticks come from and looks for it where they go. It is told from all others by its size,
 * which this run made up. `price` is decimal text near the market.
 */
export async function checkTick(context: Context, symbol: string, price: string): Promise<void> {
  const { runner, targets, token, http, patienceMs, run } = context;
  const size = run.number;
  const source = targets.exchange === undefined ? 'the front door' : 'the exchange';
  const expected = `a tick of ${symbol} with size ${size}, put in at ${source}`;

  const streams = new Map<string, Stream>();
  const problems = new Map<string, string>();
  try {
    for (const service of ['market-data', 'orchestrator'] as const) {
      const url = `${targets.services[service]}${WHERE[service].path}`;
      await openStream(url, [symbol], token, patienceMs).then(
        (stream) => streams.set(service, stream),
        (error: unknown) => problems.set(service, messageOf(error)),
      );
    }
    const sent = performance.now();
    const putIn = await putTick(context, symbol, price, size).catch((error: unknown) => messageOf(error));
    for (const service of ['market-data', 'orchestrator'] as const) {
      await runner.check(WHERE[service].name, expected, async () => {
        const stream = streams.get(service);
        if (stream === undefined) throw new NotAsExpected(problems.get(service) ?? 'no stream');
        if (putIn !== undefined) throw new NotAsExpected(`the tick could not be put in: ${putIn}`);
        const isOurs = (message: Message) =>
          message['type'] === 'tick' && message['symbol'] === symbol && Number(message['size']) === size;
        const message = await stream.find(isOurs, patienceMs);
        if (message === undefined) throw new NotAsExpected(`nothing of it within ${Math.round(patienceMs / 1000)} s`);
        if (Number(message['price']) !== Number(price))
          throw new NotAsExpected(`price ${text(message['price'])}, sent ${price}`);
        return {
          found: `price ${text(message['price'])}, ${Math.round(performance.now() - sent)} ms later`,
          value: undefined,
        };
      });
    }
    if (putIn !== undefined) {
      runner.notTried('tick: in the database', STORED, 'the tick could not be put in');
      return;
    }
  } finally {
    for (const stream of streams.values()) stream.close();
  }

  await runner.check('tick: in the database', STORED, async () => {
    const found = await eventually({ ...context, everyMs: 250 }, async () => {
      const answer = await http.get(
        `${targets.services['observability-api']}/api/storage/ticks?symbol=${symbol}&limit=1000`,
      );
      const ticks = list(answer.json, 'ticks');
      const row = ticks.find((tick) => Number(tick['size'] ?? tick['volume']) === size);
      if (row === undefined) return { seen: `${answer.status}, ${ticks.length} ticks, ours is not among them` };
      return Number(row['price']) === Number(price)
        ? { done: row }
        : { seen: `price ${text(row['price'])}, sent ${price}` };
    });
    return { found: `stored with price ${text(found['price'])}`, value: undefined };
  });
}

/** @returns why it was refused, where it was */
async function putTick(context: Context, symbol: string, price: string, size: number): Promise<string | undefined> {
  const { http, targets } = context;
  const timestamp = new Date().toISOString();
  if (targets.exchange !== undefined) {
    const answer = await http.post(`${targets.exchange}/sim/ticks`, [{ symbol, price, size: String(size), timestamp }]);
    return answer.status >= 200 && answer.status < 300 ? undefined : show(answer);
  }
  const tick = { symbol, price, volume: size, timestamp, bid: price, ask: price };
  const answer = await http.post(`${targets.services.orchestrator}/api/v1/market_data`, tick);
  return answer.status === 200 && at(answer.json, 'accepted') === 1 ? undefined : show(answer);
}

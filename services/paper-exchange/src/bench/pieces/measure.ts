import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { findLeanFiles } from '../../market/lean-files.ts';
import { readLeanFile } from '../../market/lean-reader.ts';
import { mergeByTime } from '../../market/merge.ts';
import { frameWriter } from '../../streams/frames.ts';
import { startExchange } from '../../testing/start-exchange.ts';

/** One line of the benchmark table: a figure and the ceiling that was measured beside it. */
export interface Figure {
  name: string;
  value: number;
  unit: string;
  ceiling: number;
  ceiling_name: string;
}

const rate = (count: number, seconds: number): number => Math.round(count / seconds);

/** Rows a second through reader, merge and encoder, with nobody to send to: what a replay could reach at best. */
export async function replayCeiling(paths: readonly string[]): Promise<number> {
  const files = await findLeanFiles(paths);
  const writer = frameWriter('msgpack');
  const begun = performance.now();
  let rows = 0;
  for await (const batch of mergeByTime(files.map((file) => readLeanFile(file)))) {
    for (const tick of batch) {
      if (writer.full) writer.take();
      writer.add(tick);
    }
    rows += batch.length;
  }
  return rate(rows, (performance.now() - begun) / 1000);
}

/** Ticks a second that a reader on another thread gets of a whole replay; it has to get every one. */
export async function replayRate(paths: readonly string[], kind: 'raw' | 'client'): Promise<number> {
  const px = await startExchange({ source: 'replay', replay: { paths } });
  const { dataUrl, key, secret } = px;
  const reader = new Worker(new URL('consumer.ts', import.meta.url), { workerData: { kind, dataUrl, key, secret } });
  const ask = async (): Promise<{ count: number; seconds: number }> => {
    reader.postMessage('count', []);
    const [answer] = (await once(reader, 'message')) as [{ count: number; seconds: number }];
    return answer;
  };
  try {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const { sent } = px.exchange.data;
      const got = await ask();
      if (px.exchange.source?.status().finished === true && got.count === sent.trades + sent.quotes) {
        return rate(got.count, got.seconds);
      }
    }
  } finally {
    reader.postMessage('close', []);
    await once(reader, 'exit');
    await px.close();
  }
}

/** Orders a second, each accepted, filled and answered, over so many connections; and bare answers for comparison. */
export async function orderRate(seconds: number, connections: number): Promise<{ orders: number; bare: number }> {
  const px = await startExchange({ startingCash: 1_000_000_000, symbols: ['AAPL'] });
  await px.sim('POST', '/sim/ticks', { symbol: 'AAPL', bid: 99, ask: 101, bid_size: 1e9, ask_size: 1e9 });
  const headers = { 'APCA-API-KEY-ID': px.key, 'APCA-API-SECRET-KEY': px.secret, 'content-type': 'application/json' };
  const body = JSON.stringify({ symbol: 'AAPL', qty: 1, side: 'buy', type: 'market', time_in_force: 'day' });

  async function run(request: () => Promise<Response>): Promise<number> {
    let done = 0;
    const begun = performance.now();
    const until = begun + seconds * 1000;
    const loop = async (): Promise<void> => {
      while (performance.now() < until) {
        const answer = await request();
        await answer.arrayBuffer();
        if (!answer.ok) throw new Error(`an answer was ${answer.status}`);
        done += 1;
      }
    };
    await Promise.all(Array.from({ length: connections }, loop));
    return rate(done, (performance.now() - begun) / 1000);
  }
  try {
    const bare = await run(() => fetch(`${px.url}/health`));
    const orders = await run(() => fetch(`${px.url}/v2/orders`, { method: 'POST', headers, body }));
    return { orders, bare };
  } finally {
    await px.close();
  }
}

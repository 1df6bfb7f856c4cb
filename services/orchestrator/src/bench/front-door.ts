// node services/orchestrator/src/bench/front-door.ts [orders]
// Orders a second through the front door, beside the same engine double without it; 100 under way at all times.
import { randomUUID } from 'node:crypto';
import { Pool } from 'undici';
import { startTestBundle } from '../testing/bundle.ts';

const ORDERS = Number(process.argv[2] ?? 10_000);
const CONCURRENT = 100;

async function drive(
  origin: string,
  path: string,
  orders: number,
): Promise<{ rate: number; p50: number; p99: number }> {
  const pool = new Pool(origin, { connections: CONCURRENT });
  const latencies: number[] = [];
  let left = orders;
  const one = async (): Promise<void> => {
    for (; left > 0; left -= 1) {
      const startedAt = performance.now();
      const body = JSON.stringify({
        symbol: 'AAPL',
        side: 'buy',
        type: 'market',
        quantity: 1,
        client_order_id: randomUUID(),
      });
      const answer = await pool.request({
        method: 'POST',
        path,
        body,
        headers: { 'content-type': 'application/json' },
      });
      await answer.body.text();
      if (answer.statusCode !== 200) throw new Error(`an order was answered ${answer.statusCode}`);
      latencies.push(performance.now() - startedAt);
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: CONCURRENT }, one));
  const seconds = (performance.now() - startedAt) / 1000;
  await pool.close();
  latencies.sort((a, b) => a - b);
  const at = (quantile: number): number =>
    Math.round(latencies[Math.ceil(quantile * latencies.length) - 1]! * 100) / 100;
  return { rate: Math.round(latencies.length / seconds), p50: at(0.5), p99: at(0.99) };
}

const bundle = await startTestBundle();
const engine = bundle.doubles['execution-engine'];
try {
  engine.answers.set('POST /orders', ({ body }) => ({
    body: { order_id: 'o', client_order_id: (body as { client_order_id: string }).client_order_id, status: 'accepted' },
  }));
  const front = await bundle.service.app.listen({ host: '127.0.0.1', port: 0 });
  const direct = `http://127.0.0.1:${engine.port}`;
  await drive(front, '/api/v1/orders', 1_000);
  await drive(direct, '/orders', 1_000);
  const ceiling = await drive(direct, '/orders', ORDERS);
  const { rate, p50, p99 } = await drive(front, '/api/v1/orders', ORDERS);
  console.log(
    JSON.stringify({
      name: 'orders through the front door',
      value: rate,
      unit: 'orders/s',
      ceiling: ceiling.rate,
      ceiling_name: 'the same engine double asked directly',
      p50_ms: p50,
      p99_ms: p99,
    }),
  );
} finally {
  await bundle.close();
}

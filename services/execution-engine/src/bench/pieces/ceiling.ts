// The least that an intake can be: fastify with the order's schema, and one group-committed INSERT. Prints its port.
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import { Secret } from '@papergate/config';
import { createPool, OrderRequestSchema, type OrderRequest } from '@papergate/service-kit';

const INSERT = `INSERT INTO orders (order_id, client_order_id, request_hash, source, symbol, side, type, quantity, time_in_force, status)
  SELECT order_id, client_order_id, 'ceiling', 'api', symbol, side, type, quantity, 'day', 'canceled'
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::numeric[]) AS c(order_id, client_order_id, symbol, side, type, quantity)
  ON CONFLICT (client_order_id) DO NOTHING RETURNING order_id`;

const pool = createPool({ url: new Secret(process.argv[2] ?? ''), poolSize: 2, applicationName: 'ceiling' });
let waiting: { id: string; order: OrderRequest; done: () => void }[] = [];
let running = false;

async function drain(): Promise<void> {
  while (waiting.length > 0) {
    const batch = waiting;
    waiting = [];
    await pool.query({
      name: 'ceiling',
      text: INSERT,
      values: [
        batch.map(({ id }) => id),
        batch.map(({ id }) => `ceiling-${id}`),
        batch.map(({ order }) => order.symbol),
        batch.map(({ order }) => order.side),
        batch.map(({ order }) => order.type),
        batch.map(({ order }) => String(order.quantity)),
      ],
    });
    for (const { done } of batch) done();
  }
  running = false;
}

const app = Fastify();
app.post<{ Body: OrderRequest }>('/orders', { schema: { body: OrderRequestSchema } }, async ({ body }) => {
  const id = randomUUID();
  await new Promise<void>((done) => {
    waiting.push({ id, order: body, done });
    if (running) return;
    running = true;
    setImmediate(() => void drain());
  });
  return { order_id: id, client_order_id: `ceiling-${id}`, status: 'accepted' };
});
await app.listen({ host: '127.0.0.1', port: 0 });
console.log((app.server.address() as AddressInfo).port);
process.stdin.on('end', () => process.exit(0)).resume();

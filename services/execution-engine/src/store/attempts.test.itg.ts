import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { createPool, type Pool } from '@papergate/service-kit';
import { startTestDatabase, until, type TestDatabase } from '@papergate/service-kit/testing';
import { createAttempts } from './attempts.ts';

jest.setTimeout(60_000);

/** Orders that wait, and as many that have ended. */
const ORDERS = 3_000;

let database: TestDatabase;
let pool: Pool;
beforeAll(async () => {
  database = await startTestDatabase();
  pool = createPool({ url: database.url, poolSize: 1, applicationName: 'attempts' });
});
afterAll(async () => {
  await pool.end();
  await database.close();
});

test('an attempt is recorded without reading all that is open', async () => {
  await pool.query(`UPDATE order_writer SET fence = 7`);
  const waiting = Array.from({ length: ORDERS }, () => randomUUID());
  const insert = (ids: readonly string[], status: string, brokerId: string) =>
    pool.query(
      `INSERT INTO orders (order_id, client_order_id, broker_order_id, request_hash, source, symbol, side, type, quantity, time_in_force, status, attempts)
        SELECT id, id::text, ${brokerId}, 'h', 'api', 'AAPL', 'buy', 'market', 1, 'day', $2, 0 FROM unnest($1::uuid[]) AS c(id)`,
      [ids, status],
    );
  const ended = waiting.map(() => randomUUID());
  await insert(ended, 'filled', 'id::text');
  // What the planner knows is of before a burst: nothing waits, and every order is at the broker.
  await pool.query('ANALYZE orders');
  await insert(waiting, 'accepted', 'NULL');
  const read = async (): Promise<number> => {
    await pool.query('SELECT pg_stat_force_next_flush()');
    const { rows } = await pool.query<{ read: string }>(
      `SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) AS read FROM pg_stat_user_tables WHERE relname = 'orders'`,
    );
    return Number(rows[0]?.read);
  };
  const before = await read();
  const attempts = createAttempts({ pool, fence: () => 7 });
  // More than five: from then on the server has one plan for all.
  for (const orderId of waiting.slice(0, 20)) await attempts.record({ orderId, number: 1, at: Date.now() });
  const found = await until('the statistics', async () => {
    const now = await read();
    return now > before ? now - before : undefined;
  });
  expect(found).toBeLessThan(ORDERS);
});

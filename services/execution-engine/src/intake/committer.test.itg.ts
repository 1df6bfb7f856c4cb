import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createPool, type ActingRequest, type Pool } from '@papergate/service-kit';
import { startTestDatabase, type TestDatabase } from '@papergate/service-kit/testing';
import type { NewOrder } from '../ledger/order.ts';
import { newOrder } from '../testing/make.ts';
import { createCommitter, type Committer } from './committer.ts';

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await startTestDatabase();
  pool = createPool({ url: database.url, poolSize: 2, applicationName: 'test' });
}, 120_000);

afterAll(async () => {
  await pool.end();
  await database.close();
});

const by = (id: string): ActingRequest => ({ actor: { name: 'olga', role: 'trader' }, id });
const order = (change: Partial<NewOrder> = {}): NewOrder =>
  newOrder({ orderId: randomUUID(), clientOrderId: randomUUID(), ...change });

/** On a fence of its own, and how many orders went into each statement. */
async function committer(on: Pool = pool): Promise<{ made: Committer; batches: number[] }> {
  const { rows } = await pool.query<{ fence: string }>('SELECT fence FROM order_writer');
  const batches: number[] = [];
  const made = createCommitter({
    pool: on,
    fence: () => Number(rows[0]?.fence),
    release: 'a-commit',
    onBatch: (orders) => batches.push(orders),
  });
  return { made, batches };
}

describe('orders that come together', () => {
  test('stand as they were given, whether all, some or none of them have what an order may lack', async () => {
    const bare = order();
    const limited = order({
      type: 'stop_limit',
      price: '10.5',
      stopPrice: '11',
      strategy: 'momentum',
      source: 'signal',
    });
    const withPrice = order({ type: 'limit', price: '0.000000001' });
    const { made, batches } = await committer();
    for (const group of [[bare], [limited, withPrice], [order(), order({ type: 'stop', stopPrice: '3' }), order()]]) {
      const results = await Promise.all(group.map((one, index) => made.commit(one, by(`request-${index}`))));
      expect(results).toEqual(group.map(() => ({ kind: 'committed' })));
      const { rows } = await pool.query(
        `SELECT order_id AS "orderId", client_order_id AS "clientOrderId", request_hash AS "requestHash", source, strategy, symbol,
           side, type, quantity::text, price::text, stop_price::text AS "stopPrice", time_in_force AS "timeInForce",
           (extract(epoch FROM created_at) * 1000)::float8 AS "createdAt"
         FROM orders WHERE order_id = ANY($1) ORDER BY array_position($1, order_id)`,
        [group.map(({ orderId }) => orderId)],
      );
      expect(rows).toEqual(group);
    }
    expect(batches).toEqual([1, 2, 3]);
  });

  test('among which one has the id of another order: it alone is told so, and only the others are in the audit', async () => {
    const earlier = order({ requestHash: 'of the earlier' });
    const { made, batches } = await committer();
    await made.commit(earlier, by('request-0'));
    const again = order({ clientOrderId: earlier.clientOrderId });
    const others = [order(), order()];
    const [first, twin, last] = await Promise.all(
      [others[0], again, others[1]].map((one, index) => made.commit(one as NewOrder, by(`request-${index}`))),
    );
    expect([first, last]).toEqual([{ kind: 'committed' }, { kind: 'committed' }]);
    expect(twin).toEqual({
      kind: 'exists',
      stored: { orderId: earlier.orderId, requestHash: 'of the earlier' },
    });
    expect(batches).toEqual([1, 3]);
    const { rows } = await pool.query<{ subject: string; request_id: string }>(
      'SELECT subject, request_id FROM access_audit WHERE subject = ANY($1) ORDER BY request_id',
      [[again, ...others].map(({ orderId }) => orderId)],
    );
    expect(rows.map(({ subject, request_id: id }) => [subject, id])).toEqual([
      [others[0]?.orderId, 'request-0'],
      [others[1]?.orderId, 'request-2'],
    ]);
    expect(made.takeDoubtful()).toEqual([]);
  });
});

test('an answer that does not account for every order confirms none: they are in doubt', async () => {
  const answering = { query: () => Promise.resolve({ rows: [{ stored: 1, others: [] }] }) } as unknown as Pool;
  const { made } = await committer(answering);
  const orders = [order(), order()];
  const outcomes = await Promise.allSettled(orders.map((one) => made.commit(one, by('request-0'))));
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(made.takeDoubtful()).toEqual(orders);
});

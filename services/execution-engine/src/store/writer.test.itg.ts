import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createPool, type Pool } from '@papergate/service-kit';
import { startTestDatabase, until, type TestDatabase } from '@papergate/service-kit/testing';
import { Book, noChanges } from '../ledger/book.ts';
import { createCommitter } from '../intake/committer.ts';
import { newOrder } from '../testing/make.ts';
import { createAttempts } from './attempts.ts';
import { createWriterLock, type WriterLock } from './writer-lock.ts';
import { assertFence, writeChanges } from './write-changes.ts';

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await startTestDatabase();
  pool = createPool({ url: database.url, poolSize: 4, applicationName: 'test' });
}, 120_000);

afterAll(async () => {
  await pool.end();
  await database.close();
});

beforeEach(async () => {
  await pool.query('DELETE FROM orders');
});

/** A writer whose clock stands still while `stopped`: it renews nothing, and its connection stays open. */
function writer(leaseMs: number) {
  const world = { lost: 0, at: 0, stopped: false };
  const lock = createWriterLock({
    url: database.url,
    holder: 'test',
    retryMs: 20,
    leaseMs,
    monotonic: () => (world.stopped ? world.at : performance.now()),
    onLost: () => {
      world.lost += 1;
    },
  });
  return { world, lock };
}

const fenceOf = (lock: WriterLock): number => lock.fence ?? -1;
const committer = (fence: number) => createCommitter({ pool, fence: () => fence });
const attempts = (fence: number) => createAttempts({ pool, fence: () => fence });
const id = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

describe('one writer', () => {
  test('waits while another renews its lease, and takes over at once when it ends', async () => {
    const first = writer(400);
    await first.lock.acquired();
    const second = writer(400);
    // Longer than a lease: it is renewed all the while.
    const until800 = performance.now() + 800;
    await until('two leases to pass', () => performance.now() > until800);
    expect([first.lock.held, second.lock.held]).toEqual([true, false]);
    expect(second.lock.reason).toContain('another execution-engine holds');
    await first.lock.close();
    await second.lock.acquired();
    expect(fenceOf(second.lock)).toBe(fenceOf(first.lock) + 1);
    await second.lock.close();
  });

  test('replaces one whose lease has run out although its connection stands, and that one finds itself out', async () => {
    const first = writer(10_000);
    await first.lock.acquired();
    // As a process that is stopped: nothing more comes from it.
    await pool.query(`UPDATE order_writer_lease SET renewed_at = now() - interval '11 s'`);
    const second = writer(10_000);
    await second.lock.acquired();
    await until('the first to notice', () => first.world.lost > 0);
    expect([first.lock.held, second.lock.held]).toEqual([false, true]);
    await first.lock.close();
    await second.lock.close();
  });

  test('counts as the writer no longer than its lease without a word to the database', async () => {
    const { world, lock } = writer(1_000);
    await lock.acquired();
    expect(lock.held).toBe(true);
    world.at = performance.now() + 1_100;
    world.stopped = true;
    expect(lock.held).toBe(false);
    expect(lock.reason).toContain('could not be renewed');
    await lock.close();
  });

  test('leaves a holder alone that knows no leases: an older release', async () => {
    const first = writer(10_000);
    await first.lock.acquired();
    // What an older release does when it takes over.
    await pool.query(`UPDATE order_writer SET fence = fence + 1, holder = 'older'`);
    await pool.query(`UPDATE order_writer_lease SET renewed_at = now() - interval '1 hour'`);
    const second = writer(10_000);
    await until('a refusal', () => second.lock.reason.includes('older'));
    expect(second.lock.held).toBe(false);
    await second.lock.close();
    await first.lock.close();
  });
});

describe('the fence', () => {
  const raise = async (): Promise<number> => {
    const { rows } = await pool.query<{ fence: string }>('UPDATE order_writer SET fence = fence + 1 RETURNING fence');
    return Number(rows[0]?.fence);
  };

  test('lets the writer commit an order and record its attempt, and one that was replaced do neither', async () => {
    const fence = await raise();
    const order = newOrder({ orderId: id(1), clientOrderId: 'a' });
    expect(await committer(fence).commit(order)).toEqual({ kind: 'committed' });
    await attempts(fence).record({ orderId: id(1), number: 1, at: 1_700_000_000_000 });
    const { rows } = await pool.query('SELECT status, attempts, attempt_fence::int AS fence FROM orders');
    expect(rows).toEqual([{ status: 'sending', attempts: 1, fence }]);

    await raise();
    await expect(attempts(fence).record({ orderId: id(1), number: 2, at: 1_700_000_000_001 })).rejects.toMatchObject({
      code: 'ORDER_WRITER_REPLACED',
    });
    await expect(committer(fence).commit(newOrder({ orderId: id(2), clientOrderId: 'b' }))).rejects.toThrow(
      'another execution-engine',
    );
    await expect(writeChanges(pool, fence, new Book(), noChanges(), [])).rejects.toMatchObject({
      code: 'ORDER_WRITER_REPLACED',
    });
    const after = await pool.query('SELECT attempts FROM orders');
    expect(after.rows).toEqual([{ attempts: 1 }]);
  });

  test('records no attempt for an order that does not wait: one that the broker has, or that has ended', async () => {
    const fence = await raise();
    for (const [number, change] of [
      [1, `broker_order_id = 'b'`],
      [2, `status = 'canceled'`],
    ] as const) {
      await committer(fence).commit(newOrder({ orderId: id(number), clientOrderId: `o-${number}` }));
      await pool.query(`UPDATE orders SET ${change} WHERE order_id = $1`, [id(number)]);
      await expect(attempts(fence).record({ orderId: id(number), number: 1, at: 1 })).rejects.toMatchObject({
        code: 'ATTEMPT_REFUSED',
      });
    }
  });

  test('records many attempts at once, each for itself', async () => {
    const fence = await raise();
    const orders = Array.from({ length: 50 }, (_, index) =>
      newOrder({ orderId: id(index), clientOrderId: `many-${index}` }),
    );
    const commit = committer(fence);
    await Promise.all(orders.map((order) => commit.commit(order)));
    await pool.query(`UPDATE orders SET status = 'filled' WHERE client_order_id = 'many-7'`);
    const record = attempts(fence);
    const outcomes = await Promise.allSettled(
      orders.map(({ orderId }) => record.record({ orderId, number: 1, at: 1_700_000_000_000 })),
    );
    expect(outcomes.flatMap(({ status }, index) => (status === 'rejected' ? [index] : []))).toEqual([7]);
  });

  test('ends a transaction of the ledger that stands still, so that a successor can begin', async () => {
    const fence = await raise();
    const client = await pool.connect();
    client.on('error', () => undefined);
    await client.query('BEGIN');
    await assertFence(client, fence, 100);
    expect(await raise()).toBe(fence + 1);
    client.release(true);
  }, 20_000);
});

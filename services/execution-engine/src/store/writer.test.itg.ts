import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { createPool, type ActingRequest, type Pool } from '@papergate/service-kit';
import { startTestDatabase, until, type TestDatabase } from '@papergate/service-kit/testing';
import { Book, noChanges } from '../ledger/book.ts';
import { createCommitter } from '../intake/committer.ts';
import type { NewOrder } from '../ledger/order.ts';
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
function writer(leaseMs: number, answerMs = 5_000) {
  const world = { lost: 0, at: 0, stopped: false };
  const lock = createWriterLock({
    url: database.url,
    holder: 'test',
    retryMs: 20,
    leaseMs,
    answerMs,
    monotonic: () => (world.stopped ? world.at : performance.now()),
    onLost: () => {
      world.lost += 1;
    },
  });
  return { world, lock };
}

/** A holder of the lock that renews nothing, on a connection that stands: a process that is stopped. */
async function standIn(fence: number) {
  const client = new pg.Client({ connectionString: database.url.reveal() });
  let ended = false;
  client.on('error', () => {
    ended = true;
  });
  await client.connect();
  return {
    ended: () => ended,
    async lock() {
      await until('the lock to be free', async () => {
        const { rows } = await client.query<{ got: boolean }>('SELECT pg_try_advisory_lock($1) AS got', [
          '8097826548204180591',
        ]);
        return rows[0]?.got === true;
      });
      const { rows } = await client.query<{ fence: string }>('SELECT fence FROM order_writer_lease');
      expect(Number(rows[0]?.fence)).toBe(fence);
    },
  };
}

const fenceOf = (lock: WriterLock): number => lock.fence ?? -1;
const BY: ActingRequest = { actor: { name: 'tom', role: 'trader' }, id: 'front-1' };
const committer = (fence: number) => {
  const { commit } = createCommitter({ pool, fence: () => fence, release: 'abc' });
  return { commit: (order: NewOrder, by = BY) => commit(order, by) };
};
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

  test('replaces one that stands still although the database’s clock was set back since its last renewal', async () => {
    const first = writer(300);
    await first.lock.acquired();
    const holder = await standIn(fenceOf(first.lock));
    await first.lock.close();
    await holder.lock();
    await pool.query(`UPDATE order_writer_lease SET renewed_at = now() + interval '1 hour'`);
    const second = writer(300);
    await second.lock.acquired();
    await until('the connection that stood still to be ended', () => holder.ended());
    expect(fenceOf(second.lock)).toBe(fenceOf(first.lock) + 1);
    await second.lock.close();
  });

  test('is not ended by one that was replaced, even where it is late with its own lease', async () => {
    const first = writer(10_000);
    await first.lock.acquired();
    await pool.query(`UPDATE order_writer_lease SET renewed_at = now() - interval '11 s'`);
    const second = writer(10_000);
    await second.lock.acquired();
    const { rows } = await pool.query<{ pid: number }>(
      `UPDATE order_writer_lease SET renewed_at = now() - interval '11 s'
       RETURNING (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted) AS pid`,
    );
    await until('the first to notice', () => first.world.lost > 0);
    const after = await pool.query<{ pid: number }>(`SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted`);
    expect([second.lock.held, after.rows]).toEqual([true, rows]);
    await first.lock.close();
    await second.lock.close();
  });

  test('gets its fence as soon as it is free, however often it had to give up waiting for it', async () => {
    const blocker = await pool.connect();
    await blocker.query('BEGIN');
    await blocker.query('SELECT fence FROM order_writer FOR SHARE');
    const { lock } = writer(300, 250);
    let waits = 0;
    await until('a few tries', async () => {
      const { rows } = await pool.query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity WHERE application_name = 'papergate-order-writer' AND wait_event_type = 'Lock'`,
      );
      // What nobody waits for any more does not go on waiting itself, with the lock in its hand.
      expect(rows.length).toBeLessThanOrEqual(1);
      if (lock.reason.includes('statement timeout')) waits += 1;
      return waits > 3;
    });
    expect(lock.held).toBe(false);
    await blocker.query('COMMIT');
    blocker.release();
    await lock.acquired();
    expect(lock.held).toBe(true);
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

  test('lets no order stand without who placed it, and notes nobody whose order does not', async () => {
    const fence = await raise();
    const placed = (name: string) =>
      pool.query(
        'SELECT service, actor, role, action, subject, outcome, request_id, release FROM access_audit WHERE actor = $1',
        [name],
      );
    const by = (name: string): ActingRequest => ({ actor: { name, role: 'trader' }, id: `of-${name}` });
    const { commit } = committer(fence);
    const twice = newOrder({ orderId: id(51), clientOrderId: 'noted' });
    expect(await commit(twice, by('nora'))).toEqual({ kind: 'committed' });
    expect((await placed('nora')).rows).toEqual([
      {
        service: 'execution-engine',
        actor: 'nora',
        role: 'trader',
        action: 'order.place',
        subject: id(51),
        outcome: 'OK',
        request_id: 'of-nora',
        release: 'abc',
      },
    ]);
    expect(await commit({ ...twice, orderId: id(52) }, by('otto'))).toMatchObject({ kind: 'exists' });
    expect((await placed('otto')).rows).toEqual([]);
    await raise();
    await expect(commit(newOrder({ orderId: id(53), clientOrderId: 'late' }), by('late'))).rejects.toThrow();
    expect((await placed('late')).rows).toEqual([]);
    const { rows } = await pool.query('SELECT order_id FROM orders WHERE order_id = ANY($1::uuid[])', [
      [id(51), id(52), id(53)],
    ]);
    expect(rows).toEqual([{ order_id: id(51) }]);
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

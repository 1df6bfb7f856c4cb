import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Secret } from '@papergate/config';
import { startTestDatabase, type TestDatabase } from '../testing/index.ts';
import { migrateDatabase, schemaVersion } from './migrate.ts';
import { checkDatabase, createPool, transaction, type Pool } from './pool.ts';

let database: TestDatabase;
let pool: Pool;
beforeAll(async () => {
  database = await startTestDatabase({ migrate: false });
  pool = createPool({ url: database.url, poolSize: 3, applicationName: 'test' });
}, 60_000);
afterAll(async () => {
  await pool.end();
  await database.close();
});

describe('migrations', () => {
  test('two at once are one: every migration is applied exactly once', async () => {
    const reports = await Promise.all([migrateDatabase(database.url), migrateDatabase(database.url)]);
    const applied = reports.flatMap((report) => report.applied);
    expect(new Set(applied).size).toBe(applied.length);
    expect(applied.length).toBeGreaterThan(0);
    expect(reports.map((report) => report.schema_version)).toEqual([schemaVersion(), schemaVersion()]);
    expect(await migrateDatabase(database.url)).toEqual({ applied: [], schema_version: schemaVersion() });
  });

  test('a fresh database trades, and says since when', async () => {
    const { rows } = await pool.query('SELECT state, reason FROM trading_state');
    expect(rows).toEqual([{ state: 'ACTIVE', reason: 'first start' }]);
  });

  test('the schema itself refuses an order that is filled beyond its quantity', async () => {
    await expect(
      pool.query(
        `INSERT INTO orders (order_id, client_order_id, request_hash, source, symbol, side, type, quantity, time_in_force, status, filled_quantity)
         VALUES (gen_random_uuid(), 'c', 'h', 'api', 'SPY', 'buy', 'market', 1, 'day', 'filled', 2)`,
      ),
    ).rejects.toThrow(/check constraint/);
  });

  test('a missing URL is the caller’s mistake, a dead server is not; neither shows the password', async () => {
    await expect(migrateDatabase(undefined)).rejects.toMatchObject({ code: 'DATABASE_URL_MISSING', exitCode: 2 });
    const failure: unknown = await migrateDatabase(new Secret('postgres://u:hunter2@127.0.0.1:1/none')).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({
      code: 'MIGRATION_FAILED',
      exitCode: 3,
      message: expect.stringContaining('127.0.0.1:1/none'),
    });
    expect(String(failure)).not.toContain('hunter2');
  });
});

describe('a transaction', () => {
  test('keeps everything or nothing', async () => {
    const insert = (reason: string) => `UPDATE trading_state SET reason = '${reason}'`;
    await transaction(pool, (client) => client.query(insert('kept')));
    await expect(
      transaction(pool, async (client) => {
        await client.query(insert('lost'));
        throw new Error('half-way');
      }),
    ).rejects.toThrow('half-way');
    expect((await pool.query('SELECT reason FROM trading_state')).rows).toEqual([{ reason: 'kept' }]);
  });

  test('whose connection dies is not kept, and the pool goes on', async () => {
    await expect(
      transaction(pool, async (client) => {
        await client.query(`UPDATE trading_state SET reason = 'lost'`);
        const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
        await pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
        await client.query('SELECT 1');
      }),
    ).rejects.toThrow();
    expect((await pool.query('SELECT reason FROM trading_state')).rows).toEqual([{ reason: 'kept' }]);
  });
});

test('a database that does not answer is named without its password', async () => {
  const url = new Secret('postgres://u:hunter2@127.0.0.1:1/none');
  const dead = createPool({ url, poolSize: 1, applicationName: 'test' });
  await expect(checkDatabase(dead, url)).rejects.toMatchObject({
    code: 'DATABASE_UNREACHABLE',
    message: expect.not.stringContaining('hunter2'),
  });
  await dead.end();
});

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

  describe('of a folder that grows', () => {
    let dir: string;
    beforeAll(() => {
      dir = mkdtempSync(join(tmpdir(), 'papergate-migrations-'));
      cpSync(new URL('../../migrations', import.meta.url), dir, { recursive: true });
    });
    afterAll(() => rmSync(dir, { recursive: true, force: true }));
    const add = (name: string, sql: string): void => writeFileSync(join(dir, `${name}.sql`), sql);
    const apply = (patience = {}) => migrateDatabase(database.url, { dir, ...patience });

    test('are applied as they come, also those that cannot run in a transaction', async () => {
      add(
        '9002_note',
        '-- Up Migration\nALTER TABLE signals ADD COLUMN note text;\n-- Down Migration\nDROP TABLE signals;',
      );
      add('9003_index', '-- papergate: no transaction\nCREATE INDEX CONCURRENTLY signals_note ON signals (note)');
      expect(await apply()).toEqual({ applied: ['9002_note', '9003_index'], schema_version: '9003_index' });
      const { rows } = await pool.query("SELECT indisvalid FROM pg_index WHERE indexrelid = 'signals_note'::regclass");
      expect(rows).toEqual([{ indisvalid: true }]);
    });

    test('a release that is older than the database leaves it as it is', async () => {
      expect(await migrateDatabase(database.url)).toEqual({ applied: [], schema_version: schemaVersion() });
    });

    test('one that was edited after it was applied is refused by name, and nothing after it is applied', async () => {
      const text = readFileSync(join(dir, '9002_note.sql'), 'utf8');
      add('9002_note', `${text}\n`);
      add('9004_more', 'CREATE TABLE more (a integer)');
      await expect(apply()).rejects.toMatchObject({
        code: 'MIGRATION_EDITED',
        exitCode: 2,
        message: expect.stringContaining('9002_note.sql'),
      });
      expect((await pool.query("SELECT to_regclass('more') AS found")).rows).toEqual([{ found: null }]);
      add('9002_note', text);
      expect((await apply()).applied).toEqual(['9004_more']);
    });

    test('an index that could not be built is built anew, and not taken for one that was', async () => {
      await pool.query('INSERT INTO more VALUES (1), (1)');
      add('9005_unique', '-- papergate: no transaction\nCREATE UNIQUE INDEX CONCURRENTLY more_a ON more (a)');
      await expect(apply()).rejects.toMatchObject({ code: 'MIGRATION_FAILED' });
      await pool.query('DELETE FROM more');
      expect((await apply()).applied).toEqual(['9005_unique']);
    });

    test('one that would hold up everybody behind a long transaction lets go, and comes again', async () => {
      add('9006_wait', 'ALTER TABLE more ADD COLUMN b integer');
      const long = await pool.connect();
      await long.query('BEGIN');
      await long.query('SELECT * FROM more');
      await expect(apply({ attempts: 1 })).rejects.toMatchObject({ code: 'MIGRATION_FAILED' });
      const patient = apply({ pauseMs: 10 });
      await long.query('COMMIT');
      long.release();
      expect((await patient).applied).toEqual(['9006_wait']);
    });
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

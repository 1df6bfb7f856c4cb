import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { DatabaseAccess } from '../deliver/types.ts';
import { checkpoint } from './checkpoint.ts';
import { databaseHooks } from './delivery.ts';
import { planRestore } from './plan-restore.ts';
import { pruneCheckpoints } from './retention.ts';
import { restore, revertRestore, setAsideDatabases, type RestoreOptions, type RestoreOutcome } from './restore.ts';
import { startTestCluster, type TestCluster } from './testing/cluster.ts';
import type { Checkpoint, CheckpointStore } from './types.ts';

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startTestCluster();
}, 60_000);
afterAll(() => cluster.close());

const SQL = `CREATE TABLE orders (id int PRIMARY KEY, status text NOT NULL DEFAULT 'new');
  CREATE TABLE trades (id serial PRIMARY KEY, n int); CREATE TABLE quiet (a int); CREATE TABLE schema_migrations (name text);
  INSERT INTO schema_migrations VALUES ('0001_first');
  INSERT INTO orders SELECT g FROM generate_series(1, 10) g; INSERT INTO trades (n) SELECT g FROM generate_series(1, 4) g`;

interface Prepared {
  database: DatabaseAccess;
  store: CheckpointStore;
  taken: Checkpoint;
  back(change?: Partial<RestoreOptions>): Promise<RestoreOutcome>;
}
async function prepare(name: string): Promise<Prepared> {
  const database = await cluster.database(name, SQL);
  const store = await cluster.store();
  const taken = await checkpoint({
    database,
    store,
    commit: 'a'.repeat(40),
    manifestDigest: 'm',
    reason: 'a test',
    now: () => new Date('2026-01-01T00:00:00Z'),
  });
  return {
    database,
    store,
    taken,
    back: (change) => restore({ database, store, id: taken.id, operation: 'run-1', confirmed: true, ...change }),
  };
}
const orders = async (database: DatabaseAccess): Promise<string> =>
  (await cluster.query(database, 'SELECT count(*) AS n, min(status) AS s FROM orders'))
    .map(({ n, s }) => `${String(n)} ${String(s)}`)
    .join();

describe('before a restore', () => {
  test('every row that was added or changed since is counted, and nothing is changed', async () => {
    const { database, store, taken } = await prepare('planned');
    const { id } = taken;
    expect(await planRestore({ database, store, id })).toMatchObject({ lost: [], exact: true });
    await cluster.query(database, 'INSERT INTO orders SELECT g FROM generate_series(11, 13) g');
    await cluster.query(database, "UPDATE orders SET status = 'filled' WHERE id <= 2; DELETE FROM trades WHERE id = 1");
    await cluster.query(database, "INSERT INTO schema_migrations VALUES ('0002_second')");
    expect(await planRestore({ database, store, id })).toMatchObject({
      exact: true,
      schema_now: '0002_second',
      schema_then: '0001_first',
      lost: [
        { table: 'orders', rows_now: 13, rows_then: 10, since: 5 },
        { table: 'schema_migrations', rows_now: 2, rows_then: 1, since: 1 },
      ],
    });
  });

  test('a transaction that was under way at the checkpoint counts as later: it is not in it', async () => {
    const database = await cluster.database('under_way', SQL);
    const store = await cluster.store();
    const client = new Client({ connectionString: database.url.reveal() });
    await client.connect();
    await client.query('BEGIN; INSERT INTO trades (n) VALUES (99)');
    // Later numbers are done before the checkpoint: it is not by the number alone.
    await cluster.query(database, 'INSERT INTO orders VALUES (50)');
    const { id } = await checkpoint({ database, store, commit: 'a', manifestDigest: 'm', reason: 'a test' });
    await client.query('COMMIT');
    await client.end();
    const { lost } = await planRestore({ database, store, id });
    expect(lost).toEqual([{ table: 'trades', rows_now: 5, rows_then: 4, since: 1 }]);
  });

  test('in a database that was made anew only the numbers of rows can be compared, and the plan says so', async () => {
    const { store, taken } = await prepare('before_rebuild');
    const database = await cluster.database('rebuilt', `${SQL}; INSERT INTO orders VALUES (11)`);
    expect(await planRestore({ database, store, id: taken.id })).toMatchObject({
      exact: false,
      lost: [{ table: 'orders', rows_now: 11, rows_then: 10, since: 1 }],
    });
  });
});

describe('a restore', () => {
  test('puts the checkpoint in place, keeps what was there beside it, and both are usable', async () => {
    const { database, store, taken, back } = await prepare('swapped');
    await cluster.query(database, `ALTER DATABASE swapped SET work_mem = '5MB'`, 'admin');
    await cluster.query(database, `ALTER DATABASE swapped SET search_path = "$user", public`, 'admin');
    await cluster.query(
      database,
      `REVOKE CONNECT ON DATABASE swapped FROM PUBLIC; ALTER DATABASE swapped CONNECTION LIMIT 77`,
      'admin',
    );
    await cluster.query(database, "UPDATE orders SET status = 'later'; INSERT INTO orders VALUES (11, 'later')");
    const { setAside, changed, checkpoint: used } = await back();
    expect([changed, used.id, setAside]).toEqual([true, taken.id, `swapped_before_${taken.id.replaceAll('-', '_')}`]);
    expect(await orders(database)).toBe('10 new');
    expect(await orders(cluster.access(setAside ?? ''))).toBe('11 later');
    // Numbers go on where they stood, and the settings of the database are still its own.
    expect(await cluster.query(database, 'INSERT INTO trades (n) VALUES (5) RETURNING id')).toEqual([{ id: 5 }]);
    const [facts] = await cluster.query(
      database,
      `SELECT current_setting('work_mem') AS mem, current_setting('search_path') AS path, datconnlimit AS max, has_database_privilege('public', oid, 'CONNECT') AS all
       FROM pg_database WHERE datname = 'swapped'`,
    );
    expect(facts).toEqual({ mem: '5MB', path: '"$user", public', max: 77, all: false });
    // What is lost by going back again can still be told exactly.
    expect((await planRestore({ database, store, id: taken.id })).lost).toEqual([
      { table: 'trades', rows_now: 5, rows_then: 4, since: 1 },
    ]);
  });

  test('called again for the same operation is not done twice; for another it is, under another name', async () => {
    const { database, back } = await prepare('again');
    const first = await back();
    await cluster.query(database, 'INSERT INTO orders VALUES (11)');
    const second = await back();
    expect(second).toMatchObject({ changed: false, setAside: first.setAside });
    expect(await orders(database)).toBe('11 new');
    const third = await back({ operation: 'run-2' });
    expect(third).toMatchObject({ changed: true, setAside: `${first.setAside}_2` });
    expect(await orders(database)).toBe('10 new');
  });

  test('can be taken back by its operation, once, and not by another', async () => {
    const { database, taken, back } = await prepare('reverted');
    await cluster.query(database, "INSERT INTO orders VALUES (11, 'kept')");
    const revert = (operation: string): Promise<{ changed: boolean }> =>
      revertRestore({ database, id: taken.id, operation });
    expect(await revert('run-1')).toEqual({ changed: false });
    await back();
    expect(await revert('run-2')).toEqual({ changed: false });
    expect(await orders(database)).toBe('10 new');
    expect(await revert('run-1')).toEqual({ changed: true });
    expect(await orders(database)).toBe('11 kept');
    expect(await revert('run-1')).toEqual({ changed: false });
    expect((await cluster.databases()).filter((name) => name.startsWith('reverted'))).toEqual(['reverted']);
  });

  test('is refused while a service uses the database, by name, and leaves nothing behind', async () => {
    const { database, back } = await prepare('in_use');
    const client = new Client({
      connectionString: database.url.reveal(),
      application_name: 'papergate-execution-engine',
    });
    await client.connect();
    await expect(back({ inUseMs: 300 })).rejects.toMatchObject({
      code: 'DATABASE_IN_USE',
      message: expect.stringContaining('papergate-execution-engine'),
    });
    await client.end();
    expect((await cluster.databases()).filter((name) => /in_use_|scratch/.test(name))).toEqual([]);
    expect((await back()).changed).toBe(true);
  });

  test('changes both names or none: where the second cannot be, the first is as it was', async () => {
    const { database, back } = await prepare('both_names');
    await cluster.query(database, 'INSERT INTO orders VALUES (11)');
    let inTheWay: Client | undefined;
    const onProgress = async (message: string): Promise<void> => {
      if (message !== 'putting it in place') return;
      const fresh = (await cluster.databases()).find((name) => name.includes('scratch')) ?? '';
      inTheWay = new Client({ connectionString: cluster.access(fresh).adminUrl.reveal() });
      inTheWay.on('error', () => undefined);
      await inTheWay.connect();
    };
    await expect(back({ onProgress })).rejects.toMatchObject({ code: 'DATABASE_FAILED', exitCode: 3 });
    await inTheWay?.end().catch(() => undefined);
    expect(await orders(database)).toBe('11 new');
    expect((await cluster.databases()).filter((name) => /both_names_|scratch/.test(name))).toEqual([]);
  });

  test('without a yes, or of a checkpoint that is not there, touches nothing', async () => {
    const { database, taken, back } = await prepare('unconfirmed');
    await expect(back({ confirmed: false })).rejects.toMatchObject({ code: 'RESTORE_NOT_CONFIRMED', exitCode: 2 });
    for (const id of ['20260101-000000-ffffff', '../../etc', 'latest']) {
      await expect(back({ id })).rejects.toMatchObject({
        code: 'CHECKPOINT_UNKNOWN',
        exitCode: 2,
        message: expect.stringContaining(taken.id),
      });
    }
    expect(await orders(database)).toBe('10 new');
  });

  test('of a damaged checkpoint stops before the database is touched', async () => {
    const { database, store, taken, back } = await prepare('damaged');
    await store.files.write(`${store.dir}/${taken.id}/${taken.file}`, 'nothing');
    await expect(back()).rejects.toMatchObject({ code: 'CHECKPOINT_CORRUPT', exitCode: 1 });
    expect(await orders(database)).toBe('10 new');
    expect((await cluster.databases()).filter((name) => name.startsWith('damaged'))).toEqual(['damaged']);
  });
});

describe('what a restore has set aside', () => {
  test('is kept for a week, and then removed with the checkpoints that are too old', async () => {
    const { database, store, taken, back } = await prepare('aside');
    const { setAside = '' } = await back({ now: () => new Date('2026-01-02T00:00:00Z') });
    expect((await setAsideDatabases(database)).map(({ name }) => name)).toEqual([setAside]);
    const prune = (now: string) => pruneCheckpoints({ database, store, now: new Date(now) });
    expect((await prune('2026-01-08T00:00:00Z')).databases).toEqual([]);
    expect(await prune('2026-01-09T00:00:01Z')).toMatchObject({ checkpoints: [], databases: [setAside] });
    expect(await cluster.databases()).not.toContain(setAside);
    expect(await orders(database)).toBe('10 new');
    expect(taken.id).toBeDefined();
  });
});

describe('the hooks of the delivery engine', () => {
  test('take a checkpoint, count what going back would lose, go back, and undo that', async () => {
    const database = await cluster.database('hooked', SQL);
    const hooks = databaseHooks(await cluster.store());
    const manifest = { commit: 'f'.repeat(40), digest: `sha256:${'e'.repeat(64)}` };
    const { id, checks } = await hooks.checkpoint(database, {
      manifest: { schema: 1, services: {}, config_digest: '', lockfile_digest: '', schema_version: 'x', ...manifest },
      reason: 'before deploy of ffffffffffff',
      onProgress: () => undefined,
      signal: new AbortController().signal,
    });
    expect(checks).toEqual([
      expect.objectContaining({
        name: 'checkpoint',
        status: 'passed',
        observed: '15 rows in 4 tables, schema 0001_first',
      }),
    ]);
    await cluster.query(database, 'INSERT INTO orders VALUES (11)');
    expect(await hooks.restore.plan(database, id)).toMatchObject({
      schemaVersion: '0001_first',
      lost: [{ table: 'orders', rows: 1 }],
    });
    await hooks.restore.apply(database, id, 'run-9');
    await hooks.restore.apply(database, id, 'run-9');
    expect(await orders(database)).toBe('10 new');
    await hooks.restore.revert(database, id, 'run-9');
    expect(await orders(database)).toBe('11 new');
  });
});

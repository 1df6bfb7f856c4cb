import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { DatabaseAccess } from '../deliver/types.ts';
import { runDue, type Action } from './due.ts';
import { exclusively } from './lock.ts';
import { listCheckpoints } from './store.ts';
import { startTestCluster, type TestCluster } from './testing/cluster.ts';
import type { CheckpointStore } from './types.ts';

let cluster: TestCluster;
let database: DatabaseAccess;
let store: CheckpointStore;
let now = new Date('2026-05-01T00:00:00Z');
beforeAll(async () => {
  cluster = await startTestCluster();
  database = await cluster.database('live', 'CREATE TABLE orders (id int); INSERT INTO orders VALUES (1), (2)');
  store = await cluster.store();
}, 60_000);
afterAll(() => cluster.close());

const turn = async (hours: number, keep: string[] = []): Promise<string[]> => {
  now = new Date(now.getTime() + hours * 3_600_000);
  const options = { database, store, commit: 'a'.repeat(40), manifestDigest: 'm', now: () => now, keep };
  return (await runDue(options)).map(({ action, ok }: Action) => `${action} ${ok ? 'done' : 'failed'}`);
};

describe('one call an hour', () => {
  test('does what is due, once, and what was missed when it comes back', async () => {
    expect(await turn(0)).toEqual(['backup done', 'drill done', 'prune done']);
    expect(await turn(1)).toEqual([]);
    expect(await turn(23)).toEqual(['backup done', 'prune done']);
    expect(await turn(24 * 20)).toEqual(['drill done', 'backup done', 'prune done']);
    expect(await turn(0)).toEqual([]);
    const { checkpoints } = await listCheckpoints(store);
    expect(checkpoints.map(({ reason }) => reason)).toEqual(['scheduled', 'scheduled', 'scheduled']);
  });

  test('removes what is older than thirty days, but not what is named', async () => {
    const { checkpoints } = await listCheckpoints(store);
    const oldest = checkpoints.at(-1)?.id ?? '';
    await turn(24 * 11, [oldest]);
    const left = (await listCheckpoints(store)).checkpoints.map(({ id }) => id);
    expect(left).toContain(oldest);
    expect(left).toHaveLength(3);
    expect(left).not.toContain(checkpoints[1]?.id);
  });

  test('leaves it to whoever is at it already, and does it the next time', async () => {
    const before = (await listCheckpoints(store)).checkpoints;
    const meanwhile = await exclusively(database, { waitMs: 0 }, () => turn(24));
    expect(meanwhile).toEqual(['backup done']);
    expect((await listCheckpoints(store)).checkpoints).toEqual(before);
    expect(await turn(0)).toEqual(['backup done', 'prune done']);
    expect((await listCheckpoints(store)).checkpoints[0]?.id).not.toBe(before[0]?.id);
  });

  test('says where a drill fails, goes on with the backup, and drills again until one succeeds', async () => {
    const [newest] = (await listCheckpoints(store)).checkpoints;
    await store.files.write(`${store.dir}/${newest?.id}/${newest?.file}`, 'damaged');
    expect(await turn(24 * 7)).toEqual(['drill failed', 'backup done', 'prune done']);
    expect(await turn(0)).toEqual(['drill done', 'prune done']);
    expect(await turn(0)).toEqual([]);
  });

  test('where the database is away fails each of them by name, and removes nothing', async () => {
    const before = await listCheckpoints(store);
    const away = cluster.access('no_such_database');
    const actions = await runDue({
      database: away,
      store,
      commit: 'a',
      manifestDigest: 'm',
      now: () => new Date(now.getTime() + 30 * 86_400_000),
    });
    expect(actions.map(({ action, ok }) => [action, ok])).toEqual([
      ['drill', false],
      ['backup', false],
    ]);
    expect(actions[0]?.detail).toMatch(/^DATABASE_MISSING: .*no_such_database/);
    expect(await listCheckpoints(store)).toEqual(before);
  });
});

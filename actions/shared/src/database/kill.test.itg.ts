import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { DatabaseAccess } from '../deliver/types.ts';
import { checkpoint } from './checkpoint.ts';
import { verifyCheckpoint } from './drill.ts';
import { restore } from './restore.ts';
import { listCheckpoints } from './store.ts';
import type { CareTask } from './testing/care-process.ts';
import { startTestCluster, type TestCluster } from './testing/cluster.ts';
import type { Checkpoint, CheckpointStore } from './types.ts';

const PROCESS = fileURLToPath(new URL('testing/care-process.ts', import.meta.url));

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startTestCluster();
}, 60_000);
afterAll(() => cluster.close());

const SQL = `CREATE TABLE orders (id int PRIMARY KEY, note text);
  INSERT INTO orders SELECT g, md5(g::text) FROM generate_series(1, 5000) g`;
const take = (database: DatabaseAccess, store: CheckpointStore): Promise<Checkpoint> =>
  checkpoint({ database, store, commit: 'a'.repeat(40), manifestDigest: 'm', reason: 'a test' });

/** Starts a process, and kills it with SIGKILL as soon as it has come so far. */
async function killAt(database: DatabaseAccess, task: Omit<CareTask, 'url' | 'adminUrl'>, delayMs = 0): Promise<void> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROCESS], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const { url, adminUrl } = database;
  child.stdin.end(JSON.stringify({ ...task, url: url.reveal(), adminUrl: adminUrl.reveal() }));
  const [line] = (await Promise.race([once(createInterface({ input: child.stdout }), 'line'), exited])) as [unknown];
  expect(line).toBe('there');
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
  child.kill('SIGKILL');
  await exited;
}

describe('a checkpoint whose process is killed', () => {
  test.each(['writing', 'reading', 'restoring', 'comparing'] as const)(
    'while it is %s counts for nothing, and the next one clears up after it',
    async (stallAt) => {
      const database = await cluster.database(`killed_${stallAt}`, SQL);
      const store = await cluster.store();
      await killAt(database, { act: 'checkpoint', dir: store.dir, stallAt });
      const left = await listCheckpoints(store);
      expect(left.checkpoints).toEqual([]);
      expect(left.unfinished).toHaveLength(1);

      const taken = await take(database, store);
      expect(await listCheckpoints(store)).toEqual({ checkpoints: [taken], broken: [], unfinished: [] });
      expect(await store.files.list(`${store.dir}/${taken.id}`)).toEqual(['checkpoint.json', 'dump.sql.gz']);
      expect((await cluster.databases()).filter((name) => name.includes('scratch'))).toEqual([]);
    },
  );
});

describe('a restore whose process is killed', () => {
  const prepare = async (name: string): Promise<[DatabaseAccess, CheckpointStore, Checkpoint]> => {
    const database = await cluster.database(name, SQL);
    const store = await cluster.store();
    const taken = await take(database, store);
    await cluster.query(database, "INSERT INTO orders VALUES (9000, 'later')");
    return [database, store, taken];
  };
  const rows = async (database: DatabaseAccess): Promise<number> =>
    Number((await cluster.query(database, 'SELECT count(*) AS n FROM orders'))[0]?.['n']);

  test.each(['restoring', 'comparing'] as const)(
    'while %s has changed nothing, and can be done again',
    async (stallAt) => {
      const [database, store, { id }] = await prepare(`half_${stallAt}`);
      await killAt(database, { act: 'restore', dir: store.dir, id, operation: 'run-1', stallAt });
      expect(await rows(database)).toBe(5001);
      const outcome = await restore({ database, store, id, operation: 'run-1', confirmed: true });
      expect(outcome.changed).toBe(true);
      expect(await rows(database)).toBe(5000);
      expect((await cluster.databases()).filter((name) => name.includes('scratch'))).toEqual([]);
      expect((await verifyCheckpoint({ database, store, id })).drill.ok).toBe(true);
    },
  );

  test.each([0, 10])(
    'around the swap (%i ms after its beginning) leaves the old one or the new one, whole, and is done once',
    async (delayMs) => {
      const [database, store, { id }] = await prepare(`swap_${delayMs}`);
      await killAt(database, { act: 'restore', dir: store.dir, id, operation: 'run-1', stallAt: 'swapping' }, delayMs);
      expect([5000, 5001]).toContain(await rows(database));
      await restore({ database, store, id, operation: 'run-1', confirmed: true });
      expect(await rows(database)).toBe(5000);
      const beside = (await cluster.databases()).filter((name) => name.startsWith(`swap_${delayMs}_before_`));
      expect(beside).toHaveLength(1);
      expect(await rows(cluster.access(beside[0] ?? ''))).toBe(5001);
    },
  );
});

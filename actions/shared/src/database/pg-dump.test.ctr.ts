import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { describeError, Secret } from '@papergate/config';
import type { DatabaseAccess } from '../deliver/types.ts';
import { localHost } from '../host/index.ts';
import { buildAirgapBases } from '../images/index.ts';
import { isReady } from '../postgres/accounts.ts';
import { run } from '../process/run.ts';
import { waitFor } from '../process/wait.ts';
import { containers, containersCache } from '../testing/containers/index.ts';
import { checkpoint } from './checkpoint.ts';
import { during } from './connection.ts';
import { verifyCheckpoint } from './drill.ts';
import { planRestore } from './plan-restore.ts';
import { restore } from './restore.ts';
import { listCheckpoints } from './store.ts';
import type { Checkpoint, CheckpointStore } from './types.ts';

jest.setTimeout(120_000);

/** What a script of ours would refuse, and pg_dump does not. */
const SCHEMA = `
  CREATE TABLE parts (id int, note text) PARTITION BY RANGE (id);
  CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (1000);
  CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (1000) TO (1000000);
  CREATE INDEX parts_note ON parts (note);
  INSERT INTO parts SELECT g, md5(g::text) FROM generate_series(1, 5000) g;
  CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, status text NOT NULL);
  INSERT INTO orders (status) SELECT 'new' FROM generate_series(1, 100);
  CREATE MATERIALIZED VIEW counts AS SELECT status, count(*) AS n FROM orders GROUP BY status;
  ALTER TABLE orders ENABLE ROW LEVEL SECURITY; CREATE POLICY everyone ON orders USING (true);
`;

let dir: string;
let container = '';
let database: DatabaseAccess;
let store: CheckpointStore;
const said: string[][] = [];
const password = randomBytes(12).toString('hex');
const env = (): NodeJS.ProcessEnv => ({ ...process.env, ...containers().env });
const host = localHost({ env: env() });

async function docker(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run('docker', args, { env: env() });
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-dump-'));
  chmodSync(dir, 0o755);
  writeFileSync(join(dir, 'password'), password, { mode: 0o444 });
  const { postgres } = await buildAirgapBases({
    env: env(),
    registry: `${containers().registry}/base`,
    cacheDir: join(containersCache(process.env), 'bases'),
  });
  const flags = [
    '--rm',
    '-d',
    '-p',
    '127.0.0.1::5432',
    '-e',
    'POSTGRES_PASSWORD_FILE=/run/password',
    '-e',
    'POSTGRES_DB=live',
  ];
  container = await docker('run', ...flags, '-v', `${join(dir, 'password')}:/run/password:ro`, postgres);
  const port = Number((await docker('port', container, '5432/tcp')).split('\n')[0]?.split(':').at(-1));
  const url = new Secret(`postgres://postgres:${password}@127.0.0.1:${port}/live`);
  database = {
    url,
    adminUrl: url,
    program: (name, args, io) => {
      said.push([name, ...args]);
      const { stdin, stdout, signal } = io;
      return host.run('docker', ['exec', '-i', '-u', 'postgres', container, name, ...args], {
        signal,
        ...(stdin === undefined ? {} : { stdin }),
        ...(stdout === undefined ? {} : { stdout }),
      });
    },
    close: () => Promise.resolve(),
  };
  // The image starts it once without the network to make the database, and again for everybody.
  await waitFor(() => isReady(port, new Secret(password)), { timeoutMs: 60_000 });
  await sql(SCHEMA);
  store = { files: host.files, dir: join(dir, 'checkpoints') };
});
afterAll(async () => {
  if (container !== '') await run('docker', ['rm', '-f', '-v', container], { env: env() });
  await host.close();
  rmSync(dir, { recursive: true, force: true });
});

async function sql(text: string): Promise<Record<string, unknown>[]> {
  return during(database.adminUrl, 'a test', async ({ client }) => {
    await client.query('SET search_path = public');
    const { rows } = await client.query<Record<string, unknown>>(text);
    return rows;
  });
}
const take = (change: Partial<Parameters<typeof checkpoint>[0]> = {}): Promise<Checkpoint> =>
  checkpoint({ database, store, commit: 'a'.repeat(40), manifestDigest: 'm', reason: 'a test', ...change });
const scratch = async (): Promise<unknown[]> =>
  sql("SELECT datname FROM pg_database WHERE starts_with(datname, 'papergate_scratch')");

describe('a checkpoint by the pg_dump that stands beside the server', () => {
  let taken: Checkpoint;

  test('holds also what a script of ours cannot, and is restored and compared', async () => {
    taken = await take();
    expect(taken).toMatchObject({ format: 'pg_dump', file: 'dump.pgdump' });
    expect(taken.tables).toContainEqual(expect.objectContaining({ name: 'public.parts_high', rows: 4001 }));
    expect(taken.objects).toContainEqual(expect.objectContaining({ kind: 'policy', name: 'everyone' }));
    expect((await verifyCheckpoint({ database, store })).drill).toMatchObject({ ok: true });
    expect(await scratch()).toEqual([]);
  });

  test('goes on with the sequence where it stood, although it was used meanwhile', async () => {
    const using = new AbortController();
    const used = (async () => {
      while (!using.signal.aborted) await sql("SELECT nextval('orders_id_seq')");
    })();
    const { sequences } = await take();
    using.abort();
    await used;
    const [{ low, high } = { low: '0', high: '0' }] = sequences;
    expect(Number(high)).toBeGreaterThan(Number(low));
  });

  test('goes in the place of the database, which is kept beside it', async () => {
    await sql("UPDATE orders SET status = 'later' WHERE id <= 3; DELETE FROM parts WHERE id > 2000");
    const { id } = taken;
    expect((await planRestore({ database, store, id })).lost).toEqual([
      { table: 'orders', rows_now: 100, rows_then: 100, since: 3 },
    ]);
    const { setAside } = await restore({ database, store, id, operation: 'run-1', confirmed: true });
    expect(await sql("SELECT count(*)::int AS n FROM orders WHERE status = 'new'")).toEqual([{ n: 100 }]);
    expect(await sql('SELECT count(*)::int AS n FROM parts')).toEqual([{ n: 5000 }]);
    await sql(`DROP DATABASE "${setAside}"`);
  });

  test('that was damaged is found out before anything is touched', async () => {
    const path = join(store.dir, taken.id, taken.file);
    const bytes = await readFile(path);
    await writeFile(
      path,
      bytes.map((byte, at) => (at === bytes.length - 5 ? byte ^ 1 : byte)),
    );
    expect((await verifyCheckpoint({ database, store, id: taken.id })).drill).toMatchObject({
      ok: false,
      problems: [expect.stringContaining('its bytes have changed')],
    });
    await writeFile(path, bytes);
  });

  test('that does not give back what went in is refused', async () => {
    const onProgress = async (message: string): Promise<void> => {
      if (message !== 'comparing') return;
      const [found] = await scratch();
      const { datname } = found as { datname: string };
      await docker(
        'exec',
        '-u',
        'postgres',
        container,
        'psql',
        '-d',
        datname,
        '-c',
        "UPDATE parts SET note = 'x' WHERE id = 7",
      );
    };
    await expect(take({ onProgress })).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      message: expect.stringContaining('table public.parts_low has the 999 rows, but not their content'),
    });
    expect(await scratch()).toEqual([]);
  });

  test.each([
    ['the disk is full', 'CHECKPOINT_STORE', 'no space left'],
    ['the program fails', 'PG_DUMP_FAILED', 'invalid snapshot identifier'],
    ['there is no program', 'PG_DUMP_FAILED', 'pg_dump'],
  ])('where %s leaves nothing behind, and says why without a password', async (fault, code, words) => {
    const full = new Writable({ write: (_chunk, _encoding, done) => done(new Error('no space left on device')) });
    const files = fault === 'the disk is full' ? { ...store.files, openWrite: async () => full } : store.files;
    const program: DatabaseAccess['program'] = (name, args, io) => {
      if (fault === 'the program fails') {
        return (
          database.program?.(
            name,
            args.map((each) => each.replace(/^(--snapshot=).*/, '$1x')),
            io,
          ) ?? Promise.reject(new Error())
        );
      }
      if (fault === 'there is no program') {
        return host.run('docker', ['exec', container, `/no/such/${name}`]);
      }
      return database.program?.(name, args, io) ?? Promise.reject(new Error());
    };
    const before = await store.files.list(store.dir);
    const failure: unknown = await take({ store: { ...store, files }, database: { ...database, program } }).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code, exitCode: 3, message: expect.stringContaining(words) });
    expect(describeError(failure)).not.toContain(password);
    expect(await store.files.list(store.dir)).toEqual(before);
    expect((await listCheckpoints(store)).unfinished).toEqual([]);
    expect(await scratch()).toEqual([]);
  });

  test('never shows a password to who lists the processes', () => {
    expect(said.length).toBeGreaterThan(5);
    expect(JSON.stringify(said)).not.toContain(password);
    expect(said[0]?.slice(0, 2)).toEqual(['pg_dump', '--format=custom']);
  });
});

import { readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { describeError, Secret } from '@papergate/config';
import type { DatabaseAccess } from '../deliver/types.ts';
import { checkpoint, type CheckpointOptions } from './checkpoint.ts';
import { during } from './connection.ts';
import { verifyCheckpoint } from './drill.ts';
import { compareContents } from './inspect/compare.ts';
import { readContents } from './inspect/contents.ts';
import { readUnsupported } from './inspect/objects.ts';
import { listCheckpoints } from './store.ts';
import { startTestCluster, type TestCluster } from './testing/cluster.ts';
import type { Checkpoint, CheckpointStore } from './types.ts';

const MIGRATION = fileURLToPath(new URL('../../../../services/shared/migrations/0001_order-path.sql', import.meta.url));

/** The schema of the bundle with one thing more of each kind that a dump has to carry, and rows that are hard to write. */
const SCHEMA = `${readFileSync(MIGRATION, 'utf8')}
CREATE SCHEMA "odd Schema";
CREATE TYPE "odd Schema".mood AS ENUM ('calm', 'it''s; bad');
CREATE DOMAIN lots AS integer DEFAULT 1 NOT NULL CHECK (VALUE > 0);
CREATE TYPE pair AS (a integer, b text);
CREATE SEQUENCE tickets START 7 INCREMENT BY -3 MINVALUE -1000 MAXVALUE 7 CACHE 2 CYCLE;
CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $f$ SELECT n * 2; -- ; $f$;
CREATE TABLE "odd Schema"."Table; --" (
  "key;" bigserial PRIMARY KEY,
  mood "odd Schema".mood DEFAULT 'calm',
  n integer CHECK (n < 1000), doubled integer GENERATED ALWAYS AS (twice(n)) STORED,
  lots lots, pair pair, raw bytea, ratio double precision, words text[], at timestamptz, "text" text COLLATE "C"
) WITH (fillfactor = 80);
INSERT INTO "odd Schema"."Table; --" (mood, n, lots, pair, raw, ratio, words, at, "text") VALUES
  ('it''s; bad', 1, 3, '(1,"x,y")', '\\x00ff5c2e0a', 0.1::float8 + 0.2, '{"a\\\\b",NULL,"\\n"}', '2026-03-08 01:30-05', E'a\\tb\\n\\\\.\\nc'),
  (NULL, NULL, 1, NULL, NULL, 'NaN', '{}', 'infinity', E'\\\\.'), (NULL, NULL, 1, NULL, NULL, '-0', NULL, NULL, '\\N');
CREATE TABLE nothing ();
CREATE TABLE empty_one (a integer);
CREATE INDEX "an Index" ON "odd Schema"."Table; --" (twice(n), lower("text")) WHERE n > 0;
CREATE VIEW calm AS SELECT "key;" AS k, n FROM "odd Schema"."Table; --" WHERE mood = 'calm';
CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$;
CREATE TRIGGER mark_orders BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION mark();
ALTER TABLE orders DISABLE TRIGGER mark_orders;
CREATE STATISTICS both_sides ON symbol, side FROM trades;
COMMENT ON COLUMN orders.symbol IS 'as the exchange says; it''s upper case';
COMMENT ON TABLE nothing IS 'nothing';
GRANT SELECT ON orders TO PUBLIC;
REVOKE ALL ON FUNCTION twice(integer) FROM PUBLIC;
CREATE TABLE schema_migrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL);
INSERT INTO schema_migrations (name, run_on) VALUES ('0001_order-path', now());
SELECT nextval('tickets');
INSERT INTO orders (order_id, client_order_id, request_hash, source, symbol, side, type, quantity, time_in_force, status)
  SELECT gen_random_uuid(), 'c' || g, 'h', 'api', 'SPY', 'buy', 'market', g, 'day', 'filled' FROM generate_series(1, 500) g;
INSERT INTO order_events (order_id, event, event_key, detail) SELECT order_id, 'new', 'k', '{"a": "\\u00e4 \\" \\\\ x"}' FROM orders;
INSERT INTO ticks SELECT 'e', g, 'SPY', 't', g, g, g::bigint * 1000000, 1.50, NULL, NULL, NULL, NULL, NULL, false FROM generate_series(1, 3000) g;
`;

let cluster: TestCluster;
let access: DatabaseAccess;
beforeAll(async () => {
  cluster = await startTestCluster();
  access = await cluster.database('live', SCHEMA);
}, 120_000);
afterAll(() => cluster.close());

const RELEASE = { commit: 'a'.repeat(40), manifestDigest: `sha256:${'b'.repeat(64)}` };
const take = (store: CheckpointStore, change: Partial<CheckpointOptions> = {}): Promise<Checkpoint> =>
  checkpoint({ database: access, store, ...RELEASE, reason: 'a test', ...change });
const scratch = async (): Promise<string[]> => (await cluster.databases()).filter((name) => name.includes('scratch'));

describe('a checkpoint', () => {
  test('is restored and compared before it counts, and leaves nothing else behind', async () => {
    const store = await cluster.store();
    const now = new Date('2026-02-03T04:05:06Z');
    const taken = await take(store, { now: () => now });
    expect(taken).toMatchObject({
      taken_at: now.toISOString(),
      verified_at: now.toISOString(),
      reason: 'a test',
      commit: RELEASE.commit,
      schema_version: '0001_order-path',
      format: 'sql',
      database: 'live',
      drills: [],
    });
    expect(taken.id).toMatch(/^20260203-040506-/);
    expect(taken.tables).toContainEqual(expect.objectContaining({ name: 'public.orders', rows: 500 }));
    expect(taken.sequences).toContainEqual({ name: 'public.tickets', low: '1', high: '1' });
    expect(taken.objects).toContainEqual(
      expect.objectContaining({ kind: 'trigger', name: 'mark_orders on public.orders' }),
    );
    expect(await listCheckpoints(store)).toEqual({ checkpoints: [taken], broken: [], unfinished: [] });
    expect(await scratch()).toEqual([]);
  });

  test('of the script kind is one that psql could run: a gzipped text that ends where it says', async () => {
    const store = await cluster.store();
    const { id, file } = await take(store);
    const text = execFileSync('gzip', ['-dc', join(store.dir, id, file)], { encoding: 'utf8' });
    expect(text).toContain('CREATE TABLE public.orders (');
    expect(text.trimEnd().endsWith('-- papergate: end')).toBe(true);
  });
});

describe('a checkpoint of a database that is in use', () => {
  test('holds what was committed when it began, whatever is written meanwhile, and holds nobody up', async () => {
    const store = await cluster.store();
    const write = (): Promise<unknown> =>
      cluster.query(
        access,
        `INSERT INTO trades (execution_id, order_id, client_order_id, symbol, side, quantity, price, filled_at)
         SELECT gen_random_uuid()::text, order_id, client_order_id, symbol, side, 1, 2, now() FROM orders LIMIT 20;
         UPDATE orders SET updated_at = now() WHERE client_order_id = 'c1'`,
      );
    const count = async (): Promise<number> =>
      Number((await cluster.query(access, 'SELECT count(*) AS n FROM trades'))[0]?.['n']);
    const before = await count();
    const files: CheckpointStore['files'] = {
      ...store.files,
      // By now the snapshot is taken, and nothing is read yet.
      openWrite: async (path, mode) => {
        await write();
        return store.files.openWrite(path, mode);
      },
    };
    const taken = await take({ ...store, files }, { onProgress: async () => void (await write()) });
    expect(await count()).toBeGreaterThanOrEqual(before + 60);
    // The one write before the snapshot is in it.
    expect(taken.tables.find(({ name }) => name === 'public.trades')?.rows).toBe(before + 20);
    expect((await verifyCheckpoint({ database: access, store })).drill).toMatchObject({ ok: true, problems: [] });
  });

  test('two at once are one after the other; where nobody waits, the second is told who is in the way', async () => {
    const store = await cluster.store();
    const both = await Promise.all([take(store), take(store)]);
    expect(new Set(both.map(({ id }) => id)).size).toBe(2);
    expect((await listCheckpoints(store)).checkpoints).toHaveLength(2);
    let second: unknown;
    await take(store, {
      onProgress: async (message) => {
        if (message === 'comparing') second = await take(store, { waitMs: 0 }).catch((error: unknown) => error);
      },
    });
    expect(second).toMatchObject({ code: 'DATABASE_CARE_BUSY', message: expect.stringContaining('live') });
  });
});

describe('a checkpoint that went wrong', () => {
  let store: CheckpointStore;
  let good: Checkpoint;
  beforeAll(async () => {
    store = await cluster.store();
    good = await take(store);
  });
  const dumpOf = ({ id, file }: Checkpoint): string => join(store.dir, id, file);
  const nothingLeft = async (): Promise<void> => {
    expect((await listCheckpoints(store)).checkpoints.map(({ id }) => id)).toEqual([good.id]);
    expect(await store.files.list(store.dir)).toEqual([good.id]);
    expect(await scratch()).toEqual([]);
  };

  test.each([
    [
      'one bit flipped',
      (bytes: Buffer) => bytes.map((byte, at) => (at === bytes.length >> 1 ? byte ^ 8 : byte)),
      'bytes have changed',
    ],
    ['its end cut off', (bytes: Buffer) => bytes.subarray(0, -9), 'bytes, expected'],
    ['nothing in it', () => Buffer.alloc(0), 'it has 0 bytes'],
  ])('because its file has %s: a drill says so and keeps it on record', async (_what, damage, words) => {
    const whole = await readFile(dumpOf(good));
    await writeFile(dumpOf(good), damage(whole));
    const { drill } = await verifyCheckpoint({ database: access, store, id: good.id });
    await writeFile(dumpOf(good), whole);
    expect(drill).toMatchObject({ ok: false, problems: [expect.stringContaining(words)] });
    expect((await listCheckpoints(store)).checkpoints[0]?.drills.at(-1)).toEqual(drill);
    expect((await verifyCheckpoint({ database: access, store, id: good.id })).drill.ok).toBe(true);
    expect(await scratch()).toEqual([]);
  });

  test('because its file is gone, is told by name', async () => {
    const whole = await readFile(dumpOf(good));
    await store.files.remove(dumpOf(good));
    const { drill } = await verifyCheckpoint({ database: access, store, id: good.id });
    await writeFile(dumpOf(good), whole);
    expect(drill.problems[0]).toMatch(/CHECKPOINT_CORRUPT|dump\.sql\.gz cannot be read/);
  });

  // What came back is changed between the restore and the comparison.
  test.each([
    [
      "UPDATE orders SET status = 'new' WHERE client_order_id = 'c7'",
      'table public.orders has the 500 rows, but not their content',
    ],
    ["SELECT setval('tickets', 3)", 'sequence public.tickets goes on with 0, expected 1'],
  ])('because what came back is not what went in: %s', async (sql, words) => {
    const failure = await takeWith(async (message) => {
      if (message !== 'comparing') return;
      const [name = ''] = await scratch();
      await cluster.query(cluster.access(name), sql, 'admin');
    });
    expect(failure).toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      exitCode: 1,
      message: expect.stringContaining(words),
    });
    await nothingLeft();
  });

  /** Takes a checkpoint and waits for `change` at each step of its progress. */
  async function takeWith(change: (message: string) => Promise<void>): Promise<unknown> {
    return take(store, { onProgress: change }).then(
      () => 'it was taken',
      (error: unknown) => error,
    );
  }

  test.each([
    ['at once', 0],
    ['in the middle', 20_000],
  ])('because the disk is full %s leaves nothing, and says so', async (_when, limit) => {
    const full: CheckpointStore = {
      ...store,
      files: {
        ...store.files,
        async openWrite(path, mode) {
          const file = await store.files.openWrite(path, mode);
          let written = 0;
          return new Writable({
            write(chunk: Buffer, encoding, done) {
              written += chunk.length;
              if (written > limit) done(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
              else file.write(chunk, encoding, done);
            },
            destroy(error, done) {
              file.destroy();
              done(error);
            },
          });
        },
      },
    };
    await expect(take(full)).rejects.toMatchObject({
      code: 'CHECKPOINT_STORE',
      exitCode: 3,
      message: expect.stringContaining('no space left'),
    });
    await nothingLeft();
  });

  test('because there is no space to begin with is told before anything is done', async () => {
    const files = { ...store.files, freeBytes: async () => 1_000_000 };
    await expect(take({ ...store, files })).rejects.toMatchObject({ code: 'CHECKPOINT_NO_SPACE' });
    await nothingLeft();
  });

  test('because it was called off ends at once and leaves nothing', async () => {
    const stop = new AbortController();
    const taking = take(store, {
      signal: stop.signal,
      onProgress: (message) => {
        if (message.startsWith('restoring')) stop.abort(new Error('called off'));
      },
    });
    await expect(taking).rejects.toThrow('called off');
    await nothingLeft();
  });

  test('because the database is away, or broke meanwhile, is told without its password', async () => {
    const secret = new URL(access.adminUrl.reveal()).password;
    const away = new Secret(access.adminUrl.reveal().replace(/:\d+\//, ':1/'));
    const failures = [
      await take(store, { database: { ...access, adminUrl: away } }).catch((error: unknown) => error),
      await takeWith(async (message) => {
        if (!message.startsWith('restoring')) return;
        const [name = ''] = await scratch();
        await cluster.query(cluster.access('postgres'), `DROP DATABASE ${name} WITH (FORCE)`, 'admin');
      }),
    ];
    expect(failures).toEqual([
      expect.objectContaining({ code: 'DATABASE_UNREACHABLE', exitCode: 3 }),
      expect.objectContaining({ exitCode: 3 }),
    ]);
    for (const failure of failures)
      expect(describeError(failure) + inspect(failure, { depth: 9 })).not.toContain(secret);
    await nothingLeft();
  });
});

test('a schema that a script cannot hold is refused by name, and nothing is left out in silence', async () => {
  const database = await cluster.database(
    'odd',
    `CREATE TABLE parts (a int) PARTITION BY LIST (a); CREATE TABLE part PARTITION OF parts DEFAULT;
     CREATE MATERIALIZED VIEW seen AS SELECT 1 AS a;
     CREATE TABLE hidden (a int); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON hidden USING (true);
     CREATE TYPE span AS RANGE (subtype = integer); SELECT lo_create(0);
     CREATE TABLE ruled (a int); CREATE RULE r AS ON INSERT TO ruled DO INSTEAD NOTHING;
     CREATE TABLE child () INHERITS (ruled); GRANT SELECT (a) ON ruled TO PUBLIC;
     CREATE AGGREGATE total (integer) (SFUNC = int4pl, STYPE = integer);
     ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;`,
  );
  const found = await during(database.adminUrl, 'a test', ({ client }) => readUnsupported(client));
  expect(found.map(({ kind, name }) => `${kind} ${name}`.replace(/\d+$/, 'N')).toSorted()).toEqual([
    'aggregate public.total(integer)',
    'cast public.span as public.span_multirange',
    'default rights papergate r',
    'large object N',
    'materialized view public.seen',
    'partition public.part',
    'partitioned table public.parts',
    'policy p',
    'rights on a column public.ruled.a',
    'rule r on ruled',
    'table that inherits public.child',
    'table with row security public.hidden',
    'type public.span',
  ]);
  await expect(take(await cluster.store(), { database })).rejects.toMatchObject({
    code: 'CHECKPOINT_UNSUPPORTED',
    exitCode: 3,
    message: expect.stringContaining('materialized view public.seen'),
  });
});

describe('the comparison', () => {
  test.each([
    ['DELETE FROM ticks WHERE n = 17', 'table public.ticks has 2999 rows, expected 3000'],
    ['UPDATE ticks SET size = 1.5 WHERE n = 17', 'table public.ticks has the 3000 rows, but not their content'],
    ['UPDATE ticks SET n = CASE n WHEN 1 THEN 9001 ELSE 9002 END WHERE n < 3', 'table public.ticks has the 3000 rows'],
    ['DROP INDEX orders_by_symbol', 'index public.orders_by_symbol is missing'],
    [
      'DROP INDEX orders_by_symbol; CREATE INDEX orders_by_symbol ON orders (symbol)',
      'index public.orders_by_symbol is defined differently',
    ],
    ['CREATE INDEX more ON orders (side)', 'index public.more was not there'],
    ['ALTER TABLE orders ENABLE TRIGGER mark_orders', 'trigger mark_orders on public.orders is defined differently'],
    [
      'CREATE OR REPLACE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$',
      'function public.mark() is defined',
    ],
    [
      'ALTER TABLE orders DROP CONSTRAINT orders_client_order_id_key',
      'constraint orders_client_order_id_key on public.orders is missing',
    ],
    [
      'ALTER TABLE trades DROP CONSTRAINT trades_order_id_fkey',
      'foreign key trades_order_id_fkey on public.trades is missing',
    ],
    [
      'ALTER TABLE orders DROP CONSTRAINT orders_side_check',
      'constraint orders_side_check on public.orders is missing',
    ],
    ['CREATE TABLE extra (a int)', 'table public.extra was not there'],
    ['DROP VIEW calm', 'view public.calm is missing'],
    ['ALTER TABLE orders ALTER status DROP NOT NULL', 'table public.orders is defined differently'],
    ['ALTER TABLE orders OWNER TO postgres', 'table public.orders is defined differently'],
    [
      'ALTER TABLE orders ALTER filled_quantity SET DEFAULT 1',
      'default public.orders.filled_quantity is defined differently',
    ],
    ['REVOKE SELECT ON orders FROM PUBLIC', 'rights public.orders is defined differently'],
    ['GRANT EXECUTE ON FUNCTION twice(integer) TO PUBLIC', 'rights public.twice(integer) is defined differently'],
    ['REVOKE ALL ON SCHEMA public FROM PUBLIC', 'rights schema public was not there'],
    ['COMMENT ON TABLE nothing IS NULL', 'comment on table public.nothing is missing'],
    ['DROP STATISTICS both_sides', 'statistics public.both_sides is missing'],
    ["ALTER TYPE \"odd Schema\".mood RENAME VALUE 'calm' TO 'dull'", 'type "odd Schema".mood is defined differently'],
    ['DROP SEQUENCE tickets', 'sequence public.tickets is missing'],
    ['ALTER TABLE trades ALTER trade_id SET GENERATED BY DEFAULT', 'table public.trades is defined differently'],
  ])('finds %s', async (sql, words) => {
    const problems = await during(access.adminUrl, 'a test', async ({ client }) => {
      const before = await readContents(client);
      await client.query(`BEGIN; SET LOCAL search_path = public; ${sql}; SET LOCAL search_path = ''`);
      const after = await readContents(client);
      await client.query('ROLLBACK');
      expect(compareContents(before, await readContents(client))).toEqual([]);
      return compareContents(before, after);
    });
    expect(problems.join('; ')).toContain(words);
  });
});

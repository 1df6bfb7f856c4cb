import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Check } from '../../evidence/index.ts';
import { checkMigrations, type CheckMigrationsOptions } from './check.ts';
import type { RuleCode } from './rules.ts';

const OURS = fileURLToPath(new URL('../../../../../services/shared/migrations', import.meta.url));
const FIRST = `-- Up Migration
CREATE TABLE orders (order_id uuid PRIMARY KEY, price numeric, status text NOT NULL);
CREATE DOMAIN lots AS integer NOT NULL;
CREATE INDEX orders_by_price ON orders (price);
-- Down Migration
DROP TABLE orders;
`;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-expand-'));
  write('0001_first', FIRST);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const write = (name: string, sql: string): void => writeFileSync(join(dir, `${name}.sql`), sql);
const KEPT = [{ commit: 'a'.repeat(40), schemaVersion: '0001_first' }];
const check = (change: Partial<CheckMigrationsOptions> = {}): Promise<Check[]> =>
  checkMigrations({ migrationsDir: dir, current: '0001_first', kept: KEPT, ...change });
const failures = async (change?: Partial<CheckMigrationsOptions>): Promise<Check[]> =>
  (await check(change)).filter(({ status }) => status === 'failed');

const EXPANDS: readonly string[] = [
  'SELECT 1',
  'CREATE TABLE notes (id bigint PRIMARY KEY, note text NOT NULL UNIQUE CHECK (length(note) > 0))',
  'CREATE TABLE notes (order_id uuid REFERENCES orders ON DELETE CASCADE)',
  'CREATE TABLE notes (id int); CREATE UNIQUE INDEX i ON notes (id); ALTER TABLE notes ADD COLUMN x int NOT NULL; DROP TABLE notes',
  'CREATE TABLE notes (id int); INSERT INTO notes SELECT generate_series(1, 3); UPDATE notes SET id = 2; DELETE FROM notes; TRUNCATE notes',
  'CREATE TABLE notes (id int); ALTER TABLE notes RENAME TO remarks',
  'CREATE TABLE public.notes (id int); ALTER TABLE notes ALTER id SET NOT NULL, DROP COLUMN id',
  'CREATE TABLE notes AS SELECT order_id FROM orders',
  'ALTER TABLE orders ADD COLUMN note text',
  "ALTER TABLE orders ADD note text NULL, ADD tags text[] DEFAULT ARRAY['a'], ADD b boolean NOT NULL DEFAULT false",
  "ALTER TABLE orders ADD at timestamptz NOT NULL DEFAULT now(), ADD d jsonb NOT NULL DEFAULT '{}'::jsonb",
  'ALTER TABLE orders ADD lots integer CHECK (lots > 0)',
  'ALTER TABLE orders ADD parent uuid REFERENCES orders ON DELETE SET NULL',
  'ALTER TABLE orders ADD parent uuid; ALTER TABLE orders ADD CONSTRAINT p FOREIGN KEY (parent) REFERENCES orders ON DELETE SET NULL',
  'ALTER TABLE orders ADD note text; ALTER TABLE orders ALTER note SET DEFAULT 1, ALTER note TYPE varchar(3)',
  'ALTER TABLE orders ADD double numeric GENERATED ALWAYS AS (price * 2) VIRTUAL',
  'ALTER TABLE orders ALTER status DROP NOT NULL',
  'ALTER TABLE orders ALTER price SET STATISTICS 500, SET (fillfactor = 80), VALIDATE CONSTRAINT c',
  '-- papergate: no transaction\nCREATE INDEX CONCURRENTLY i ON orders (status)',
  "CREATE TYPE mood AS ENUM ('a'); ALTER TYPE mood ADD VALUE 'b'; CREATE SEQUENCE s; ALTER SEQUENCE s RESTART",
  "CREATE VIEW v AS SELECT 1; CREATE OR REPLACE VIEW v AS SELECT 2; COMMENT ON TABLE orders IS 'x'",
  'CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; CREATE TABLE n (a int); CREATE TRIGGER t BEFORE INSERT ON n EXECUTE FUNCTION f()',
  "GRANT SELECT ON orders TO PUBLIC; SET LOCAL lock_timeout = '1s'; CREATE STATISTICS x ON price, status FROM orders",
];

const REFUSED: readonly [sql: string, code: RuleCode | 'no SQL', what?: string][] = [
  ['DROP TABLE orders', 'DROPPED', 'orders'],
  ['DROP TABLE IF EXISTS public.orders CASCADE', 'DROPPED', 'orders'],
  ['CREATE TABLE IF NOT EXISTS orders (a int); DROP TABLE orders', 'DROPPED'],
  ['ALTER TABLE orders DROP COLUMN price', 'DROPPED', 'orders.price'],
  ['ALTER TABLE ONLY public.orders DROP price', 'DROPPED', 'orders.price'],
  ['ALTER TABLE orders ADD COLUMN IF NOT EXISTS price numeric; ALTER TABLE orders DROP price', 'DROPPED'],
  ['ALTER TABLE orders DROP CONSTRAINT orders_pkey', 'DROPPED'],
  ['ALTER TABLE orders ADD c int, DROP CONSTRAINT c', 'DROPPED'],
  ['DROP INDEX orders_by_price', 'DROPPED', 'orders_by_price'],
  ['DROP INDEX CONCURRENTLY orders_by_price', 'DROPPED'],
  ['DROP FUNCTION f(integer)', 'DROPPED', 'f'],
  ['DROP VIEW v', 'DROPPED'],
  ['DROP TYPE lots', 'DROPPED', 'lots'],
  ['DROP TRIGGER t ON orders', 'DROPPED'],
  ['DROP SCHEMA public CASCADE', 'DROPPED'],
  ['ALTER TABLE orders RENAME TO o', 'RENAMED', 'orders'],
  ['ALTER TABLE orders RENAME COLUMN price TO cost', 'RENAMED', 'orders.price'],
  ['ALTER INDEX orders_by_price RENAME TO x', 'RENAMED'],
  ["ALTER TYPE mood RENAME VALUE 'a' TO 'b'", 'RENAMED'],
  ['ALTER TABLE orders ALTER price TYPE integer', 'TYPE_CHANGED', 'orders.price'],
  ['ALTER TABLE orders ALTER price TYPE numeric(10, 2) USING price', 'TYPE_CHANGED'],
  ['ALTER TABLE orders ALTER price SET NOT NULL', 'NOT_NULL', 'orders.price'],
  ['ALTER TABLE orders ADD note text NOT NULL', 'NOT_NULL', 'orders.note'],
  ['ALTER TABLE orders ADD note text NOT NULL DEFAULT NULL', 'NOT_NULL'],
  ['ALTER TABLE orders ADD n lots', 'NOT_NULL'],
  ['ALTER TABLE orders ADD CHECK (price > 0)', 'CONSTRAINT_ADDED'],
  ['ALTER TABLE orders ADD CONSTRAINT c CHECK (price > 0) NOT VALID', 'CONSTRAINT_ADDED', 'constraint c'],
  ['ALTER TABLE orders ADD n int CHECK (n < price)', 'CONSTRAINT_ADDED'],
  ['ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (order_id) REFERENCES others', 'CONSTRAINT_ADDED'],
  ['ALTER TABLE orders ADD UNIQUE (status)', 'UNIQUE_ON_EXISTING'],
  ['ALTER TABLE orders ADD n int UNIQUE', 'UNIQUE_ON_EXISTING'],
  ['CREATE UNIQUE INDEX i ON orders (status)', 'UNIQUE_ON_EXISTING'],
  ['-- papergate: no transaction\nCREATE UNIQUE INDEX CONCURRENTLY i ON orders (status)', 'UNIQUE_ON_EXISTING'],
  ['CREATE TABLE notes (order_id uuid REFERENCES orders)', 'FOREIGN_KEY'],
  ['ALTER TABLE orders ADD parent uuid REFERENCES orders', 'FOREIGN_KEY'],
  ['ALTER TABLE orders ALTER status DROP DEFAULT', 'DEFAULT_CHANGED'],
  ["ALTER TABLE orders ALTER status SET DEFAULT 'new'", 'DEFAULT_CHANGED'],
  ['ALTER SEQUENCE orders_id_seq RESTART', 'DEFAULT_CHANGED'],
  ['CREATE INDEX i ON orders (status)', 'INDEX_LOCKS', 'index i on orders'],
  ['CREATE INDEX CONCURRENTLY i ON orders (status)', 'INDEX_NOT_ALONE'],
  ['-- papergate: no transaction\nCREATE INDEX CONCURRENTLY i ON orders (status); SELECT 1', 'NO_TRANSACTION'],
  ['-- papergate: no transaction\nALTER TABLE orders ADD n int', 'NO_TRANSACTION'],
  ['ALTER TABLE orders ADD id uuid NOT NULL DEFAULT gen_random_uuid()', 'REWRITES_TABLE'],
  ['ALTER TABLE orders ADD n bigserial', 'REWRITES_TABLE'],
  ['ALTER TABLE orders ADD n int GENERATED ALWAYS AS IDENTITY', 'REWRITES_TABLE'],
  ['ALTER TABLE orders ADD n numeric GENERATED ALWAYS AS (price * 2) STORED', 'REWRITES_TABLE'],
  ["UPDATE orders SET status = 'new'", 'DATA_CHANGED', 'orders'],
  ['ALTER TABLE orders ADD n int; UPDATE orders SET n = 1', 'DATA_CHANGED'],
  ['DELETE FROM orders', 'DATA_CHANGED'],
  ['TRUNCATE orders', 'DATA_CHANGED'],
  ["INSERT INTO orders (order_id, status) VALUES (gen_random_uuid(), 'x')", 'DATA_CHANGED'],
  ['WITH gone AS (DELETE FROM orders RETURNING 1) SELECT * FROM gone', 'DATA_CHANGED'],
  ['CREATE TRIGGER t BEFORE INSERT ON orders EXECUTE FUNCTION f()', 'TRIGGER_ON_EXISTING'],
  ['ALTER TABLE orders DISABLE TRIGGER ALL', 'TRIGGER_ON_EXISTING'],
  ['CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$', 'REPLACED'],
  ['CREATE OR REPLACE VIEW v AS SELECT 1', 'REPLACED'],
  ['REVOKE SELECT ON orders FROM PUBLIC', 'RIGHTS_REVOKED'],
  ['COMMIT', 'TRANSACTION_CONTROL'],
  ['SELECT 1; ROLLBACK; SELECT 2', 'TRANSACTION_CONTROL'],
  ["DO $$ BEGIN EXECUTE 'DROP TABLE orders'; END $$", 'CODE_RUN'],
  ['SELECT pg_sleep(3600)', 'CODE_RUN', 'pg_sleep()'],
  ["SELECT pg_catalog.set_config('x.y', 'z', false)", 'CODE_RUN'],
  ['CALL p()', 'CODE_RUN'],
  ['CREATE TABLE part PARTITION OF orders FOR VALUES IN (1)', 'NOT_KNOWN'],
  ['ALTER TABLE orders ENABLE ROW LEVEL SECURITY', 'NOT_KNOWN'],
  ['ALTER TABLE orders OWNER TO somebody', 'NOT_KNOWN'],
  ['LOCK TABLE orders', 'NOT_KNOWN'],
  ['CREATE RULE r AS ON INSERT TO orders DO INSTEAD NOTHING', 'NOT_KNOWN'],
  ["SET LOCAL session_replication_role = 'replica'", 'NOT_KNOWN'],
  ['SET search_path = x', 'NOT_KNOWN'],
  ['VACUUM FULL orders', 'NOT_KNOWN'],
  ["COPY orders FROM '/etc/passwd'", 'NOT_KNOWN'],
  ['ALTER SYSTEM SET fsync = off', 'NOT_KNOWN'],
  ['MERGE INTO orders o USING orders n ON o.order_id = n.order_id WHEN MATCHED THEN DELETE', 'NOT_KNOWN'],
  ['SELECT * INTO copy FROM orders', 'NOT_KNOWN'],
  ['CREATE TABEL x (a int)', 'no SQL'],
  ['ALTER TABLE orders DROP COLUMN price; -- Down Migration', 'DROPPED'],
  ['\\set x 1', 'no SQL'],
];

describe('a migration that only expands the schema', () => {
  test.each(EXPANDS)('may be applied while the release before runs: %s', async (sql) => {
    write('0002_second', sql);
    const checks = await check();
    expect(checks.find(({ name }) => name === 'migration 0002_second')).toMatchObject({ status: 'passed' });
    expect(await failures()).toEqual([]);
  });

  test('is each that this repository has, from the first on', async () => {
    const checks = await checkMigrations({ migrationsDir: OURS, current: undefined, kept: [] });
    expect(checks.filter(({ status }) => status === 'failed')).toEqual([]);
    expect(checks.filter(({ name }) => name.startsWith('migration '))).toHaveLength(readdirSync(OURS).length);
  });
});

describe('a migration that an older release could not live with', () => {
  test.each(REFUSED.map(([sql, code, what = '']) => [sql, code, what] as const))(
    'is refused: %s: %s',
    async (sql, code, what) => {
      write('0002_second', sql);
      const [refused, ...others] = await failures();
      expect(others).toEqual([]);
      expect(refused).toMatchObject({ name: 'migration 0002_second', limit: 'expand-only' });
      expect(refused?.observed).toContain(code);
      expect(refused?.detail).toContain('0002_second.sql:');
      expect(refused?.detail).toContain(what);
    },
  );

  test('is told with file, line, statement, reason and what to do instead', async () => {
    write('0002_second', '-- Up Migration\n\n-- why\nSELECT 1;\n  /* ä */ ALTER TABLE orders\n  DROP COLUMN price;\n');
    expect((await failures())[0]?.detail).toBe(
      '0002_second.sql:5: DROPPED: orders.price: takes away what an older release may use; stop using it in one release, ' +
        'and take it away in a contract migration once that release is the oldest kept [ALTER TABLE orders DROP COLUMN price]',
    );
  });

  test('names every fault of every file at once', async () => {
    write('0002_second', 'DROP TABLE orders; TRUNCATE orders');
    write('0003_third', 'LOCK TABLE orders');
    const found = await failures();
    expect(found.map(({ observed }) => observed)).toEqual(['DROPPED, DATA_CHANGED', 'NOT_KNOWN']);
  });

  test('is none where the table is small enough that nobody waits: only the locks are forgiven', async () => {
    const rowsOf = (table: string): number | undefined => (table === 'orders' ? 500 : undefined);
    write(
      '0002_second',
      'CREATE INDEX i ON orders (status); ALTER TABLE orders ADD n bigserial; UPDATE orders SET n = 1',
    );
    expect(await failures({ rowsOf })).toEqual([]);
    write('0003_third', "UPDATE orders SET status = 'x'; CREATE INDEX j ON others (a)");
    expect((await failures({ rowsOf }))[0]?.observed).toBe('DATA_CHANGED, INDEX_LOCKS');
  });
});

describe('a contract migration', () => {
  const CONTRACT = '-- papergate: contract, needs >= 0002\nALTER TABLE orders DROP COLUMN price';
  beforeEach(() => {
    write('0002_second', 'SELECT 1');
    write('0003_third', CONTRACT);
  });
  const kept = (...versions: string[]): CheckMigrationsOptions['kept'] =>
    versions.map((schemaVersion, index) => ({ commit: String(index).repeat(40), schemaVersion }));

  test('is applied once every release that can be gone back to can live with it', async () => {
    const checks = await check({ current: '0002_second', kept: kept('0002_second', '0002_second') });
    expect(checks).toContainEqual(
      expect.objectContaining({ name: 'migration 0003_third', observed: 'contract: DROPPED' }),
    );
    expect(checks.every(({ status }) => status === 'passed')).toBe(true);
  });

  test('is refused while one that needs the old shape is kept, and names it', async () => {
    const [refused] = await failures({ current: '0002_second', kept: kept('0002_second', '0001_first') });
    expect(refused?.detail).toContain('111111111111 (0001_first)');
    expect(refused?.detail).not.toContain('000000000000');
  });

  test('comes too early where it is deployed together with what makes it possible', async () => {
    expect(await failures({ kept: kept('0001_first') })).toHaveLength(1);
  });

  test('may not end its transaction either', async () => {
    write('0003_third', `${CONTRACT}; COMMIT`);
    expect((await failures({ kept: kept('0002_second') }))[0]?.observed).toBe('TRANSACTION_CONTROL');
  });

  test.each(['contract', 'contract, needs 0002', 'contract, needs >= 2', 'contact, needs >= 0002', 'no transactions'])(
    'has to declare itself in full, and not as "%s"',
    async (said) => {
      write('0003_third', `-- papergate: ${said}\nALTER TABLE orders DROP COLUMN price`);
      expect((await failures({ kept: kept('0002_second') }))[0]?.observed).toBe('a declaration that is not known');
    },
  );
});

describe('the files', () => {
  const digest = (text: string): Promise<string> =>
    crypto.subtle.digest('SHA-256', Buffer.from(text)).then((bytes) => Buffer.from(bytes).toString('hex'));

  test('one that was edited after it was applied is refused, where the database knows its digest', async () => {
    const applied = [{ name: '0001_first', sha256: await digest(FIRST) }];
    expect(await failures({ applied })).toEqual([]);
    write('0001_first', `${FIRST} `);
    expect(await failures({ applied })).toEqual([
      expect.objectContaining({ name: 'applied migrations', observed: 'changed since: 0001_first.sql' }),
    ]);
    expect(await failures({ applied: [{ name: '0001_first', sha256: undefined }] })).toEqual([]);
  });

  test('one that comes before what is applied is refused: it would never be', async () => {
    write('0000_late', 'SELECT 1');
    const applied = [{ name: '0001_first', sha256: undefined }];
    expect((await failures({ applied }))[0]).toMatchObject({ name: 'order of migrations', observed: '0000_late.sql' });
  });

  test('a name out of the order is refused', async () => {
    write('add-notes', 'SELECT 1');
    expect((await failures())[0]?.detail).toContain('add-notes.sql');
  });

  test('with nothing to apply, or a release older than the database, the schema stays', async () => {
    expect(await check()).toEqual([
      { name: 'migrations', status: 'passed', observed: 'none to apply, the schema stays at 0001_first' },
    ]);
    const applied = ['0001_first', '0002_second'].map((name) => ({ name, sha256: undefined }));
    expect(await check({ current: '0002_second', applied })).toEqual([
      { name: 'migrations', status: 'passed', observed: 'none to apply, the schema stays at 0002_second' },
    ]);
  });

  test('a folder that is not there is the caller’s mistake', async () => {
    await expect(check({ migrationsDir: join(dir, 'none') })).rejects.toMatchObject({ code: 'MIGRATIONS_UNREADABLE' });
  });

  test('what stands below the down mark is not applied, and not judged', async () => {
    write('0002_second', '-- Up Migration\nSELECT 1;\n-- Down Migration\nDROP TABLE orders;\n');
    expect(await failures()).toEqual([]);
    expect(readFileSync(join(dir, '0002_second.sql'), 'utf8')).toContain('DROP');
  });
});

describe('the parser', () => {
  /** In a process of its own: whether it was loaded, and the most memory that was taken by a second later. */
  const takes = (current: string): { loaded: boolean; megabytes: number } => {
    const script = `
      import { createRequire } from 'node:module';
      import { setTimeout } from 'node:timers/promises';
      import { checkMigrations } from ${JSON.stringify(new URL('check.ts', import.meta.url).href)};
      await checkMigrations(${JSON.stringify({ migrationsDir: dir, current, kept: KEPT })});
      await setTimeout(1_000);
      const loaded = Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('libpg-query'));
      console.log(JSON.stringify({ loaded, megabytes: process.resourceUsage().maxRSS / 1024 }));`;
    const args = ['--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '-e', script];
    const cwd = fileURLToPath(new URL('.', import.meta.url));
    const env = { ...process.env, NODE_OPTIONS: '' };
    return JSON.parse(execFileSync(process.execPath, args, { cwd, env, encoding: 'utf8' })) as ReturnType<typeof takes>;
  };

  test('is loaded where there is something to apply, and not optimized, which would take 500 MB', () => {
    write('0002_second', 'SELECT 1');
    const { loaded, megabytes } = takes('0001_first');
    expect(loaded).toBe(true);
    expect(megabytes).toBeLessThan(350);
  });

  test('is not loaded where there is nothing to apply', () => {
    expect(takes('0001_first').loaded).toBe(false);
  });
});

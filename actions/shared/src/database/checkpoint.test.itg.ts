import { readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { DatabaseAccess } from '../deliver/types.ts';
import { checkpoint, type CheckpointOptions } from './checkpoint.ts';
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

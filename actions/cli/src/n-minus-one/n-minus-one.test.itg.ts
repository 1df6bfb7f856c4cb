import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  applicationsBefore,
  databaseFacts,
  homeOf,
  INSTALLED_STAGES,
  layOlderApplication,
  makeHome,
  providePackages,
  stagingDatabase,
  type OlderApplication,
} from '@papergate/delivery';
import { startBundle } from '../bundle/start.ts';
import { cloneRepository, ROOT, type Clone } from '../containers/testing/clone.ts';

/** A migration as they should be: a table, a column, an index, each only something more. */
const FIXTURE = `-- Up Migration
CREATE TABLE order_notes (
  order_id  uuid PRIMARY KEY REFERENCES orders ON DELETE CASCADE,
  note      text NOT NULL
);
ALTER TABLE orders ADD COLUMN desk text;
ALTER TABLE orders ADD COLUMN priority integer NOT NULL DEFAULT 0;
ALTER TABLE trades ADD COLUMN venue text CHECK (length(venue) > 0);
ALTER TABLE ticks ADD COLUMN venue text;
ALTER TABLE signals ADD COLUMN tags text[] NOT NULL DEFAULT '{}';
`;
/** One that an older release cannot live with: every order that it writes is refused. */
const BREAKS = 'ALTER TABLE orders ADD COLUMN desk text NOT NULL;';

/** A migration that is old does not change: every night they are all tried, before a merge the newest. */
const EVERY = process.env['PAPERGATE_EVERY_MIGRATION'] === 'true';
const LAST = 2;

let clone: Clone;
let folder: string;
beforeAll(async () => {
  clone = await cloneRepository();
  folder = mkdtempSync(join(tmpdir(), 'papergate-older-'));
}, 120_000);
afterAll(() => {
  clone.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the application as it was before a migration on the schema after it, and lets its own smoke test look at it. */
async function smokeBefore(application: OlderApplication): Promise<{ failed: string[]; applied: string[] }> {
  const root = await layOlderApplication({ repository: clone.dir, application, into: join(folder, 'releases') });
  await providePackages(ROOT, root);
  const home = mkdtempSync(join(folder, 'home-'));
  const bundle = await startBundle({ root, home });
  try {
    const access = stagingDatabase(bundle.status, makeHome(homeOf(root, home)), undefined);
    const { applied } = await databaseFacts(access);
    const { checks } = await INSTALLED_STAGES.runSmoke({
      releaseDir: root,
      urls: bundle.urls,
      token: undefined,
      env: process.env,
      onProgress: () => undefined,
      signal: new AbortController().signal,
    });
    expect(checks.length).toBeGreaterThan(5);
    const failed = checks.filter(({ status }) => status === 'failed').map(({ name }) => name);
    return { failed, applied: applied.map(({ name }) => name) };
  } finally {
    await bundle.stop();
    rmSync(root, { recursive: true, force: true });
  }
}

describe('the application before a migration, on the schema after it', () => {
  test('passes its own smoke test, for the migrations that a rollback may still cross', async () => {
    const applications = await applicationsBefore(clone.dir);
    expect(applications.length).toBeGreaterThan(LAST);
    for (const application of EVERY ? applications : applications.slice(-LAST)) {
      const { failed, applied } = await smokeBefore(application);
      expect({ application, failed }).toEqual({ application, failed: [] });
      expect(applied).toContain(application.migration);
    }
  }, 600_000);

  test('passes it also on a schema that a later migration has expanded', async () => {
    const path = 'services/shared/migrations/0990_fixture.sql';
    clone.commit('expand the schema', { [path]: FIXTURE });
    const application = (await applicationsBefore(clone.dir)).at(-1);
    expect(application).toEqual({ migration: '0990_fixture', commit: clone.head });
    if (application === undefined) return;
    const { failed, applied } = await smokeBefore(application);
    expect({ failed, schema: applied.at(-1) }).toEqual({ failed: [], schema: '0990_fixture' });
  }, 240_000);

  test('fails it on a schema that it cannot live with: this test would notice', async () => {
    const path = 'services/shared/migrations/0990_fixture.sql';
    clone.commit('contract the schema', { [path]: BREAKS });
    const { failed } = await smokeBefore({ migration: '0990_fixture', commit: clone.head });
    expect(failed).toContain('order: acknowledged');
  }, 240_000);
});

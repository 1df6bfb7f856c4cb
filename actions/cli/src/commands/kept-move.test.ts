import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ExternalError } from '@papergate/config';
import { EvidenceStore, sealManifest, type Manifest, type OpenPlace } from '@papergate/delivery';
import { testContext } from '../testing.ts';
import { keptMove } from './kept-move.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-kept-move-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const place = { place: { environment: 'staging', kind: 'compose' } } as OpenPlace;
const manifestOf = (number: number): Manifest => {
  const hex = number.toString(16).padStart(40, '0');
  const digest = `sha256:${'0'.repeat(64)}`;
  return sealManifest({
    commit: hex,
    services: {},
    config_digest: digest,
    lockfile_digest: digest,
    schema_version: 'none',
  });
};

test('a delivery by hand that breaks off leaves failed evidence of its release', async () => {
  const { context } = testContext(dir);
  const error = new ExternalError({ code: 'LEASE_LOST', message: 'somebody else took it' });
  const moved = keptMove(place, manifestOf(1), { json: true, context }, () => Promise.reject(error));
  await expect(moved).rejects.toBe(error);
  const store = EvidenceStore.open(manifestOf(1), { home: { dir } });
  expect(JSON.parse(readFileSync(store.pathOf('deploy'), 'utf8'))).toMatchObject({
    stage: 'deploy',
    commit: manifestOf(1).commit,
    status: 'failed',
    checks: [{ observed: 'LEASE_LOST' }],
  });
});

test('deliveries by hand keep the evidence of twenty releases, the newest', async () => {
  const { context } = testContext(dir);
  for (let number = 1; number <= 21; number++) {
    const old = EvidenceStore.open(manifestOf(number), { home: { dir } });
    utimesSync(old.dir, number, number);
  }
  const to = manifestOf(22);
  const outcome = { status: 'delivered', checks: [], from: undefined, to } as never;
  const { evidence } = await keptMove(place, to, { json: true, context }, () => Promise.resolve(outcome));
  const kept = readdirSync(join(dir, 'evidence'));
  expect(kept).toHaveLength(20);
  expect(kept.map((name) => join(dir, 'evidence', name))).toContain(evidence);
  const gone = EvidenceStore.open(manifestOf(2), { home: { dir: join(dir, 'other') } })
    .dir.split('/')
    .at(-1);
  expect(kept).not.toContain(gone);
});

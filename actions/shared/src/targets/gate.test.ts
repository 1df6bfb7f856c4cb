import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { GateEvidence } from '@papergate/config';
import type { Place } from '../deliver/types.ts';
import { simManifest } from '../deliver/testing/bundle.ts';
import { localHost } from '../host/index.ts';
import { rerunAtPlace } from '../ship/placed/rerun.ts';
import { Docker } from './compose/docker.ts';
import { verifyPlace } from './compose/verify.ts';
import { gateChecks, gateOf, layGate } from './gate.ts';

const manifest = simManifest(1);
const evidence = (change: Partial<GateEvidence> = {}): GateEvidence => ({
  approved: true,
  commit: manifest.commit,
  manifest_digest: manifest.digest,
  approved_by: ['ana', 'ben'],
  approved_at: '2026-01-05T12:00:00Z',
  ...change,
});

let dir: string;
let path: string;
let place: Place;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-gate-'));
  path = join(dir, 'gate-evidence.json');
  const host = localHost({ env: process.env });
  place = { kind: 'compose', environment: 'production', project: 'papergate-production', host, dir };
});
afterEach(async () => {
  await place.host.close();
  rmSync(dir, { recursive: true });
});

describe('production', () => {
  test.each<[string, GateEvidence | undefined, RegExp]>([
    ['without evidence', undefined, /there is no evidence of it/],
    ['where the gate said no', { ...evidence(), approved: false as unknown as true }, /it has not approved/],
    ['where nobody approved', evidence({ approved_by: [] }), /names nobody who approved/],
    ['for another commit', evidence({ commit: 'f'.repeat(40) }), /for another commit/],
    ['for another build', evidence({ manifest_digest: simManifest(2).digest }), /is delivered$/],
  ])('is closed %s', (_what, gate, words) => {
    const [check] = gateChecks({ place, manifest }, gate);
    expect(check).toMatchObject({ status: 'failed', detail: expect.stringMatching(words) });
  });

  test('is open for what the gate let through, and stays so for it: its evidence lies with it', async () => {
    const given = evidence();
    expect(gateChecks({ place, manifest }, given)).toMatchObject([{ status: 'passed' }]);
    await layGate({ place, path, manifest, given });
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(given);
    // Who goes back brings none, or that of the release that is left.
    expect(await gateOf({ place, path, manifest, given: undefined })).toEqual(given);
    const ofAnother = evidence({ manifest_digest: simManifest(2).digest });
    expect(await gateOf({ place, path, manifest, given: ofAnother })).toEqual(given);
    await layGate({ place, path, manifest, given: ofAnother });
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(given);
  });

  test('is closed where what lies there is no evidence', async () => {
    writeFileSync(path, 'half');
    expect(await gateOf({ place, path, manifest, given: undefined })).toBeUndefined();
  });

  test('is not looked at any further on an engine while it is closed', async () => {
    const docker = new Docker({ ...place.host, run: () => Promise.reject(new Error('the engine was asked')) });
    const options = { place, env: {}, releaseSource: () => Promise.reject(new Error('the release was read')) };
    const checks = await verifyPlace({ ...options, ports: 'free', secrets: new Map() }, docker, manifest);
    expect(checks).toMatchObject([{ status: 'failed', observed: 'closed' }]);
    const opened = verifyPlace({ ...options, ports: 'free', secrets: new Map(), gate: evidence() }, docker, manifest);
    await expect(opened).rejects.toThrow();
  });

  test('is never load-tested', async () => {
    const open = { place, target: {} } as unknown as Parameters<typeof rerunAtPlace>[1];
    const options = {} as Parameters<typeof rerunAtPlace>[2];
    await expect(rerunAtPlace({ load: 'quick' }, open, options)).rejects.toMatchObject({ code: 'NOT_IN_PRODUCTION' });
  });
});

test('nowhere else there is a gate', async () => {
  const staging: Place = { ...place, environment: 'staging' };
  await layGate({ place: staging, path, manifest, given: evidence() });
  expect(gateChecks({ place: staging, manifest }, undefined)).toEqual([]);
  expect(() => readFileSync(path)).toThrow();
});

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { isEvidence, bindEvidence } from '../evidence/index.ts';
import { sealManifest } from '../release/manifest.ts';
import { fetchManifest } from './artifact/manifest.ts';
import { verifyImages } from './artifact/verify-images.ts';
import { RegistryClient } from './http/client.ts';
import { MEDIA } from './media.ts';
import { pushStage, type PushStageOptions } from './stage.ts';
import { makeFakeEngine } from './testing/fake-engine.ts';
import { startFakeRegistry } from './testing/fake-registry.ts';
import { startFaultProxy, type FaultProxy } from './testing/fault-proxy.ts';
import { smallRelease } from './testing/small-release.ts';
import type { TestServer } from './testing/server.ts';

const COMMIT = 'ab'.repeat(20);
const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;

let registry: TestServer;
let proxy: FaultProxy;
let releaseDir: string;
beforeEach(async () => {
  releaseDir = smallRelease();
  registry = await startFakeRegistry();
  proxy = await startFaultProxy(registry.address);
});
afterEach(async () => {
  await proxy.close();
  await registry.close();
  rmSync(releaseDir, { recursive: true, force: true });
});

const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] };

function stage(more: Partial<PushStageOptions> = {}): ReturnType<typeof pushStage> {
  const engine = makeFakeEngine();
  return pushStage({
    manifest: sealManifest({
      commit: COMMIT,
      services: { orders: { entry: 'x', digest: digest('a') }, ticks: { entry: 'x', digest: digest('b') } },
      config_digest: digest('c'),
      lockfile_digest: digest('d'),
      schema_version: '0001',
    }),
    releaseDir,
    images: { orders: engine.make('orders'), ticks: engine.make('ticks') },
    external: { postgres: { repository: `${proxy.address}/base/postgres`, digest: digest('f') } },
    baseImages: { node: { repository: `${proxy.address}/base/node`, digest: digest('e') } },
    registry: `${proxy.address}/team`,
    source: 'https://github.com/o/n',
    epoch: 1_700_000_000,
    env,
    engine,
    sleep: () => Promise.resolve(),
    ...more,
  });
}

describe('the push stage', () => {
  test('leaves a release that can be fetched and whose images are there, each with its SBOM and provenance', async () => {
    const { manifest, artifact } = await stage();
    const call = { registry: `${proxy.address}/team`, env };
    expect((await fetchManifest({ ...call, commit: COMMIT })).manifest).toEqual(manifest);
    expect((await fetchManifest({ ...call, digest: artifact.digest })).manifest).toEqual(manifest);
    const missing = (await verifyImages(manifest, { env })).filter(({ status }) => status === 'failed');
    expect(missing.map(({ name }) => name)).toEqual(['image postgres']);
    const client = new RegistryClient(registry.address, { env });
    try {
      for (const service of ['orders', 'ticks']) {
        const subject = manifest.images?.[service]?.digest ?? '';
        const attached = await client.referrers(`team/${service}`, subject);
        expect(new Set(attached.map(({ artifactType }) => artifactType))).toEqual(new Set([MEDIA.spdx, MEDIA.inToto]));
        expect(attached).toHaveLength(2);
        expect(await client.referrers(`team/${service}`, subject, MEDIA.spdx)).toHaveLength(1);
      }
    } finally {
      await client.close();
    }
  });

  test('gives evidence with the digests of everything, and says in words that nothing is signed', async () => {
    const { result, manifest, signed } = await stage();
    expect(signed).toBe(false);
    const binding = { manifestDigest: manifest.digest, commit: COMMIT, startedAt: new Date(), finishedAt: new Date() };
    expect(isEvidence(bindEvidence(result, { stage: 'push', ...binding }))).toBe(true);
    const seen = Object.fromEntries(result.checks.map(({ name, observed }) => [name, observed]));
    expect(seen).toEqual({
      'image orders': manifest.images?.['orders']?.digest,
      'image ticks': manifest.images?.['ticks']?.digest,
      'release manifest': expect.stringMatching(/^sha256:/),
      SBOM: expect.stringMatching(/^sha256:/),
      provenance: expect.stringMatching(/^sha256:/),
      signatures: 'unsigned',
    });
    expect(result.checks.at(-1)?.detail).toMatch(/^unsigned: there is no signing key/);
    expect(result.data).toMatchObject({ signed: false, retries: [], manifest_digest: manifest.digest });
  });

  test('done twice gives the same digests, and attaches nothing twice', async () => {
    const [one, two] = [await stage(), await stage()];
    expect(two.result.checks).toEqual(one.result.checks);
    expect(two.manifest).toEqual(one.manifest);
    const client = new RegistryClient(registry.address, { env });
    try {
      const subject = one.manifest.images?.['orders']?.digest ?? '';
      expect(await client.referrers('team/orders', subject)).toHaveLength(2);
    } finally {
      await client.close();
    }
  });

  test('counts what had to be tried again', async () => {
    proxy.fail({ method: 'PUT', path: /team\/orders\/manifests/, times: 2, fault: { kind: 'status', status: 500 } });
    const { result } = await stage();
    expect(result.checks[0]?.detail).toMatch(/, at try 3$/);
    expect(result.data?.['retries']).toMatchObject([
      { service: 'orders', tried: 1 },
      { service: 'orders', tried: 2 },
    ]);
  });

  test('a push that fails leaves no release that could be fetched', async () => {
    proxy.fail({ method: 'PUT', path: /team\/ticks\/manifests/, fault: { kind: 'status', status: 403 } });
    await expect(stage()).rejects.toMatchObject({ code: 'REGISTRY_DENIED' });
    const fetched = fetchManifest({ registry: `${registry.address}/team`, env, commit: COMMIT });
    await expect(fetched).rejects.toMatchObject({ code: 'RELEASE_UNKNOWN' });
  });

  test('a release without a lock file is not pushed any further', async () => {
    rmSync(join(releaseDir, 'package-lock.json'));
    await expect(stage()).rejects.toMatchObject({ code: 'SBOM_IMPOSSIBLE', exitCode: 2 });
    const fetched = fetchManifest({ registry: `${registry.address}/team`, env, commit: COMMIT });
    await expect(fetched).rejects.toMatchObject({ code: 'RELEASE_UNKNOWN' });
  });

  test('a registry that is written wrongly is refused before anything is done', async () => {
    await expect(stage({ registry: 'https://ghcr.io/o/n' })).rejects.toMatchObject({ code: 'REGISTRY_INVALID' });
    expect(proxy.seen).toEqual([]);
  });
});

import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { canonicalJson, sealManifest, withImages, type Manifest } from '../../release/manifest.ts';
import { RegistryClient, sha256 } from '../http/client.ts';
import { MEDIA } from '../media.ts';
import { startFakeRegistry } from '../testing/fake-registry.ts';
import { startFaultProxy, type FaultProxy } from '../testing/fault-proxy.ts';
import type { TestServer } from '../testing/server.ts';
import { fetchManifest, listReleases, pushManifest, releaseArtifactOf } from './manifest.ts';
import { storeArtifact, type Artifact } from './store.ts';
import { verifyImages } from './verify-images.ts';

const hash = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const COMMIT = 'ab'.repeat(20);
const env = {};
const quick = { env, sleep: () => Promise.resolve() };

let registry: TestServer;
let proxy: FaultProxy;
let namespace: string;
let client: RegistryClient;
beforeEach(async () => {
  registry = await startFakeRegistry();
  proxy = await startFaultProxy(registry.address);
  namespace = `${proxy.address}/team`;
  client = new RegistryClient(registry.address, { env });
});
afterEach(async () => {
  await client.close();
  await proxy.close();
  await registry.close();
});

function release(commit = COMMIT, services = ['orders', 'ticks']): Manifest {
  const sealed = sealManifest({
    commit,
    services: Object.fromEntries(
      services.map((name) => [name, { entry: `services/${name}/src/main.ts`, digest: hash(name) }]),
    ),
    config_digest: hash('config'),
    lockfile_digest: hash('lock'),
    schema_version: '0001',
  });
  return withImages(
    sealed,
    Object.fromEntries([
      ...services.map((name) => [
        name,
        { repository: `${namespace}/${name}`, digest: hash(`image ${name} ${commit}`) },
      ]),
      ['postgres', { repository: `${proxy.address}/base/postgres`, digest: hash('postgres') }],
    ]),
  );
}

describe('the manifest of a release at a registry', () => {
  test('comes back as it was pushed, by its commit and by the digest of its artifact', async () => {
    const manifest = release();
    const artifact = await pushManifest(manifest, { ...quick, registry: namespace });
    expect(artifact.reference).toBe(`${namespace}/release:${COMMIT}`);
    for (const wanted of [{ commit: COMMIT }, { digest: artifact.digest }]) {
      const found = await fetchManifest({ ...quick, registry: namespace, ...wanted });
      expect(found.manifest).toEqual(manifest);
      expect(found.artifact.digest).toBe(artifact.digest);
    }
  });

  test('is an OCI 1.1 artifact of its own type that holds the canonical text', async () => {
    const manifest = release();
    await pushManifest(manifest, { ...quick, registry: namespace });
    const stored = await client.getManifest('team/release', COMMIT);
    const value = JSON.parse(new TextDecoder().decode(stored?.bytes)) as { layers: { digest: string }[] };
    expect(value).toMatchObject({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      artifactType: 'application/vnd.papergate.manifest.v1+json',
      config: { mediaType: 'application/vnd.oci.empty.v1+json', size: 2 },
      annotations: { 'org.opencontainers.image.revision': COMMIT, 'com.papergate.manifest': manifest.digest },
    });
    const blob = await client.getBlob('team/release', value.layers[0]?.digest ?? '');
    expect(new TextDecoder().decode(blob)).toBe(canonicalJson(manifest));
  });

  test('lies where the manifest itself says, digest and all', async () => {
    const manifest = release();
    const { repository, digest } = await pushManifest(manifest, { ...quick, registry: namespace });
    expect(releaseArtifactOf(manifest)).toEqual({ repository, digest });
  });

  test('lies nowhere where it has no images, or images in two places', () => {
    const { images, ...rest } = release();
    const { digest: _digest, schema: _schema, ...content } = rest;
    expect(releaseArtifactOf(sealManifest(content))).toBeUndefined();
    const apart = { ...images, orders: { repository: 'ghcr.io/else/orders', digest: hash('x') } };
    expect(releaseArtifactOf(sealManifest({ ...content, images: apart }))).toBeUndefined();
  });

  test('pushed twice is sent once', async () => {
    const first = await pushManifest(release(), { ...quick, registry: namespace });
    const before = proxy.seen.length;
    expect(await pushManifest(release(), { ...quick, registry: namespace })).toEqual(first);
    expect(proxy.seen.slice(before).map((line) => line.split(' ')[0])).toEqual(['HEAD']);
  });

  test('of all commits are listed, and nothing else that lies beside them', async () => {
    expect(await listReleases({ ...quick, registry: namespace })).toEqual([]);
    const commits = ['11', '22', '33'].map((two) => two.repeat(20));
    for (const commit of commits) await pushManifest(release(commit), { ...quick, registry: namespace });
    const manifest = await client.getManifest('team/release', commits[0] ?? '');
    await client.putManifest('team/release', 'latest', Buffer.from(manifest?.bytes ?? []), MEDIA.manifest);
    expect(await listReleases({ ...quick, registry: namespace })).toEqual(commits);
  });
});

describe('what is not a release is refused', () => {
  const fetched = (wanted: { commit: string } | { digest: string } = { commit: COMMIT }) =>
    fetchManifest({ ...quick, registry: namespace, ...wanted });
  const store = async (more: Partial<Artifact>, tag = COMMIT) =>
    await storeArtifact(
      client,
      'team/release',
      { artifactType: MEDIA.release, mediaType: MEDIA.release, content: new TextEncoder().encode('{}'), ...more },
      tag,
    );

  test('a commit that was never pushed: with what is there instead', async () => {
    await pushManifest(release(), { ...quick, registry: namespace });
    await expect(fetched({ commit: 'cd'.repeat(20) })).rejects.toMatchObject({
      code: 'RELEASE_UNKNOWN',
      exitCode: 2,
      message: expect.stringContaining('abababababab'),
    });
  });

  test('any commit of a registry without releases', async () => {
    await expect(fetched()).rejects.toMatchObject({
      code: 'RELEASE_UNKNOWN',
      message: expect.stringContaining('holds no releases'),
    });
  });

  test.each(['abc', 'main', '', 'AB'.repeat(20)])('%j, which is no commit', async (commit) => {
    await expect(fetched({ commit })).rejects.toMatchObject({ code: 'COMMIT_INVALID', exitCode: 2 });
  });

  test('a text that is no digest', async () => {
    await expect(fetched({ digest: 'sha256:abc' })).rejects.toMatchObject({ code: 'RELEASE_MALFORMED', exitCode: 2 });
  });

  test('an artifact of another type', async () => {
    await store({ artifactType: MEDIA.spdx });
    await expect(fetched()).rejects.toMatchObject({
      code: 'RELEASE_MALFORMED',
      message: expect.stringContaining('artifact of type application/spdx+json'),
    });
  });

  test.each([
    ['no JSON', 'not JSON', /does not hold JSON/],
    ['no manifest', '{"a":1}', /is not a manifest/],
    ['nothing', 'null', /is not a manifest/],
  ])('one that holds %s', async (_title, text, words) => {
    await store({ content: new TextEncoder().encode(text) });
    await expect(fetched()).rejects.toMatchObject({
      code: 'RELEASE_MALFORMED',
      exitCode: 2,
      message: expect.stringMatching(words),
    });
  });

  test('one whose manifest was edited after it was sealed, however well it was stored again', async () => {
    const edited = { ...release(), schema_version: '0002' };
    await store({ content: new TextEncoder().encode(canonicalJson(edited)) });
    await expect(fetched()).rejects.toMatchObject({
      code: 'RELEASE_MALFORMED',
      message: expect.stringContaining('does not match its own digest'),
    });
  });

  test('the manifest of another commit under this one’s tag', async () => {
    await store({ content: new TextEncoder().encode(canonicalJson(release('cd'.repeat(20)))) });
    await expect(fetched()).rejects.toMatchObject({ code: 'RELEASE_TAMPERED', exitCode: 2 });
  });

  test('content that was changed on the way', async () => {
    await pushManifest(release(), { ...quick, registry: namespace });
    const body = (bytes: Buffer): Buffer => Buffer.from(bytes.toString().replace('0001', '0002'));
    proxy.fail({ method: 'GET', path: /blobs/, fault: { kind: 'changed', body } });
    await expect(fetched()).rejects.toMatchObject({ code: 'RELEASE_TAMPERED', exitCode: 2 });
  });

  test('an artifact that was changed on the way', async () => {
    const { digest } = await pushManifest(release(), { ...quick, registry: namespace });
    const body = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.from('\n')]);
    proxy.fail({ method: 'GET', path: /manifests/, fault: { kind: 'changed', body } });
    await expect(fetched({ digest })).rejects.toMatchObject({ code: 'RELEASE_TAMPERED' });
  });

  test('an artifact that names more than any manifest holds: without fetching it', async () => {
    const bytes = new TextEncoder().encode(
      canonicalJson({
        schemaVersion: 2,
        mediaType: MEDIA.manifest,
        artifactType: MEDIA.release,
        layers: [{ mediaType: MEDIA.release, digest: sha256((await storedBlob()).bytes), size: 50_000_000 }],
      }),
    );
    await client.putManifest('team/release', COMMIT, bytes, MEDIA.manifest);
    await expect(fetched()).rejects.toMatchObject({ code: 'RELEASE_MALFORMED' });
    expect(proxy.seen.some((line) => line.includes('/blobs/'))).toBe(false);
  });

  test('a registry that is away is unreachable, and no mistake of the caller', async () => {
    await proxy.close();
    await expect(fetched()).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE', exitCode: 3 });
  });

  test('a registry that says nothing is given up after two tries', async () => {
    proxy.fail({ fault: { kind: 'silence' } });
    const fetching = fetchManifest({ ...quick, registry: namespace, commit: COMMIT, timeoutMs: 500 });
    await expect(fetching).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE', exitCode: 3 });
    expect(proxy.seen).toHaveLength(2);
  });

  async function storedBlob(): Promise<{ bytes: Uint8Array }> {
    const bytes = new TextEncoder().encode('{}');
    await client.putBlob('team/release', bytes);
    return { bytes };
  }
});

describe('the images of a manifest', () => {
  /** Stands for an image: what is asked for is only whether its digest is there. */
  const put = async (name: string): Promise<string> =>
    (
      await storeArtifact(client, name, {
        artifactType: 'image',
        mediaType: 'image',
        content: new TextEncoder().encode(name),
      })
    ).digest;
  const withDigests = async (): Promise<Manifest> => {
    const { images: _images, digest: _digest, schema: _schema, ...content } = release();
    const image = async (name: string) => ({ repository: `${proxy.address}/${name}`, digest: await put(name) });
    const images = {
      orders: await image('team/orders'),
      ticks: await image('team/ticks'),
      postgres: await image('base/postgres'),
    };
    return sealManifest({ ...content, images });
  };

  test('are each there', async () => {
    const checks = await verifyImages(await withDigests(), { env });
    expect(checks.map(({ name, status }) => [name, status])).toEqual([
      ['image orders', 'passed'],
      ['image postgres', 'passed'],
      ['image ticks', 'passed'],
    ]);
  });

  test('that are not there are each named, with what was wanted', async () => {
    const manifest = await withDigests();
    const absent = { ...manifest.images, ticks: { repository: `${proxy.address}/team/ticks`, digest: hash('absent') } };
    const checks = await verifyImages(withImages(manifest, absent), { env });
    expect(checks.filter(({ status }) => status === 'failed')).toEqual([
      {
        name: 'image ticks',
        status: 'failed',
        observed: 'absent',
        limit: hash('absent'),
        detail: `${proxy.address}/team/ticks@${hash('absent')} is not at the registry`,
      },
    ]);
  });

  test('that are answered with another digest are not accepted', async () => {
    const manifest = await withDigests();
    const headers = { 'docker-content-digest': hash('another') };
    proxy.fail({ method: 'HEAD', path: /ticks/, fault: { kind: 'changed', headers } });
    const checks = await verifyImages(manifest, { env });
    expect(checks.find(({ name }) => name === 'image ticks')).toMatchObject({
      status: 'failed',
      observed: hash('another'),
    });
  });

  test('of a release that was not built for containers: a failed check', async () => {
    const { images: _images, digest: _digest, schema: _schema, ...content } = release();
    expect(await verifyImages(sealManifest(content), { env })).toMatchObject([{ status: 'failed', observed: 'none' }]);
  });

  test('a connection that breaks once is tried again', async () => {
    const manifest = await withDigests();
    proxy.fail({ method: 'HEAD', times: 1, fault: { kind: 'reset' } });
    const checks = await verifyImages(manifest, quick);
    expect(checks.every(({ status }) => status === 'passed')).toBe(true);
  });

  test('a registry that is away is unreachable', async () => {
    const manifest = await withDigests();
    await proxy.close();
    await expect(verifyImages(manifest, quick)).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE', exitCode: 3 });
  });

  test('a registry that says nothing is unreachable after the time for all, however many images there are', async () => {
    const manifest = await withDigests();
    proxy.fail({ fault: { kind: 'silence' } });
    const before = performance.now();
    await expect(verifyImages(manifest, { env, timeoutMs: 150 })).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining('within 0.15 s'),
    });
    expect(performance.now() - before).toBeLessThan(5_000);
  });

  test('a registry that denies us is no missing image', async () => {
    const manifest = await withDigests();
    proxy.fail({ fault: { kind: 'status', status: 403 } });
    await expect(verifyImages(manifest, quick)).rejects.toMatchObject({ code: 'REGISTRY_DENIED', exitCode: 2 });
  });
});

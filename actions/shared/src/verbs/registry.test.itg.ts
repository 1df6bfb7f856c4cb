import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { pushManifest } from '../registry/index.ts';
import { startFakeRegistry } from '../registry/testing/fake-registry.ts';
import { startFaultProxy, type FaultProxy } from '../registry/testing/fault-proxy.ts';
import type { TestServer } from '../registry/testing/server.ts';
import { makeRelease } from '../release/index.ts';
import { sealManifest, withImages, type Manifest } from '../release/manifest.ts';
import type { TestRepository } from '../testing/repository.ts';
import { testJob, type TestJob } from './testing/action-process.ts';
import { makeTestBundle } from './testing/bundle.ts';

jest.setTimeout(120_000);

const PASSWORD = ['sentinel', 'of', 'the', 'registry'].join('-');
const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;

let repository: TestRepository;
let job: TestJob;
let registry: TestServer;
/** Wants a login. */
let closed: FaultProxy;
let first: string;
let second: string;

beforeAll(async () => {
  repository = makeTestBundle();
  first = repository.git('rev-parse', 'HEAD');
  second = repository.commit('another');
  registry = await startFakeRegistry();
  closed = await startFaultProxy(registry.address, { kind: 'basic', username: 'robot', password: PASSWORD });
  job = testJob({ workspace: repository.dir, sha: first });
  const { manifest } = await makeRelease(repository.dir, `${job.dir}/releases`, first);
  const images = Object.fromEntries(
    Object.keys(manifest.services).map((name) => [
      name,
      { repository: `${registry.address}/team/${name}`, digest: digest('1') },
    ]),
  );
  const whole = withImages(manifest, images);
  await put('team', whole);
  // Somebody has moved a tag: what lies there says that it is of another commit.
  await put('moved', whole, second);
  await put('foreign', resealed(whole, { config_digest: digest('2') }));
});
afterAll(async () => {
  job.remove();
  repository.remove();
  await closed.close();
  await registry.close();
});

async function put(namespace: string, manifest: Manifest, as = manifest.commit): Promise<void> {
  const { digest: artifact, repository: name } = await pushManifest(manifest, {
    registry: `${registry.address}/${namespace}`,
    env: {},
  });
  if (as === manifest.commit) return;
  const at = `http://${name.replace('/', '/v2/')}/manifests`;
  const stored = await fetch(`${at}/${artifact}`);
  const headers = { 'content-type': stored.headers.get('content-type') ?? '' };
  const moved = await fetch(`${at}/${as}`, { method: 'PUT', headers, body: await stored.arrayBuffer() });
  expect(moved.status).toBe(201);
}

function resealed(manifest: Manifest, change: Partial<Manifest>): Manifest {
  const { digest: _digest, schema: _schema, ...content } = manifest;
  return sealManifest({ ...content, ...change });
}

const place = { environment: 'development', project: 'papergate-of-a-test' };
const at = (namespace: string, sha = first) => ({ ...place, registry: `${registry.address}/${namespace}`, sha });
const login = (token: string) => ({
  registry: `${closed.address}/team`,
  'registry-username': 'robot',
  'registry-token': token,
});

describe('what is wrong with a registry, a login or a build is said before an engine is asked', () => {
  test.each<[string, string, string, () => Record<string, string>]>([
    ['REGISTRY_UNAUTHORIZED', 'a login that is refused', 'build-push', () => login('wrong-password')],
    ['REGISTRY_UNAUTHORIZED', 'a login that is refused', 'deploy', () => ({ ...place, ...login('wrong-password') })],
    ['REGISTRY_UNREACHABLE', 'a registry that is away', 'build-push', () => ({ registry: '127.0.0.1:9/team' })],
    ['REGISTRY_INVALID', 'a registry with a scheme', 'build-push', () => ({ registry: 'https://ghcr.io/a/b' })],
    ['REGISTRY_INVALID', 'a registry without a namespace', 'deploy', () => ({ ...place, registry: 'ghcr.io' })],
    ['IMAGE_INVALID', 'a base image by a tag', 'build-push', () => ({ 'node-image': 'docker.io/library/node:24' })],
    [
      'BUILD_ARG_SECRET',
      'a build argument named like a secret',
      'build-push',
      () => ({ 'build-args': 'NPM_TOKEN=abc' }),
    ],
    [
      'BUILD_ARG_SECRET',
      'a build argument that is one',
      'build-push',
      () => ({ 'build-args': `X=https://a:${PASSWORD}@b.example` }),
    ],
    ['INPUT_INVALID', 'a build argument without a value', 'build-push', () => ({ 'build-args': 'NPM' })],
    ['ATTEST_UNSIGNED', 'an attestation that nobody signs', 'build-push', () => ({ attest: 'true' })],
    ['SIGN_KEY_MISSING', 'a signature without a key', 'build-push', () => ({ sign: 'key' })],
    ['SIGN_IDENTITY_MISSING', 'a signature without an identity', 'build-push', () => ({ sign: 'identity' })],
    ['RELEASE_UNKNOWN', 'a commit that was never pushed', 'deploy', () => at('team', second)],
    ['RELEASE_TAMPERED', 'a tag that was moved', 'deploy', () => at('moved', second)],
    ['RELEASE_CHANGED', 'a manifest with another configuration than its commit', 'deploy', () => at('foreign')],
    [
      'MANIFEST_FOREIGN',
      'a reference to another commit',
      'deploy',
      () => ({ ...place, manifest: `${registry.address}/team/release:${first}`, sha: second }),
    ],
    [
      'RELEASE_UNKNOWN',
      'a reference by a digest that nobody has',
      'deploy',
      () => ({ ...place, manifest: `${registry.address}/team/release@${digest('0')}` }),
    ],
    [
      'HOST_ADDRESS_INVALID',
      'a host that is no address',
      'deploy',
      () => ({ ...at('team'), host: 'staging.example.org' }),
    ],
  ])('%s: %s, at %s', async (reason, _what, verb, inputs) => {
    const end = await job.act(verb, inputs());
    if (end.outputs['reason-code'] !== reason) throw new Error(`wanted "${reason}", and it said:\n${end.output}`);
    expect(end.code).toBe(1);
    const told = end.output.replaceAll(/^::add-mask::.*$/gm, '') + end.summary + JSON.stringify(end.outputs);
    expect(told).not.toMatch(/wrong-password|sentinel|^ +at /m);
    expect(told).not.toMatch(/--(registry|host|manifest|node-image)\b/);
  });

  test('the right login is taken, and it goes with the step', async () => {
    const end = await job.act('deploy', { ...place, ...login(PASSWORD), sha: second });
    expect(end.outputs['reason-code']).toBe('RELEASE_UNKNOWN');
    const after = await job.act('build-push', login(PASSWORD), { post: end });
    expect(after).toMatchObject({ code: 0 });
    expect(after.output).toContain('logged out');
  });
});

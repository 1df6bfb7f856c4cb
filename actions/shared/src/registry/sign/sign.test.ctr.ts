import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sealManifest, withImages, type Manifest } from '../../release/manifest.ts';
import { containers } from '../../testing/containers/index.ts';
import { RegistryClient } from '../http/client.ts';
import { pushStage, type PushOutcome } from '../stage.ts';
import { dockerConfig, program } from '../testing/docker-config.ts';
import { startFaultProxy, type FaultProxy } from '../testing/fault-proxy.ts';
import { importImage, removeImages } from '../testing/real-image.ts';
import { smallRelease } from '../testing/small-release.ts';
import { verifySignatures } from './verify.ts';

const { registry, env: engineEnv } = containers();
const own = { ...process.env, ...engineEnv } as Record<string, string>;
const namespace = `sign-test-${randomBytes(5).toString('hex')}`;
const sentinel = (of: string): string => ['sentinel', of, randomBytes(6).toString('hex')].join('-');
const KEY_PASSWORD = sentinel('key');
const REGISTRY_PASSWORD = sentinel('registry');
const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;

// One registry with a login, one release on it, signed and pushed twice.
let proxy: FaultProxy;
let dir: string;
let releaseDir: string;
let env: Record<string, string>;
let ids: Record<string, string>;
let outcomes: PushOutcome[];
const told: string[] = [];
const undo: (() => unknown)[] = [];

const commitOf = (two: string): Manifest =>
  sealManifest({
    commit: two.repeat(20),
    services: { orders: { entry: 'x', digest: digest('a') }, ticks: { entry: 'x', digest: digest('b') } },
    config_digest: digest('c'),
    lockfile_digest: digest('d'),
    schema_version: '0001',
  });
const push = (manifest: Manifest, more: Record<string, string> = {}): Promise<PushOutcome> =>
  pushStage({
    manifest,
    releaseDir,
    images: ids,
    registry: `${proxy.address}/${namespace}`,
    source: 'https://github.com/o/n',
    epoch: 1_700_000_000,
    env: { ...env, ...more },
    onProgress: ({ message }) => told.push(message),
  });
const keys = (name: string, password: string): void => {
  execFileSync('cosign', ['generate-key-pair', '--output-key-prefix', name], {
    cwd: dir,
    env: { ...own, COSIGN_PASSWORD: password },
    stdio: 'pipe',
  });
};
const verify = (manifest: Manifest, key = 'good.pub', required = true) =>
  verifySignatures({ manifest, policy: { required, publicKey: join(dir, key) }, env });

beforeAll(async () => {
  proxy = await startFaultProxy(registry, { kind: 'basic', username: 'robot', password: REGISTRY_PASSWORD });
  const auth = Buffer.from(`robot:${REGISTRY_PASSWORD}`).toString('base64');
  const config = dockerConfig({ auths: { [proxy.address]: { auth } } });
  ({ dir } = config);
  releaseDir = smallRelease();
  undo.push(proxy.close, config.remove, () => rmSync(releaseDir, { recursive: true, force: true }));
  ids = { orders: importImage(own, `${namespace} orders`), ticks: importImage(own, `${namespace} ticks`) };
  undo.push(() => removeImages(own, Object.values(ids)));
  keys('good', KEY_PASSWORD);
  keys('other', 'another');
  // The real cosign and docker, with their arguments written down first.
  for (const name of ['cosign', 'docker']) {
    const real = execFileSync('sh', ['-c', `command -v ${name}`], { env: own, encoding: 'utf8' }).trim();
    program(dir, name, `echo "${name} $@" >>${dir}/argv; exec ${real} "$@"`);
  }
  env = { ...own, PATH: `${dir}:${own['PATH']}`, DOCKER_CONFIG: dir };
  const signing = { COSIGN_KEY: join(dir, 'good.key'), COSIGN_PASSWORD: KEY_PASSWORD };
  outcomes = [await push(commitOf('ab'), signing), await push(commitOf('ab'), signing)];
});
afterAll(async () => {
  for (const step of undo.toReversed()) await step();
});

const first = (): PushOutcome => {
  const [outcome] = outcomes;
  if (outcome === undefined) throw new Error('nothing was pushed');
  return outcome;
};

describe('a release signed with a key, by a real cosign at a real registry', () => {
  test('is accepted with the public key: manifest, images, SBOM and provenance', async () => {
    const checks = await verify(first().manifest);
    expect(checks).toHaveLength(7);
    expect(checks.filter(({ status }) => status === 'failed')).toEqual([]);
    expect(first().signed).toBe(true);
  });

  test('signed twice has one signature and one attestation of each kind', async () => {
    const client = new RegistryClient(proxy.address, { env });
    try {
      const image = first().manifest.images?.['orders']?.digest ?? '';
      const tag = image.replace(':', '-');
      for (const [suffix, count] of [
        ['sig', 1],
        ['att', 2],
      ] as const) {
        const stored = await client.getManifest(`${namespace}/orders`, `${tag}.${suffix}`);
        const { layers } = JSON.parse(new TextDecoder().decode(stored?.bytes)) as { layers: unknown[] };
        expect(layers).toHaveLength(count);
      }
    } finally {
      await client.close();
    }
  });

  test('is refused with another key, required or not', async () => {
    for (const required of [true, false]) {
      const checks = await verify(first().manifest, 'other.pub', required);
      expect(checks.map(({ status, observed }) => [status, observed])).toEqual(
        checks.map(() => ['failed', 'not by this key or identity']),
      );
    }
  });

  test('is refused where one of its images is another than was signed', async () => {
    const { manifest } = first();
    const swapped = withImages(manifest, {
      ...manifest.images,
      orders: { repository: `${proxy.address}/${namespace}/orders`, digest: manifest.images?.['ticks']?.digest ?? '' },
    });
    const failed = (await verify(swapped)).filter(({ status }) => status === 'failed').map(({ name }) => name);
    expect(failed).toEqual(expect.arrayContaining(['signature of the manifest', 'signature of orders']));
  });

  test('does not lend its signatures to an unsigned release of the same images', async () => {
    const { manifest, signed, result } = await push(commitOf('cd'));
    expect(signed).toBe(false);
    expect(result.checks.at(-1)).toMatchObject({ name: 'signatures', observed: 'unsigned' });
    const failed = (await verify(manifest)).filter(({ status }) => status === 'failed').map(({ name }) => name);
    expect(failed).toEqual(['signature of the manifest', 'signed provenance of orders', 'signed provenance of ticks']);
  });

  test('with a wrong password is not signed at all, and that is the caller’s mistake', async () => {
    const signing = { COSIGN_KEY: join(dir, 'good.key'), COSIGN_PASSWORD: `${KEY_PASSWORD}-wrong` };
    const refused: unknown = await push(commitOf('ef'), signing).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'SIGNING_REFUSED', exitCode: 2 });
    expect(inspect(refused, { depth: 9 })).not.toContain(KEY_PASSWORD);
  });

  test('no password is in any argument, message, result or check', async () => {
    const argv = readFileSync(join(dir, 'argv'), 'utf8');
    expect(argv).toMatch(/^docker image push /m);
    expect(argv).toMatch(/^cosign sign /m);
    const auth = Buffer.from(`robot:${REGISTRY_PASSWORD}`).toString('base64');
    const everything = [argv, ...told, inspect(outcomes, { depth: 12, maxStringLength: null })].join('\n');
    for (const secret of [KEY_PASSWORD, REGISTRY_PASSWORD, auth]) expect(everything).not.toContain(secret);
  });
});

import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { containers } from '../testing/containers/index.ts';
import { RegistryClient } from './http/client.ts';
import { dockerEngine } from './push/engine.ts';
import { pushImages } from './push/images.ts';
import { BEHAVIOURS } from './testing/behaviours.ts';
import { dockerConfig } from './testing/docker-config.ts';
import { startFaultProxy } from './testing/fault-proxy.ts';
import { checkPush, PUSH_CASES } from './testing/push-cases.ts';
import { importImage, removeImages } from './testing/real-image.ts';

const { registry, env: engineEnv } = containers();
const env = { ...process.env, ...engineEnv } as Record<string, string>;
const namespace = `registry-test-${randomBytes(5).toString('hex')}`;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

let imageId: string;
beforeAll(() => {
  imageId = importImage(env, namespace);
});
afterAll(() => removeImages(env, [imageId]));

describe('a real registry (docker-registry 2.8)', () => {
  test.each(BEHAVIOURS.map((one) => [one.title, one] as const))('%s', async (_name, behaviour) => {
    const client = new RegistryClient(registry, { env: {} });
    closers.push(() => client.close());
    await behaviour.holds(client, namespace);
    expect.hasAssertions();
  });
});

describe('a real engine pushes to a real registry through', () => {
  test.each(PUSH_CASES.map((one) => [one.title, one] as const))('%s', async (_title, one) => {
    await checkPush(one, { target: registry, namespace, engine: dockerEngine(env), imageId, env });
    expect.hasAssertions();
  });

  test('an upload that is cut off in the middle', async () => {
    const proxy = await startFaultProxy(registry);
    // Large enough to be cut, and nowhere in the registry yet.
    const large = importImage(env, randomBytes(300_000).toString('base64'));
    closers.push(proxy.close, () => removeImages(env, [large]));
    proxy.fail({ method: 'PATCH', path: /\/blobs\/uploads\//, times: 1, fault: { kind: 'cut', bytes: 100_000 } });
    const { large: pushed } = await pushImages({
      images: { large },
      registry: `${proxy.address}/${namespace}`,
      commit: 'f'.repeat(40),
      env,
      sleep: () => Promise.resolve(),
    });
    const client = new RegistryClient(registry, { env: {} });
    closers.push(() => client.close());
    expect((await client.headManifest(`${namespace}/large`, pushed?.digest ?? ''))?.digest).toBe(pushed?.digest);
  });

  test('silence: each try ends after its time, and the registry is called unreachable', async () => {
    const proxy = await startFaultProxy(registry);
    closers.push(proxy.close);
    proxy.fail({ fault: { kind: 'silence' } });
    const pushed = pushImages({
      images: { service: imageId },
      registry: `${proxy.address}/${namespace}`,
      commit: 'f'.repeat(40),
      env,
      engine: dockerEngine(env, 500),
      policy: { tries: 2, baseMs: 1, capMs: 1, retryAfterMaxMs: 0 },
    });
    await expect(pushed).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE', exitCode: 3 });
  });
});

describe.each(['basic', 'bearer'] as const)('a real engine at a registry that wants a login (%s)', (kind) => {
  const password = ['sentinel', randomBytes(6).toString('hex')].join('-');
  const push = async (auths: (address: string) => unknown) => {
    const proxy = await startFaultProxy(registry, { kind, username: 'robot', password });
    const { dir, remove } = dockerConfig({ auths: auths(proxy.address) });
    closers.push(proxy.close, remove);
    return await pushImages({
      images: { service: imageId },
      registry: `${proxy.address}/${namespace}`,
      commit: 'e'.repeat(40),
      env: { ...env, DOCKER_CONFIG: dir },
      sleep: () => Promise.resolve(),
    });
  };

  test('both get in with docker’s own login', async () => {
    const auth = Buffer.from(`robot:${password}`).toString('base64');
    expect((await push((address) => ({ [address]: { auth } })))['service']?.digest).toMatch(/^sha256:/);
  });

  test('a wrong password is refused at once, and repeated nowhere', async () => {
    const auth = Buffer.from(`robot:${password}x`).toString('base64');
    const refused: unknown = await push((address) => ({ [address]: { auth } })).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: expect.stringMatching(/^REGISTRY_(UNAUTHORIZED|DENIED)$/), exitCode: 2 });
    expect(inspect(refused, { depth: 9 })).not.toContain(password);
    expect(inspect(refused, { depth: 9 })).not.toContain(auth);
  });
});

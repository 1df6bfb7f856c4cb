import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { makeFakeEngine, type FakeEngine } from '../testing/fake-engine.ts';
import { startFakeRegistry } from '../testing/fake-registry.ts';
import { startFaultProxy } from '../testing/fault-proxy.ts';
import { checkPush, PUSH_CASES } from '../testing/push-cases.ts';
import type { TestServer } from '../testing/server.ts';
import { pushImages } from './images.ts';

const COMMIT = 'ab'.repeat(20);

let registry: TestServer;
let engine: FakeEngine;
beforeEach(async () => {
  registry = await startFakeRegistry();
  engine = makeFakeEngine();
});
afterEach(() => registry.close());

describe('a push through', () => {
  test.each(PUSH_CASES.map((one) => [one.title, one] as const))('%s', async (_title, one) => {
    const imageId = engine.make('layer');
    await checkPush(one, { target: registry.address, namespace: 'team/bundle', engine, imageId, env: {} });
    expect.hasAssertions();
  });
});

describe('pushing images', () => {
  const names = Array.from({ length: 9 }, (_, n) => `service-${n}`);
  const push = (address: string, more: Partial<Parameters<typeof pushImages>[0]> = {}) =>
    pushImages({
      images: Object.fromEntries(names.map((name) => [name, engine.make(name)])),
      registry: `${address}/team`,
      commit: COMMIT,
      env: {},
      engine,
      random: () => 0,
      sleep: () => Promise.resolve(),
      ...more,
    });

  test('every service gets the digest that the registry has for it', async () => {
    const pushed = await push(registry.address);
    expect(Object.keys(pushed)).toEqual(names);
    for (const name of names) {
      expect(pushed[name]).toEqual({
        repository: `${registry.address}/team/${name}`,
        digest: engine.digestOf(engine.make(name)),
      });
    }
  });

  test('one is pushed before the others, which find the layers that all share', async () => {
    const proxy = await startFaultProxy(registry.address);
    try {
      await push(proxy.address);
      const first = proxy.seen.findIndex((line) => line === `HEAD /v2/team/service-0/manifests/${COMMIT}`);
      const others = proxy.seen.findIndex((line) => /team\/service-[1-9]/.test(line));
      expect(first).toBeGreaterThan(0);
      expect(others).toBeGreaterThan(first);
    } finally {
      await proxy.close();
    }
  });

  test('the failure of one ends all, and is the one that is told', async () => {
    const proxy = await startFaultProxy(registry.address);
    try {
      proxy.fail({ method: 'PUT', path: /service-3\/manifests/, fault: { kind: 'status', status: 403 } });
      await expect(push(proxy.address)).rejects.toMatchObject({
        code: 'REGISTRY_DENIED',
        message: expect.stringContaining('/team/service-3:'),
      });
    } finally {
      await proxy.close();
    }
  });

  test('an image that the engine does not have is named', async () => {
    await expect(push(registry.address, { images: { signal: `sha256:${'0'.repeat(64)}` } })).rejects.toMatchObject({
      code: 'IMAGE_MISSING',
      exitCode: 2,
      message: expect.stringContaining('/team/signal:'),
    });
  });

  test('nothing to push is a mistake, and not a release without images', async () => {
    await expect(push(registry.address, { images: {} })).rejects.toMatchObject({ code: 'IMAGE_MISSING', exitCode: 2 });
  });

  test('further tries are told as they come', async () => {
    const proxy = await startFaultProxy(registry.address);
    const told: string[] = [];
    const retries: unknown[] = [];
    try {
      proxy.fail({ method: 'PUT', path: /service-0\/manifests/, times: 1, fault: { kind: 'reset' } });
      await push(proxy.address, {
        onProgress: ({ message }) => told.push(message),
        onRetry: ({ service, tried }) => retries.push([service, tried]),
      });
    } finally {
      await proxy.close();
    }
    expect(retries).toEqual([['service-0', 1]]);
    expect(told.join('\n')).toMatch(/service-0: try 1 failed \(network: .*\); again in 0 s/);
  });

  test('a caller who gives up ends it', async () => {
    const stop = new AbortController();
    const proxy = await startFaultProxy(registry.address);
    try {
      proxy.fail({ method: 'PUT', path: /manifests/, fault: { kind: 'silence' } });
      const pushed = push(proxy.address, {
        signal: stop.signal,
        images: { signal: engine.make('x') },
        onProgress: () => undefined,
      });
      stop.abort(new Error('enough'));
      await expect(pushed).rejects.toThrow('enough');
    } finally {
      await proxy.close();
    }
  });
});

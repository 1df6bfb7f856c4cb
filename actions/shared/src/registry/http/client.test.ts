import { afterEach, describe, expect, test } from '@jest/globals';
import { BEHAVIOURS } from '../testing/behaviours.ts';
import { startFakeRegistry, type FakeRegistryOptions } from '../testing/fake-registry.ts';
import { MEDIA } from '../media.ts';
import { startFaultProxy } from '../testing/fault-proxy.ts';
import { RegistryClient } from './client.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const VARIANTS: readonly [string, FakeRegistryOptions][] = [
  ['without the referrers API', {}],
  ['with the referrers API', { referrersApi: true }],
  ['with short pages', { pageSize: 2 }],
  ['that leaves digests out of its headers', { digestHeader: false }],
];

describe.each(VARIANTS)('a registry in memory %s', (_title, options) => {
  test.each(BEHAVIOURS.map((one) => [one.title, one] as const))('%s', async (_name, behaviour) => {
    const registry = await startFakeRegistry(options);
    const client = new RegistryClient(registry.address, { env: {} });
    closers.push(registry.close, () => client.close());
    await behaviour.holds(client, 'team/bundle');
    expect.hasAssertions();
  });
});

test('a list of tags is followed over all its pages', async () => {
  const registry = await startFakeRegistry({ pageSize: 2 });
  const proxy = await startFaultProxy(registry.address);
  const client = new RegistryClient(proxy.address, { env: {} });
  closers.push(registry.close, proxy.close, () => client.close());
  const tags = ['a', 'b', 'c', 'd', 'e'];
  const bytes = new TextEncoder().encode('{"schemaVersion":2}');
  for (const tag of tags) await client.putManifest('team/bundle', tag, bytes, MEDIA.manifest);
  expect(await client.tags('team/bundle')).toEqual(tags);
  expect(proxy.seen.filter((line) => line.includes('/tags/list'))).toHaveLength(3);
});

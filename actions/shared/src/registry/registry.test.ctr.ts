import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import { containers } from '../testing/containers/index.ts';
import { RegistryClient } from './http/client.ts';
import { BEHAVIOURS } from './testing/behaviours.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const { registry } = containers();
const namespace = `registry-test-${randomBytes(5).toString('hex')}`;

describe('a real registry (docker-registry 2.8)', () => {
  test.each(BEHAVIOURS.map((one) => [one.title, one] as const))('%s', async (_name, behaviour) => {
    const client = new RegistryClient(registry, { env: {} });
    closers.push(() => client.close());
    await behaviour.holds(client, namespace);
    expect.hasAssertions();
  });
});

import { randomBytes } from 'node:crypto';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { createSubscriber, type Envelope, type Tick } from '@papergate/service-kit';
import { until } from '@papergate/service-kit/testing';
import { DataServer, tradeFrame } from './testing/data-server.ts';
import { spawnService, type ServiceProcess } from './testing/process.ts';

// A busy machine is no failure: each wait below has its own, shorter bound.
jest.setTimeout(60_000);

/** Made for the run: a process refuses what looks like a placeholder. */
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const letters = (count: number): string => [...randomBytes(count)].map((byte) => LETTERS[byte % 32]).join('');
const KEYS = { keyId: `PK${letters(18)}`, secret: letters(40), symbols: ['AAPL'] };
const cleanups: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
}, 30_000);

async function start(
  dataUrl: string,
  options: Partial<Parameters<typeof spawnService>[0]> = {},
): Promise<ServiceProcess> {
  const service = await spawnService({ ...KEYS, dataUrl, ...options });
  cleanups.push(() => service.end('SIGKILL'));
  return service;
}

describe('the process', () => {
  test('becomes ready, and at SIGTERM sends what it holds and exits 0', async () => {
    const server = await new DataServer().listen();
    cleanups.push(() => server.close());
    const service = await start(server.url);
    const ticks: Tick[] = [];
    let joined = false;
    const subscriber = createSubscriber({
      endpoints: [`tcp://127.0.0.1:${service.busPort}`],
      topics: ['tick', 'heartbeat'],
      onMessage: (topic, { data }: Envelope<unknown>) => {
        joined = true;
        if (topic === 'tick') ticks.push(...(data as Tick[]));
      },
    });
    cleanups.push(() => subscriber.close());
    await until('a heartbeat', () => joined);
    await server.send(
      Array.from({ length: 5_000 }, (_, i) => tradeFrame('AAPL', 100, 1, 1_381_152_600_000_000 + i, i)),
    );
    await until('the first of them', () => ticks.length > 0);
    expect(await service.end()).toBe(0);
    expect(ticks.length).toBeGreaterThan(0);
    expect(ticks.every(({ n }, index) => n === index + 1)).toBe(true);
    expect(service.output()).not.toContain(KEYS.secret);
  }, 60_000);

  test('a bus port that is taken ends it with one message and exit code 3', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    cleanups.push(() => void holder.close());
    const { port } = holder.address() as AddressInfo;
    const service = await start('ws://127.0.0.1:1/v2/iex', {
      waitForReadiness: false,
      system: (system) => {
        system.services['market-data'].bus_port = port;
      },
    });
    expect(await service.exited).toBe(3);
    expect(service.output()).toContain(`BUS_PORT_IN_USE: market-data cannot bind its bus port ${port} on 127.0.0.1`);
    expect(service.output()).not.toMatch(/\n\s+at /);
  }, 60_000);
});

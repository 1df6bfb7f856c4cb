import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { BUS_SERVICES, parseBusKeys, Secret, type ServiceName } from '@papergate/config';
import { localHost } from '../host/index.ts';
import type { Host } from '../host/types.ts';
import { BUS_SEED, busKeyName, layBusKeys, removeBusKeys } from './lay.ts';

let dir: string;
let folder: string;
let host: Host;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-keys-'));
  folder = join(dir, 'secrets');
  host = localHost({ env: { PATH: process.env['PATH'] } });
});
afterEach(async () => {
  await host.close();
  rmSync(dir, { recursive: true });
});

const modeOf = (name: string): number => statSync(join(folder, name)).mode & 0o777;
const textOf = (name: string): string => readFileSync(join(folder, name), 'utf8');
const keysOf = (service: ServiceName) =>
  parseBusKeys(new Secret(textOf(busKeyName(service))), service, busKeyName(service));
const all = (): string => readdirSync(folder).toSorted().map(textOf).join('');

describe('the keys of a place', () => {
  test('are made once, each service’s in a file of its own that nobody else reads, and stay as they are', async () => {
    await layBusKeys({ host, folder });
    expect(readdirSync(folder).toSorted()).toEqual([...BUS_SERVICES.map(busKeyName), BUS_SEED].toSorted());
    expect(modeOf('.')).toBe(0o700);
    for (const name of readdirSync(folder)) expect(modeOf(name)).toBe(0o600);
    expect(keysOf('risk-manager').peers.get('execution-engine')).toBe(keysOf('execution-engine').publicKey);
    const before = all();
    const { mtimeMs } = statSync(join(folder, BUS_SEED));
    await layBusKeys({ host, folder });
    expect(all()).toBe(before);
    expect(statSync(join(folder, BUS_SEED)).mtimeMs).toBe(mtimeMs);
  });

  test('are the same for all who make them at the same moment', async () => {
    await Promise.all(Array.from({ length: 8 }, () => layBusKeys({ host, folder })));
    const before = all();
    await layBusKeys({ host, folder });
    expect(all()).toBe(before);
    expect(readdirSync(folder)).toHaveLength(BUS_SERVICES.length + 1);
  });

  test('come back as they were where a file was lost or spoilt', async () => {
    await layBusKeys({ host, folder });
    const before = all();
    rmSync(join(folder, busKeyName('market-data')));
    writeFileSync(join(folder, busKeyName('orchestrator')), '{"service":');
    await layBusKeys({ host, folder });
    expect(all()).toBe(before);
  });

  test('are only those that are asked for, and none where none is', async () => {
    await layBusKeys({ host, folder, names: ['API_TOKEN'] });
    expect(() => readdirSync(folder)).toThrow('ENOENT');
    await layBusKeys({ host, folder, names: ['API_TOKEN', busKeyName('market-data')], mode: 0o444 });
    expect(readdirSync(folder).toSorted()).toEqual([busKeyName('market-data'), BUS_SEED]);
    expect([modeOf(busKeyName('market-data')), modeOf(BUS_SEED)]).toEqual([0o444, 0o600]);
  });

  test('are not made of a seed that others may read, or of something else', async () => {
    await layBusKeys({ host, folder });
    chmodSync(join(folder, BUS_SEED), 0o640);
    await expect(layBusKeys({ host, folder })).rejects.toMatchObject({ code: 'BUS_SEED_UNSAFE', exitCode: 2 });
    chmodSync(join(folder, BUS_SEED), 0o600);
    writeFileSync(join(folder, BUS_SEED), 'not a seed');
    await expect(layBusKeys({ host, folder })).rejects.toMatchObject({ code: 'BUS_SEED_INVALID', exitCode: 2 });
  });

  test('are others after they were taken away, and nothing else goes with them', async () => {
    await layBusKeys({ host, folder });
    writeFileSync(join(folder, 'API_TOKEN'), 'kept');
    const before = keysOf('market-data').publicKey;
    expect(await removeBusKeys(host, folder)).toContain(BUS_SEED);
    expect(readdirSync(folder)).toEqual(['API_TOKEN']);
    await layBusKeys({ host, folder });
    expect(keysOf('market-data').publicKey).not.toBe(before);
  });
});

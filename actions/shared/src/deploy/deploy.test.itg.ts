import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadSystemConfig, SERVICE_NAMES, type SystemConfig } from '@papergate/config';
import { canListen, freePorts } from '../net/free-port.ts';
import { portHolder } from '../net/port-holder.ts';
import { renderConfig, samePorts } from './config.ts';
import { exchangeState, planDeploy, pruneExchanges, urlsOf } from './plan.ts';
import { checkPorts } from './ports.ts';

const CONFIG = fileURLToPath(new URL('../../../../config', import.meta.url));
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-deploy-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function portsOf(system: SystemConfig): number[] {
  const services = Object.values(system.services).flatMap((service) =>
    Object.values(service).filter((value): value is number => typeof value === 'number'),
  );
  return [...services, system.database.port];
}

describe('the rendered configuration', () => {
  test('with default ports is that of the release, and only configuration is in it', async () => {
    const { system } = await renderConfig({ from: CONFIG, into: dir, environment: 'development', ports: 'default' });
    expect(system).toEqual(loadSystemConfig(CONFIG, 'development'));
    expect(readdirSync(dir).filter((name) => !/^(system|risk_limits|alerts)/.test(name))).toEqual([]);
  });

  test('with free ports moves every port, and the addresses that point at the simulator with it', async () => {
    const before = loadSystemConfig(CONFIG, 'development');
    const { system } = await renderConfig({ from: CONFIG, into: dir, environment: 'development', ports: 'free' });
    const ports = portsOf(system);
    expect(new Set(ports).size).toBe(portsOf(before).length);
    expect(ports.filter((port) => portsOf(before).includes(port))).toEqual([]);
    const exchange = system.services['paper-exchange'].http_port;
    expect(system.dry_run_broker_url).toBe(`http://127.0.0.1:${exchange}`);
    expect(system.alpaca).toEqual({
      base_url: `http://127.0.0.1:${exchange}`,
      trading_stream_url: `ws://127.0.0.1:${exchange}/stream`,
      data_stream_url: `ws://127.0.0.1:${exchange}/v2/iex`,
      feed: 'iex',
    });
  });

  test('with free ports leaves the addresses of the real exchange alone', async () => {
    const { system } = await renderConfig({ from: CONFIG, into: dir, environment: 'staging', ports: 'free' });
    expect(system.alpaca).toEqual(loadSystemConfig(CONFIG, 'staging').alpaca);
    expect(system.dry_run_broker_url).toBe(`http://127.0.0.1:${system.services['paper-exchange'].http_port}`);
  });
});

describe('a configuration that takes the place of another', () => {
  test('keeps the ports that are in use, and the addresses that lead to them', async () => {
    const { system: running } = await renderConfig({
      from: CONFIG,
      into: dir,
      environment: 'development',
      ports: 'free',
    });
    const own = loadSystemConfig(CONFIG, 'development');
    expect(samePorts(own, running)).toBe(false);
    const into = join(dir, 'next');
    const { system } = await renderConfig({ from: CONFIG, into, environment: 'development', ports: running });
    expect(system).toEqual(running);
    expect(samePorts(system, running)).toBe(true);
  });

  test('is told from one on its own ports', () => {
    const own = loadSystemConfig(CONFIG, 'development');
    expect(samePorts(own, structuredClone(own))).toBe(true);
  });
});

describe('what a staging’s exchange remembers', () => {
  const home = (): string => join(dir, 'home');
  test('is its own in development, and the environment’s in staging', () => {
    const runId = '20260101T000000Z-abcd';
    expect(exchangeState({ home: '/home', environment: 'development', runId })).toBe(`/home/exchange/${runId}`);
    expect(exchangeState({ home: '/home', environment: 'staging', runId })).toBe('/home/exchange/staging');
  });

  test('goes when three newer stagings have begun, and stays where it is nobody else’s', () => {
    const runs = ['20260101T000000Z-a', '20260102T000000Z-b', '20260103T000000Z-c', '20260104T000000Z-d'];
    for (const name of [...runs, 'staging']) mkdirSync(join(home(), 'exchange', name), { recursive: true });
    pruneExchanges({ home: home(), environment: 'development', runId: '20260105T000000Z-e' });
    expect(readdirSync(join(home(), 'exchange')).sort()).toEqual([...runs.slice(2), 'staging']);
    pruneExchanges({ home: home(), environment: 'staging', runId: '20260105T000000Z-e' });
    expect(readdirSync(join(home(), 'exchange'))).toHaveLength(3);
  });
});

describe('ports', () => {
  test('free ones are all different, can be listened on, and lie below those that the kernel draws from', async () => {
    const ports = await freePorts(30);
    expect(new Set(ports).size).toBe(30);
    for (const port of ports) {
      expect(port).toBeLessThan(32_768);
      expect(await canListen(port)).toBe(true);
    }
  });

  test('a draw that only finds taken ones does not go on for ever', async () => {
    await expect(freePorts(2, { draw: () => 20_000 })).rejects.toThrow('no 2 free ports');
  });

  test('what one has drawn, nobody else draws for ten minutes, although nobody listens on it yet', async () => {
    const folder = join(dir, 'ports');
    const from = (...ports: number[]) => ({ folder, draw: () => ports.shift() ?? 0 });
    const [first = 0, second = 0] = await freePorts(2);
    expect(await freePorts(1, from(first))).toEqual([first]);
    expect(await freePorts(1, from(first, second))).toEqual([second]);
    const later = Date.now() + 10 * 60_000 + 5_000;
    expect(await freePorts(1, { ...from(first, second), now: later })).toEqual([first]);
  });

  test('where nothing can be written down, free is enough', async () => {
    const file = join(dir, 'no-folder');
    writeFileSync(file, '');
    const [port = 0] = await freePorts(1);
    expect(await freePorts(1, { folder: file, draw: () => port })).toEqual([port]);
  });

  test('all that are taken are named, with service and holder', async () => {
    const { system } = await renderConfig({ from: CONFIG, into: dir, environment: 'development', ports: 'free' });
    await expect(checkPorts(system, true)).resolves.toBe(13);
    const taken = [system.services.dashboard.http_port, system.services['market-data'].bus_port, system.database.port];
    const servers = await Promise.all(
      taken.map(
        (port) =>
          new Promise<ReturnType<typeof createServer>>((resolve) => {
            const server = createServer();
            server.listen(port, '127.0.0.1', () => resolve(server));
          }),
      ),
    );
    try {
      const refused = checkPorts(system, true);
      await expect(refused).rejects.toMatchObject({ code: 'PORT_IN_USE', exitCode: 3 });
      await expect(refused).rejects.toThrow(/\(dashboard\).*;|\(PostgreSQL\).*;/);
      for (const [port, name] of [
        [taken[0], 'dashboard'],
        [taken[1], 'market-data'],
        [taken[2], 'PostgreSQL'],
      ] as const) {
        await expect(refused).rejects.toThrow(`${port} (${name}) is held by`);
      }
      // Where the database is somebody else's, its port is none of ours.
      await expect(checkPorts(system, false)).rejects.not.toThrow('PostgreSQL');
      const holder = portHolder(taken[0] ?? 0);
      // Only Linux tells.
      expect(holder?.pid).toBe(process.platform === 'linux' ? process.pid : undefined);
    } finally {
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    }
    expect(portHolder(taken[0] ?? 0)).toBeUndefined();
  });
});

describe('the plan', () => {
  const system = loadSystemConfig(CONFIG, 'development');
  const options = {
    runId: '20260101T000000Z-abcd',
    home: '/home',
    release: '/release',
    commit: 'c'.repeat(40),
    manifestDigest: `sha256:${'d'.repeat(64)}`,
    configDir: '/config',
    system,
    leaseGeneration: 3,
    externalDatabase: false,
    settings: { LOG_LEVEL: 'debug' },
  };

  test('starts the services in the order of the bundle, the exchange first, each with its own secrets', () => {
    const plan = planDeploy({ ...options, environment: 'development' });
    expect(plan.services.map(({ name }) => name)).toEqual([...SERVICE_NAMES]);
    const withState = plan.services.filter(({ env }) => env !== undefined);
    expect(withState.map(({ name, env }) => [name, env])).toEqual([
      ['paper-exchange', { EXCHANGE_STATE_DIR: `/home/exchange/${options.runId}` }],
    ]);
    const withDatabase = plan.services
      .filter(({ secrets }) => secrets.includes('DATABASE_URL'))
      .map(({ name }) => name);
    expect(withDatabase).toEqual(['signal-bridge', 'risk-manager', 'execution-engine', 'observability-api']);
    expect(plan.env).toMatchObject({
      DRY_RUN: 'true',
      ALPACA_PAPER: 'true',
      LOG_LEVEL: 'debug',
      RELEASE_SHA: options.commit,
    });
    expect(plan.readyTimeoutMs).toBe(120_000);
    expect(plan.stopPatienceMs).toBeGreaterThan(system.shutdown_timeout_ms);
  });

  test('starts a service from its program where it has one, else from its source, each with a small young generation', () => {
    const programs = { orchestrator: 'services/orchestrator/node_modules/.papergate-programs/0123/main.mjs' };
    const { services } = planDeploy({ ...options, environment: 'development', programs });
    const entries = Object.fromEntries(services.map(({ name, entry }) => [name, entry]));
    expect(entries).toMatchObject({ ...programs, dashboard: 'services/dashboard/src/main.ts' });
    expect(services.every(({ node }) => node?.[0]?.startsWith('--max-semi-space-size=') === true)).toBe(true);
  });

  test('keeps one database in staging, and a new one a run in development', () => {
    expect(planDeploy({ ...options, environment: 'staging' }).database).toMatchObject({ name: 'papergate' });
    expect(planDeploy({ ...options, environment: 'development' }).database).toMatchObject({
      name: 'papergate_20260101t000000z_abcd',
      older: { prefix: 'papergate_2', keep: 3 },
    });
    expect(planDeploy({ ...options, environment: 'staging', externalDatabase: true }).database).toEqual({
      kind: 'external',
    });
  });

  test('writes addresses that can be called, also of an IPv6 host', () => {
    const moved = structuredClone(system);
    moved.services.dashboard.host = '::1';
    expect(urlsOf(moved).dashboard).toBe('http://[::1]:3000');
  });
});

import { spawn, type ChildProcess } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  demoPaperCredentials,
  loadSystemConfig,
  type Secret,
  type ServiceName,
  type SystemConfig,
} from '@papergate/config';
import { createServiceClient, httpUrl, type ServiceClient } from '@papergate/service-kit';
import { freePorts, startTestDatabase, until, type TestDatabase } from '@papergate/service-kit/testing';
import type { EngineSettings } from '../settings.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

export interface BundleOptions {
  /** Started, in this order. */
  services: ServiceName[];
  system?: (system: SystemConfig) => void;
  /** TOML that is laid over the development limits. */
  limits?: string;
  /** Times of execution-engine that a test cannot wait for. */
  settings?: Partial<EngineSettings>;
  /** The bundle's own token, which every service then asks for; without one nobody needs any. */
  token?: Secret;
}

export interface Bundle {
  system: SystemConfig;
  database: TestDatabase;
  credentials: { key: Secret; secret: Secret };
  client(service: ServiceName): ServiceClient;
  start(service: ServiceName): Promise<void>;
  /** SIGKILL: nothing is finished, nothing is said. */
  kill(service: ServiceName): Promise<void>;
  /** SIGTERM; resolves to the exit code. */
  stop(service: ServiceName): Promise<number | null>;
  /** What the service wrote so far. */
  log(service: ServiceName): string;
  close(): Promise<void>;
}

/** Real services in processes of their own, on free ports, with a database and a configuration of their own. */
export async function startBundle(options: BundleOptions): Promise<Bundle> {
  const database = await startTestDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'papergate-bundle-'));
  const system = await writeConfig(folder, options);
  const { key, secret } = demoPaperCredentials();
  const running = new Map<ServiceName, { child: ChildProcess; exited: Promise<number | null> }>();
  const logs = new Map<ServiceName, string>();

  const bundle: Bundle = {
    system,
    database,
    credentials: { key, secret },
    client: (service) =>
      createServiceClient({ baseUrl: httpUrl(system, service), token: options.token, timeoutMs: 30_000 }),
    log: (service) => logs.get(service) ?? '',
    async start(service) {
      const child = spawn(process.execPath, [join(ROOT, 'services', service, 'src/main.ts')], {
        cwd: ROOT,
        // Its end of standard input closes with this process, whatever becomes of the test.
        stdio: ['pipe', 'pipe', 'pipe'],
        env: {
          PATH: process.env['PATH'],
          ENVIRONMENT: 'development',
          DRY_RUN: 'true',
          ALPACA_PAPER: 'true',
          ALPACA_API_KEY: key.reveal(),
          ALPACA_SECRET_KEY: secret.reveal(),
          DATABASE_URL: database.url.reveal(),
          CONFIG_DIR: folder,
          PAPERGATE_WATCH_STDIN: 'true',
          LOG_LEVEL: 'info',
          ...(options.token === undefined ? {} : { API_TOKEN: options.token.reveal() }),
          ...(options.settings === undefined
            ? {}
            : { PAPERGATE_ENGINE_TREATMENT: JSON.stringify({ settings: options.settings }) }),
        },
      });
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk: Buffer) => logs.set(service, `${logs.get(service) ?? ''}${String(chunk)}`));
      }
      const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
      running.set(service, { child, exited });
      await until(
        `${service} to answer`,
        async () => {
          if (child.exitCode !== null)
            throw new Error(`${service} ended with ${child.exitCode}: ${bundle.log(service)}`);
          const answer = await bundle
            .client(service)
            .get('/health')
            .catch(() => undefined);
          return answer?.status === 200;
        },
        30_000,
      );
    },
    kill: (service) => end(service, 'SIGKILL').then(() => undefined),
    stop: (service) => end(service, 'SIGTERM'),
    async close() {
      for (const service of [...running.keys()].toReversed()) await end(service, 'SIGKILL');
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };

  async function end(service: ServiceName, signal: NodeJS.Signals): Promise<number | null> {
    const found = running.get(service);
    if (found === undefined) return null;
    running.delete(service);
    found.child.kill(signal);
    return found.exited;
  }

  try {
    for (const service of options.services) await bundle.start(service);
  } catch (error) {
    await bundle.close();
    throw error;
  }
  return bundle;
}

async function writeConfig(folder: string, options: BundleOptions): Promise<SystemConfig> {
  const source = join(ROOT, 'config');
  const system = structuredClone(loadSystemConfig(source, 'development'));
  const ports = await freePorts(13);
  const port = (): number => ports.pop() ?? 0;
  for (const service of Object.values(system.services) as { http_port: number; bus_port?: number }[]) {
    service.http_port = port();
    if (service.bus_port !== undefined) service.bus_port = port();
  }
  const exchange = `127.0.0.1:${system.services['paper-exchange'].http_port}`;
  system.dry_run_broker_url = `http://${exchange}`;
  system.alpaca = {
    ...system.alpaca,
    base_url: `http://${exchange}`,
    trading_stream_url: `ws://${exchange}/stream`,
    data_stream_url: `ws://${exchange}/v2/iex`,
  };
  system.strategies = [];
  options.system?.(system);
  await writeFile(join(folder, 'system.development.json'), JSON.stringify(system));
  await cp(join(source, 'risk_limits.toml'), join(folder, 'risk_limits.toml'));
  const limits = options.limits ?? (await readFile(join(source, 'risk_limits.development.toml'), 'utf8'));
  await writeFile(join(folder, 'risk_limits.development.toml'), limits);
  return system;
}

/** Waits until a service says it is ready. */
export async function ready(bundle: Bundle, service: ServiceName, timeoutMs = 30_000): Promise<void> {
  let last = '';
  try {
    await until(
      `${service} to be ready`,
      async () => {
        const answer = await bundle.client(service).get('/health/ready');
        last = JSON.stringify(answer.body);
        return answer.status === 200;
      },
      timeoutMs,
    );
  } catch (error) {
    throw new Error(`${service} is not ready: ${last}\n${bundle.log(service)}`, { cause: error });
  }
}

import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  busKeyFiles,
  loadSystemConfig,
  Secret,
  type GateEvidence,
  type ServiceName,
  type SystemConfig,
} from '@papergate/config';
import { httpUrl } from '../../lifecycle/urls.ts';
import { createServiceClient, type ServiceClient } from '../../lifecycle/service-client.ts';
import { freePorts } from '../free-ports.ts';
import { startTestDatabase, type TestDatabase } from '../postgres.ts';
import { until } from '../until.ts';
import { startLiveStandIn, type LiveStandIn } from './stand-in.ts';

const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url));

export interface Production {
  system: SystemConfig;
  database: TestDatabase;
  alpaca: LiveStandIn;
  /** The commit that runs. */
  release: string;
  /** The bundle's own. */
  token: Secret;
  client(service: ServiceName): ServiceClient;
  /** The environment of another release: its commit, and evidence of the gate for it. */
  as(release: string): Promise<Record<string, string>>;
  /** Starts services at once, with more in their environment, and waits until they answer. */
  start(services: readonly ServiceName[], env?: Record<string, string>): Promise<void>;
  /** Starts one that is expected to end by itself; resolves to its exit code. */
  refused(service: ServiceName, env?: Record<string, string>): Promise<number | null>;
  ready(service: ServiceName): Promise<void>;
  stop(service: ServiceName, signal?: NodeJS.Signals): Promise<number | null>;
  log(service: ServiceName): string;
  close(): Promise<void>;
}

/**
 * A production on this machine: real services in processes of their own as a deploy starts them, behind evidence of the
 * gate, on free ports, with a database of their own; Alpaca's live hosts are the stand-in.
 */
export async function startProduction(change: (system: SystemConfig) => void = () => undefined): Promise<Production> {
  const [database, alpaca] = await Promise.all([startTestDatabase(), startLiveStandIn()]);
  const folder = await mkdtemp(join(tmpdir(), 'papergate-production-'));
  const system = await writeConfig(folder, change);
  const release = randomBytes(20).toString('hex');
  const token = new Secret(randomBytes(16).toString('hex'));
  const env = await environment(folder, { alpaca, database, release, token });
  const busKeys = await writeBusKeys(folder);
  const running = new Map<ServiceName, { child: ChildProcess; exited: Promise<number | null> }>();
  const logs = new Map<ServiceName, string>();

  function launch(service: ServiceName, more: Record<string, string>): Promise<number | null> {
    const child = spawn(process.execPath, [join(ROOT, 'services', service, 'src/main.ts')], {
      cwd: ROOT,
      // Its end of standard input closes with this process, whatever becomes of the test.
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...env, ...(busKeys.has(service) ? { BUS_KEY_FILE: busKeys.get(service) } : {}), ...more },
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => logs.set(service, `${logs.get(service) ?? ''}${String(chunk)}`));
    }
    const exited = once(child, 'exit').then(([code]) => code as number | null);
    running.set(service, { child, exited });
    return exited;
  }

  const production: Production = {
    system,
    database,
    alpaca,
    release,
    token,
    client: (service) => createServiceClient({ baseUrl: httpUrl(system, service), token, timeoutMs: 30_000 }),
    as: (commit) => evidenceOf(folder, commit),
    async start(services, more = {}) {
      await Promise.all(
        services.map(async (service) => {
          let ended = false;
          void launch(service, more).then(() => (ended = true));
          await until(
            `${service} to answer`,
            async () => {
              if (ended) throw new Error(`${service} ended: ${production.log(service)}`);
              const answer = await production
                .client(service)
                .get('/health')
                .catch(() => undefined);
              return answer?.status === 200;
            },
            60_000,
          );
        }),
      );
    },
    refused: (service, more = {}) => launch(service, more),
    async ready(service) {
      let last: unknown;
      const isReady = async (): Promise<boolean> => {
        const answer = await production.client(service).get('/health/ready');
        last = answer.body;
        return answer.status === 200;
      };
      await until(`${service} to be ready`, isReady, 60_000).catch((cause: unknown) => {
        throw new Error(`${service} is not ready: ${JSON.stringify(last)}\n${production.log(service)}`, { cause });
      });
    },
    async stop(service, signal = 'SIGTERM') {
      const found = running.get(service);
      if (found === undefined) return null;
      running.delete(service);
      found.child.kill(signal);
      return found.exited;
    },
    log: (service) => logs.get(service) ?? '',
    async close() {
      await Promise.all([...running.keys()].map((service) => production.stop(service, 'SIGKILL')));
      await alpaca.close();
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return production;
}

interface Given {
  alpaca: LiveStandIn;
  database: TestDatabase;
  release: string;
  token: Secret;
}

/** As a production place sets it: secrets and evidence in files. */
async function environment(
  folder: string,
  { alpaca, database, release, token }: Given,
): Promise<Record<string, string>> {
  const files: Record<string, string> = {
    ALPACA_API_KEY: alpaca.key.reveal(),
    ALPACA_SECRET_KEY: alpaca.secret.reveal(),
    DATABASE_URL: database.url.reveal(),
    API_TOKEN: token.reveal(),
  };
  const named: Record<string, string> = {};
  for (const [name, content] of Object.entries(files)) {
    named[`${name}_FILE`] = join(folder, name);
    await writeFile(join(folder, name), content, { mode: 0o600 });
  }
  return {
    PATH: process.env['PATH'] ?? '',
    ENVIRONMENT: 'production',
    DRY_RUN: 'false',
    ALPACA_PAPER: 'false',
    CONFIG_DIR: folder,
    PAPERGATE_WATCH_STDIN: 'true',
    ...named,
    ...(await evidenceOf(folder, release)),
    ...alpaca.env,
  };
}

/** The keys of the bus, as a place has them: one file a service. */
async function writeBusKeys(folder: string): Promise<Map<ServiceName, string>> {
  const files = busKeyFiles(new Secret(randomBytes(32).toString('base64url')));
  const paths = new Map<ServiceName, string>();
  for (const [service, text] of files) {
    const path = join(folder, `bus-${service}.json`);
    await writeFile(path, text.reveal(), { mode: 0o600 });
    paths.set(service, path);
  }
  return paths;
}

async function evidenceOf(folder: string, release: string): Promise<Record<string, string>> {
  const evidence: GateEvidence = {
    approved: true,
    commit: release,
    manifest_digest: `sha256:${randomBytes(32).toString('hex')}`,
    approved_by: ['first approver', 'second approver'],
    approved_at: new Date().toISOString(),
  };
  const file = join(folder, `gate-${release}.json`);
  await writeFile(file, JSON.stringify(evidence));
  return { RELEASE_SHA: release, GATE_EVIDENCE_FILE: file };
}

/** Production's own configuration on free ports, with development's wide limits: the tests run at any hour. */
async function writeConfig(folder: string, change: (system: SystemConfig) => void): Promise<SystemConfig> {
  const source = join(ROOT, 'config');
  const system = structuredClone(loadSystemConfig(source, 'production'));
  const ports = await freePorts(12);
  for (const service of Object.values(system.services) as { http_port: number; bus_port?: number }[]) {
    service.http_port = ports.pop() ?? 0;
    if (service.bus_port !== undefined) service.bus_port = ports.pop() ?? 0;
  }
  system.strategies = [];
  change(system);
  await writeFile(join(folder, 'system.production.json'), JSON.stringify(system));
  await cp(join(source, 'risk_limits.toml'), join(folder, 'risk_limits.toml'));
  await cp(join(source, 'risk_limits.development.toml'), join(folder, 'risk_limits.production.toml'));
  return system;
}

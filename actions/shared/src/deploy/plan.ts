import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  BUS_SERVICES,
  SERVICE_NAMES,
  type Environment,
  type EnvSource,
  type ServiceName,
  type SystemConfig,
} from '@papergate/config';
import { busKeyName } from '../bus-keys/index.ts';
import { servicesOf } from '../composition/names.ts';
import { entryOf } from '../release/describe.ts';
import type { Manifest } from '../release/manifest.ts';
import type { Programs } from '../release/programs.ts';
import {
  RESTART_POLICY,
  type DatabasePlan,
  type DeployPlan,
  type SecretName,
  type ServicePlan,
} from '../supervisor/plan.ts';

/** Who touches the database; nobody else is told its address. */
const WITH_DATABASE: ReadonlySet<ServiceName> = new Set([
  'signal-bridge',
  'risk-manager',
  'execution-engine',
  'observability-api',
]);

/** Every service proves the keys against the policy when it starts, so each of them is given the pair; and each guards its own door. */
const FOR_ALL: SecretName[] = ['ALPACA_API_KEY', 'ALPACA_SECRET_KEY', 'API_TOKEN', 'ACCESS_TOKENS'];

/**
 * What V8 allocates first is collected when a quarter of the default is full, so that a service at rest does not hold
 * three times 16 MiB of what it no longer needs.
 */
const NODE_ARGUMENTS = ['--max-semi-space-size=4'];

/** Time for all services together, and what a service gets beyond its own patience before SIGKILL; ms. */
const READY_TIMEOUT_MS = 120_000;
const KILL_MARGIN_MS = 2_000;

export const MIGRATE_ENTRY = 'services/shared/src/migrate.ts';

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** Base URL of each service, by name. */
export function urlsOf(system: SystemConfig): Record<ServiceName, string> {
  const urls = SERVICE_NAMES.map((name) => {
    const { host, http_port: port } = system.services[name];
    return [name, `http://${bracketed(host)}:${port}`] as const;
  });
  return Object.fromEntries(urls) as Record<ServiceName, string>;
}

export function planDeploy(options: {
  runId: string;
  home: string;
  release: string;
  commit: string;
  manifestDigest: string;
  environment: Environment;
  configDir: string;
  system: SystemConfig;
  /** Left out, the supervisor takes a lease of its own. */
  leaseGeneration?: number;
  externalDatabase: boolean;
  /** Digest of each service's artifact, by name. */
  digests?: Readonly<Record<string, string>>;
  /** What runs of each service; one that is not there runs from its sources. */
  programs?: Programs;
  /** Folder with the keys of the bus; without it the sockets are plain, which services take in development alone. */
  busKeys?: string | undefined;
  /** `ALPACA_BASE_URL`, `LOG_LEVEL` and the like, where the caller has set them. */
  settings: Record<string, string>;
}): DeployPlan {
  const { system, externalDatabase, settings, digests = {}, programs = {}, busKeys, ...rest } = options;
  const urls = urlsOf(system);
  const services: ServicePlan[] = servicesOf(options.environment).map((name) => ({
    name,
    entry: programs[name] ?? entryOf(name),
    node: NODE_ARGUMENTS,
    url: urls[name],
    secrets: WITH_DATABASE.has(name) ? [...FOR_ALL, 'DATABASE_URL'] : FOR_ALL,
    ...ownSettings(name, exchangeState(options), busKeys),
    ...(digests[name] === undefined ? {} : { digest: digests[name] }),
  }));
  const database: DatabasePlan = externalDatabase ? { kind: 'external' } : embeddedDatabase(options);
  return {
    schema: 1,
    ...rest,
    database,
    migrate: MIGRATE_ENTRY,
    services,
    env: {
      ENVIRONMENT: options.environment,
      ...modesOf(options.environment),
      CONFIG_DIR: options.configDir,
      RELEASE_SHA: options.commit,
      ...settings,
    },
    readyTimeoutMs: READY_TIMEOUT_MS,
    stopPatienceMs: system.shutdown_timeout_ms + KILL_MARGIN_MS,
    restart: RESTART_POLICY,
  };
}

/** What one service is told and no other. */
function ownSettings(name: ServiceName, exchange: string, busKeys: string | undefined): Pick<ServicePlan, 'env'> {
  const env: Record<string, string> = {};
  if (name === 'paper-exchange') env['EXCHANGE_STATE_DIR'] = exchange;
  if (busKeys !== undefined && BUS_SERVICES.includes(name)) env['BUS_KEY_FILE'] = join(busKeys, busKeyName(name));
  return Object.keys(env).length === 0 ? {} : { env };
}

/** Whether orders stay on the machine, and whose account they are for. */
function modesOf(environment: Environment): { DRY_RUN: string; ALPACA_PAPER: string } {
  const isPaper = environment === 'production' ? 'false' : 'true';
  return { DRY_RUN: isPaper, ALPACA_PAPER: isPaper };
}

const KEPT_DATABASES = 3;

/** Where the simulator of a staging keeps its account. Like the database: in development a staging's own. */
export function exchangeState({
  home,
  environment,
  runId,
}: Pick<DeployPlan, 'home' | 'environment' | 'runId'>): string {
  return join(home, 'exchange', environment === 'development' ? runId : environment);
}

/**
 * In development the account at the simulator is made for the run and forgotten after it: what a database of an
 * earlier run says of positions, orders and a halt is about an account that no longer exists. So each run gets a
 * database of its own in the same cluster. In staging the account stays, and so does the database.
 */
function embeddedDatabase({ environment, runId, system }: Parameters<typeof planDeploy>[0]): DatabasePlan {
  const { port, name, user } = system.database;
  if (environment !== 'development') return { kind: 'embedded', port, name, user };
  const own = `${name}_${runId.toLowerCase().replaceAll(/[^a-z0-9]/g, '_')}`.slice(0, 63);
  return { kind: 'embedded', port, name: own, user, older: { prefix: `${name}_2`, keep: KEPT_DATABASES } };
}

/** Settings that are no secrets and that the caller may have set for the services. */
const PASSED_ON = ['LOG_LEVEL', 'ALPACA_BASE_URL'];

export function settingsOf(env: EnvSource): Record<string, string> {
  return Object.fromEntries(PASSED_ON.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const])));
}

export function digestsOf({ services }: Manifest): Record<string, string> {
  return Object.fromEntries(Object.entries(services).map(([name, { digest }]) => [name, digest]));
}

/** Removes what exchanges of earlier stagings left, but for the last few, as it is done with their databases. */
export function pruneExchanges(plan: Pick<DeployPlan, 'home' | 'environment' | 'runId'>): void {
  const folder = join(plan.home, 'exchange');
  if (plan.environment !== 'development' || !existsSync(folder)) return;
  const older = readdirSync(folder)
    .filter((name) => /^\d{8}T\d{6}Z-/.test(name) && name !== plan.runId)
    .sort();
  for (const name of older.slice(0, Math.max(0, older.length - KEPT_DATABASES + 1))) {
    rmSync(join(folder, name), { recursive: true, force: true });
  }
}

import { SERVICE_NAMES, type Environment, type ServiceName, type SystemConfig } from '@papergate/config';
import { entryOf } from '../release/describe.ts';
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

/** Every service proves the keys against the policy when it starts, so each of them is given the pair. */
const FOR_ALL: SecretName[] = ['ALPACA_API_KEY', 'ALPACA_SECRET_KEY', 'API_TOKEN'];

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
  /** `ALPACA_BASE_URL`, `LOG_LEVEL` and the like, where the caller has set them. */
  settings: Record<string, string>;
}): DeployPlan {
  const { system, externalDatabase, settings, ...rest } = options;
  const urls = urlsOf(system);
  const services: ServicePlan[] = SERVICE_NAMES.map((name) => ({
    name,
    entry: entryOf(name),
    url: urls[name],
    secrets: WITH_DATABASE.has(name) ? [...FOR_ALL, 'DATABASE_URL'] : FOR_ALL,
  }));
  const { port, name, user } = system.database;
  const database: DatabasePlan = externalDatabase ? { kind: 'external' } : { kind: 'embedded', port, name, user };
  return {
    schema: 1,
    ...rest,
    database,
    migrate: MIGRATE_ENTRY,
    services,
    env: {
      ENVIRONMENT: options.environment,
      DRY_RUN: 'true',
      ALPACA_PAPER: 'true',
      CONFIG_DIR: options.configDir,
      RELEASE_SHA: options.commit,
      ...settings,
    },
    readyTimeoutMs: READY_TIMEOUT_MS,
    stopPatienceMs: system.shutdown_timeout_ms + KILL_MARGIN_MS,
    restart: RESTART_POLICY,
  };
}

import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import {
  loadRiskLimits,
  loadSystemConfig,
  Secret,
  type AccessToken,
  type BusKeys,
  type RiskLimits,
  type ServiceName,
  type SystemConfig,
} from '@papergate/config';
import { createBus } from '../bus/bus.ts';
import { Readiness } from '../lifecycle/readiness.ts';
import type { ServiceContext } from '../lifecycle/run.ts';
import { createMetrics } from '../metrics/metrics.ts';

const CONFIG_DIR = fileURLToPath(new URL('../../../../config', import.meta.url));

export interface TestContextOptions {
  system?: (system: SystemConfig) => void;
  limits?: (limits: RiskLimits) => void;
  databaseUrl?: Secret;
  apiToken?: string;
  accessTokens?: readonly AccessToken[];
  listenHost?: string;
  /** Sockets with keys; plain ones without. */
  busKeys?: BusKeys;
}

/**
 * The context of a service in a test: the development configuration with every port 0 (free) until
 * `system` says otherwise, demo keys, silent log. Errors handed to `fail` are collected in `failures`.
 */
export function testContext(
  service: ServiceName,
  options: TestContextOptions = {},
): ServiceContext & { failures: unknown[] } {
  const system = structuredClone(loadSystemConfig(CONFIG_DIR, 'development'));
  for (const entry of Object.values(system.services) as { http_port: number; bus_port?: number }[]) {
    entry.http_port = 0;
    if (entry.bus_port !== undefined) entry.bus_port = 0;
  }
  options.system?.(system);
  const limits = structuredClone(loadRiskLimits(CONFIG_DIR, 'development'));
  options.limits?.(limits);
  const failures: unknown[] = [];
  const logger = pino({ level: 'silent' });
  const metrics = createMetrics(service, { runtime: false });
  return {
    service,
    system,
    riskLimits: limits,
    env: {
      environment: 'development',
      dryRun: true,
      alpacaPaper: true,
      alpacaApiKey: new Secret(`PK${'TEST'.repeat(5)}`.slice(0, 20)),
      alpacaSecretKey: new Secret('s'.repeat(40)),
      alpacaBaseUrl: system.alpaca.base_url,
      databaseUrl: options.databaseUrl ?? new Secret('postgres://nobody@127.0.0.1:1/none'),
      apiToken: options.apiToken === undefined ? undefined : new Secret(options.apiToken),
      accessTokens: options.accessTokens === undefined ? undefined : new Secret(JSON.stringify(options.accessTokens)),
      ...(options.listenHost === undefined ? {} : { listenHost: options.listenHost }),
      logLevel: 'silent',
      releaseSha: 'test',
    },
    logger,
    metrics,
    readiness: new Readiness(),
    bus: createBus({ keys: options.busKeys, metrics, logger }),
    fail: (error) => failures.push(error),
    failures,
  };
}

import { fileURLToPath } from 'node:url';
import { pino, type Logger, type LoggerOptions } from 'pino';
import {
  assertCredentials,
  describeError,
  ExternalError,
  EXIT,
  loadRiskLimits,
  loadSystemConfig,
  messageOf,
  PapergateError,
  readEnvironmentName,
  readRuntimeEnv,
  UserError,
  type EnvSource,
  type RiskLimits,
  type RuntimeEnv,
  type ServiceName,
  type SystemConfig,
} from '@papergate/config';
import { isLoopback } from '../app/guard.ts';
import type { ServiceApp } from '../app/build-app.ts';
import { createBus, type Bus } from '../bus/bus.ts';
import { readBusKeys } from '../bus/security/read-keys.ts';
import { addDiskMetrics } from '../metrics/disk.ts';
import { createMetrics, type Metrics } from '../metrics/metrics.ts';
import { readGateEvidence } from './gate-evidence.ts';
import { Readiness } from './readiness.ts';
import { listenHost } from './urls.ts';

/** What a service is built from. Clocks and sockets are the service's own to inject further. */
export interface ServiceContext {
  service: ServiceName;
  system: SystemConfig;
  riskLimits: RiskLimits;
  env: RuntimeEnv;
  logger: Logger;
  metrics: Metrics;
  readiness: Readiness;
  /** For every socket on the bus. */
  bus: Bus;
  /** Ends the process with an error that no retry mends (the database's schema is foreign, a socket is lost for good). */
  fail: (error: unknown) => void;
}

export interface RunningService {
  app: ServiceApp;
  /** Connects and begins to work, after the app listens: `/health` answers meanwhile, readiness says what is missing. */
  start?(): Promise<void>;
  /** Finishes what is held. The app is closed after it. */
  stop?(): Promise<void>;
}

export interface ServiceDefinition {
  service: ServiceName;
  env: EnvSource;
  build(context: ServiceContext): Promise<RunningService>;
}

const CONFIG_DIR = fileURLToPath(new URL('../../../../config', import.meta.url));

/** Reads, checks and types everything a service is given; throws before anything is opened. */
export function loadServiceContext(
  service: ServiceName,
  env: EnvSource,
  onFail: (error: unknown) => void,
): ServiceContext {
  const configDir = env['CONFIG_DIR'] ?? CONFIG_DIR;
  const environment = readEnvironmentName(env);
  const system = loadSystemConfig(configDir, environment);
  const riskLimits = loadRiskLimits(configDir, environment);
  assertCredentials({ environment, env, files: [], system, gate: readGateEvidence(environment, env) });
  const runtime = readRuntimeEnv(env, system);
  requireToken(service, system, runtime);
  const keys = readBusKeys(service, runtime);
  const metrics = createMetrics(service);
  addDiskMetrics(metrics);
  const logger = pino({
    level: runtime.logLevel,
    hooks: { logMethod: lineCounter(metrics) },
    base: { service, release: runtime.releaseSha },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: ['*.password', '*.secret', '*.token', 'headers.authorization', '*.headers.authorization'],
      censor: '[redacted]',
    },
  });
  return {
    service,
    system,
    riskLimits,
    env: runtime,
    logger,
    metrics,
    readiness: new Readiness(),
    bus: createBus({ keys, metrics, logger }),
    fail: onFail,
  };
}

type LogMethod = NonNullable<NonNullable<LoggerOptions['hooks']>['logMethod']>;

/** Counts the lines of the log by level, so that a service that keeps failing is seen without reading it. */
function lineCounter(metrics: Metrics): LogMethod {
  const lines = metrics.counter('log_lines_total', 'Lines of the log by level', ['level']);
  for (const level of ['warn', 'error', 'fatal']) lines.inc({ level }, 0);
  return function count(args, method, level) {
    lines.inc({ level: pino.levels.labels[level] ?? String(level) });
    method.apply(this, args);
  };
}

function requireToken(service: ServiceName, system: SystemConfig, env: RuntimeEnv): void {
  if (env.apiToken === undefined && env.accessTokens !== undefined) {
    throw new UserError({
      code: 'API_TOKEN_MISSING',
      message:
        'ACCESS_TOKENS is set and API_TOKEN is not: people would have tokens, and the services none to call one another with',
      fix: 'set API_TOKEN or API_TOKEN_FILE too, or take ACCESS_TOKENS away: then, in development, nobody needs a token',
    });
  }
  const host = listenHost(service, system, env);
  if (env.apiToken !== undefined && env.apiToken.reveal().length >= 16) return;
  if (env.apiToken === undefined && env.environment === 'development' && isLoopback(host)) return;
  throw new UserError({
    code: 'API_TOKEN_MISSING',
    message: `API_TOKEN is ${env.apiToken === undefined ? 'missing' : 'shorter than 16 characters'}; ${service} runs in ${env.environment} on ${host}, where one is required`,
    fix: 'set API_TOKEN or API_TOKEN_FILE to at least 16 random characters, the same for every service',
  });
}

/**
 * The whole life of a service process: load, check, build, listen, start; on SIGTERM or SIGINT drain, stop,
 * exit 0. Exits 2 on a mistake of the caller's (configuration, credentials), 3 when something outside broke.
 */
export async function runService(definition: ServiceDefinition): Promise<void> {
  let running: RunningService | undefined;
  let context: ServiceContext | undefined;
  let stopping = false;

  const die = (error: unknown): void => {
    process.stderr.write(`papergate ${definition.service}: ${describeError(error)}\n`);
    context?.logger.fatal({ code: error instanceof PapergateError ? error.code : 'UNEXPECTED' }, messageOf(error));
    process.exit(error instanceof PapergateError ? error.exitCode : EXIT.external);
  };

  const stop = async (signal: string): Promise<void> => {
    if (stopping) return;
    stopping = true;
    const patience = context?.system.shutdown_timeout_ms ?? 10_000;
    setTimeout(
      () =>
        die(
          new ExternalError({
            code: 'SHUTDOWN_TIMEOUT',
            message: `${definition.service} did not stop within ${patience} ms`,
          }),
        ),
      patience,
    ).unref();
    context?.logger.info({ signal }, 'stopping');
    context?.readiness.drain();
    await running?.stop?.();
    await running?.app.close();
    context?.logger.info('stopped');
    process.exit(EXIT.ok);
  };

  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal).catch(die));
  // A supervisor that is killed outright closes this pipe; a service that nobody supervises must not go on trading.
  if (definition.env['PAPERGATE_WATCH_STDIN'] === 'true') {
    process.stdin
      .on('end', () => void stop('supervisor gone').catch(die))
      .on('error', () => void stop('supervisor gone').catch(die));
    process.stdin.resume();
  }

  try {
    context = loadServiceContext(definition.service, definition.env, die);
    running = await definition.build(context);
    await listen(running.app, context);
    await running.start?.();
    context.logger.info({ mode: { dry_run: context.env.dryRun, alpaca_paper: context.env.alpacaPaper } }, 'started');
  } catch (error) {
    die(error);
  }
}

async function listen(app: ServiceApp, { service, system, env }: ServiceContext): Promise<void> {
  const host = listenHost(service, system, env);
  const { http_port: port } = system.services[service];
  try {
    await app.listen({ host, port });
  } catch (error) {
    const inUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    throw new ExternalError({
      code: inUse ? 'PORT_IN_USE' : 'LISTEN_FAILED',
      message: `${service} cannot listen on ${host}:${port}: ${inUse ? 'another process holds the port' : messageOf(error)}`,
      fix: inUse
        ? `end what holds port ${port}, or give ${service} another http_port in the system configuration`
        : 'correct host and http_port in the system configuration',
      cause: error,
    });
  }
}

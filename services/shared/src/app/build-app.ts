import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import websocket from '@fastify/websocket';
import { TypeBoxValidatorCompiler, type TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type RawServerDefault,
} from 'fastify';
import {
  parseAccessTokens,
  tradingMode,
  UserError,
  type RuntimeEnv,
  type ServiceName,
  type SystemConfig,
} from '@papergate/config';
import type { Metrics } from '../metrics/metrics.ts';
import type { Readiness } from '../lifecycle/readiness.ts';
import { AccessControl } from '../access/control.ts';
import { guardRequests, openPaths } from './guard.ts';
import { HttpError, sendHttpError } from './http-error.ts';
import { describeRoutes } from './openapi.ts';
import { finishRequests } from './in-flight.ts';
import { requestLogger } from './request-logger.ts';
import { endWithToken } from './sockets.ts';

export { HttpError } from './http-error.ts';

export interface ServiceAppOptions {
  service: ServiceName;
  system: SystemConfig;
  env: RuntimeEnv;
  logger: FastifyBaseLogger;
  metrics: Metrics;
  readiness: Readiness;
  /** Paths that need no token beside `/health`. */
  open?: string[];
  /** Who may do what, where the service has to know it too; else made from `env`. */
  access?: AccessControl;
  /** Whether it has WebSockets; where not, an upgrade is answered as the request that it is, and no request pays for them. */
  sockets?: boolean;
  /** Largest body, bytes. */
  bodyLimit?: number;
  now?: () => number;
}

export type ServiceApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/**
 * The app that every service starts from: guard, `/health`, `/health/ready`, `/metrics`, `/api/v1/config`,
 * `/openapi.json`, schemas by TypeBox, WebSockets, one shape for errors. Built, not listening; tests use `app.inject`.
 */
export async function buildServiceApp(options: ServiceAppOptions): Promise<ServiceApp> {
  const { service, system, env, metrics, readiness, now = Date.now } = options;
  const app = Fastify({
    loggerInstance: options.logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.bodyLimit ?? 4 * 1024 * 1024,
    genReqId: requestIds(),
    childLoggerFactory: requestLogger,
    forceCloseConnections: true,
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  const access = options.access ?? new AccessControl({ env, metrics, now });
  const open = openPaths(options.open);
  if (options.sockets ?? true) {
    // First: its hook marks upgrades, and only a marked one that the guard refuses has its socket closed.
    await app.register(websocket, { options: { maxPayload: 1024 * 1024, handleProtocols: chooseProtocol } });
    endWithToken(app, access.directory);
  }
  guardRequests(app, { access, hosts: [system.services[service].host], open });
  finishRequests(app, system.shutdown_timeout_ms / 2);
  measure(app, metrics);
  refuseNul(app);
  answerErrors(app);

  await describeRoutes(app, { service, release: env.releaseSha, open });
  const startedAt = now();
  app.get('/health', { schema: OPEN('Alive: the process answers') }, () => ({
    status: 'healthy',
    service,
    uptime_seconds: Math.floor((now() - startedAt) / 1000),
    release: env.releaseSha,
  }));
  app.get('/health/ready', { schema: OPEN('Ready: 200, or 503 with what is missing') }, async (_request, reply) => {
    const report = await readiness.report();
    const { ready, checks } = report;
    return reply
      .code(ready ? 200 : 503)
      .send({ ready, [service === 'observability-api' ? 'collectors' : 'checks']: checks });
  });
  app.get('/metrics', { schema: { summary: 'Prometheus text', tags: ['service'] } }, async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
  app.get(
    '/api/v1/config',
    { schema: { summary: 'Effective configuration, secrets redacted', tags: ['service'] } },
    () => effectiveConfig(system, env),
  );
  return app;
}

/** Of a route that needs no token. */
const OPEN = (summary: string) => ({ summary, tags: ['service'], security: [] });

/** The configuration in force, secrets redacted. */
export function effectiveConfig(system: SystemConfig, env: RuntimeEnv): Record<string, unknown> {
  return {
    environment: env.environment,
    dry_run: env.dryRun,
    alpaca_paper: env.alpacaPaper,
    trading_mode: tradingMode(env),
    release: { sha: env.releaseSha },
    alpaca: { base_url: env.alpacaBaseUrl, api_key: env.alpacaApiKey, secret_key: env.alpacaSecretKey },
    database_url: env.databaseUrl,
    api_token: env.apiToken ?? null,
    // How many there are: who they are and what their hashes are is nobody's business here.
    access_tokens: env.accessTokens === undefined ? 0 : parseAccessTokens(env.accessTokens).length,
    log_level: env.logLevel,
    system,
  };
}

/** Unlike any of another process, so that a line of the audit leads to the lines of the log. */
function requestIds(): () => string {
  const process = randomBytes(6).toString('hex');
  let count = 0;
  return () => `${process}-${(count += 1)}`;
}

/** A client that sent its token as a subprotocol has to be answered with one that it offered, and never with the token. */
function chooseProtocol(protocols: Set<string>): string | false {
  return [...protocols].find((protocol) => !protocol.startsWith('bearer.')) ?? false;
}

/** No name and no number holds one, and PostgreSQL takes it in no text. */
function refuseNul(app: ServiceApp): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const refused = request.url.includes('%00');
    done(refused ? new HttpError(400, 'INVALID_REQUEST', 'the address holds a NUL character') : undefined);
  });
}

function measure(app: ServiceApp, metrics: Metrics): void {
  const duration = metrics.histogram('http_request_duration_seconds', 'HTTP requests by route, method and status', [
    'method',
    'route',
    'status',
  ]);
  app.addHook('onResponse', (request, reply, done) => {
    duration.observe(
      { method: request.method, route: request.routeOptions.url ?? 'unknown', status: String(reply.statusCode) },
      reply.elapsedTime / 1000,
    );
    done();
  });
}

function answerErrors(app: ServiceApp): void {
  app.setNotFoundHandler((request, reply) =>
    reply
      .code(404)
      .send({ code: 'NOT_FOUND', message: `there is no ${request.method} ${request.url.split('?', 1)[0]}` }),
  );
  app.setErrorHandler((error: FastifyError | HttpError | Error, request, reply) => {
    if (error instanceof HttpError) return sendHttpError(reply, error);
    if (error instanceof UserError)
      return reply
        .code(400)
        .send({ code: error.code, message: error.message, ...(error.fix === undefined ? {} : { fix: error.fix }) });
    const { validation, statusCode, code } = error as Partial<FastifyError>;
    if (validation !== undefined) return reply.code(400).send({ code: 'INVALID_REQUEST', message: error.message });
    if (statusCode !== undefined && statusCode < 500)
      return reply.code(statusCode).send({ code: code ?? 'BAD_REQUEST', message: error.message });
    request.log.error({ err: error, url: request.url }, 'request failed');
    return reply.code(500).send({ code: 'INTERNAL', message: 'the request failed; the log has the cause' });
  });
}

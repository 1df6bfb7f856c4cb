import { hostname } from 'node:os';
import {
  buildServiceApp,
  busServer,
  checkDatabase,
  createAuditLog,
  createPool,
  createPublisher,
  createRequester,
  createServiceClient,
  createSubscriber,
  httpUrl,
  listenHost,
  type AuditLog,
  type BusPublisher,
  type BusSubscriber,
  type RunningService,
  type ServiceContext,
} from '@papergate/service-kit';
import { createAlpacaBroker, createAlpacaClient } from './broker/alpaca.ts';
import type { BrokerStream } from './broker/broker.ts';
import { brokerAddress } from './broker/connect.ts';
import { createRateBudget } from './broker/rate-budget.ts';
import { createBrokerStream } from './broker/stream.ts';
import { Engine } from './engine.ts';
import { noFailpoint, type Failpoint } from './failpoints.ts';
import { addRoutes } from './http/routes.ts';
import { createInstruments, type Instruments } from './instruments.ts';
import { takeSignal } from './intake/signals.ts';
import { publishHeartbeat } from './publish.ts';
import { addReadiness } from './readiness.ts';
import { createRiskClient, type RiskClient } from './risk/risk-client.ts';
import { ENGINE_SETTINGS, type EngineSettings } from './settings.ts';
import { DURABLE_SESSION, requireDurable } from './store/durable.ts';
import { createWriterLock, type WriterLock } from './store/writer-lock.ts';

export interface ExecutionEngineOverrides {
  settings?: Partial<EngineSettings>;
  /** Steps at which the chaos command strikes. */
  failpoint?: Failpoint;
  /** ms since 1970. */
  now?: () => number;
}

export interface ExecutionEngine extends RunningService {
  readonly engine: Engine;
  readonly publisher: BusPublisher;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** The whole service, not yet working: `start` opens the broker's stream and asks for the writer lock. */
export async function buildExecutionEngine(
  context: ServiceContext,
  overrides: ExecutionEngineOverrides = {},
): Promise<ExecutionEngine> {
  const { env, logger, system } = context;
  const now = overrides.now ?? Date.now;
  const settings: EngineSettings = { ...ENGINE_SETTINGS, ...overrides.settings };
  const { failpoint = noFailpoint } = overrides;
  const instruments = createInstruments(context.metrics);
  const address = brokerAddress(env, system);
  const budget = createRateBudget(now);
  const alpaca = createAlpacaClient({
    keyId: env.alpacaApiKey,
    secret: env.alpacaSecretKey,
    paper: address.paper,
    baseUrl: address.baseUrl,
    timeoutMs: settings.brokerTimeoutMs,
    budget,
  });
  const broker = createAlpacaBroker(alpaca, budget);

  const host = listenHost('execution-engine', system, env);
  const { bus_port: port } = system.services['execution-engine'];
  const publisher = await createPublisher({
    service: 'execution-engine',
    host,
    port,
    now: () => now() * 1000,
    bus: context.bus,
  });
  const pool = createPool({
    url: env.databaseUrl,
    poolSize: system.database.pool_size,
    applicationName: 'execution-engine',
    options: DURABLE_SESSION,
    onError: (error) => logger.warn({ reason: error.message }, 'a database connection was lost'),
  });
  const lock = createWriterLock({
    url: env.databaseUrl,
    holder: `${hostname()} pid ${process.pid}`,
    leaseMs: settings.writerLeaseMs,
    retryMs: settings.writerRetryMs,
    onFenced: () => failpoint('writer.fenced'),
    onLost: context.fail,
  });
  const risk = createRiskClient({
    requester: createRequester({
      endpoint: busServer(system, 'risk-manager'),
      timeoutMs: settings.riskTimeoutMs,
      bus: context.bus,
    }),
    intervalMs: settings.riskStateIntervalMs,
    maxAgeMs: settings.riskStateIntervalMs * 4 + settings.riskTimeoutMs,
    onState: () => engine.onTradingState(),
    now,
  });
  const audit = createAuditLog({
    pool,
    service: 'execution-engine',
    release: env.releaseSha,
    logger,
    metrics: context.metrics,
    now,
  });
  const engine: Engine = new Engine({
    pool,
    release: env.releaseSha,
    lock,
    broker,
    stream: () => stream,
    risk,
    riskHttp: createServiceClient({
      baseUrl: httpUrl(system, 'risk-manager'),
      token: env.apiToken,
      as: 'execution-engine',
    }),
    publisher,
    instruments,
    failpoint,
    logger,
    settings,
    fail: context.fail,
    now,
  });
  const stream = createBrokerStream({
    alpaca,
    url: address.streamUrl,
    onEvent: (event) => {
      void failpoint('stream.received');
      engine.onEvent(event);
    },
    onListening: () => {
      logger.info('the broker’s stream listens');
      engine.onListening();
    },
    onProblem: (reason) => logger.warn({ reason }, 'the broker’s stream has a problem'),
    now,
    initialReconnectMs: settings.streamReconnectMs,
  });

  const app = await buildServiceApp({ ...context, now, sockets: false });
  addReadiness(context.readiness, { engine, lock, stream, risk, pool, url: env.databaseUrl });
  addRoutes(app, {
    audit,
    engine,
    pool,
    broker,
    marketData: createServiceClient({ baseUrl: httpUrl(system, 'market-data'), token: env.apiToken }),
    accountCacheMs: settings.accountCacheMs,
    failpoint,
    now,
  });
  observe(instruments, engine, stream);

  let signals: BusSubscriber | undefined;
  let heartbeat: NodeJS.Timeout | undefined;
  return {
    app,
    engine,
    publisher,
    async start() {
      await checkDatabase(pool, env.databaseUrl);
      await requireDurable(env.databaseUrl);
      risk.start();
      stream.connect();
      engine.begin();
      signals = createSubscriber({
        endpoints: [busServer(system, 'signal-bridge')],
        bus: context.bus,
        topics: ['signal'],
        // Not awaited: a signal that waits for risk-manager must not hold up the next.
        onMessage: (_topic, message) => void takeSignal(message, engine.intake, logger),
        onGap: (gap) => logger.warn({ gap }, 'signals were lost on the bus'),
        onError: (error) => logger.warn({ reason: String(error) }, 'a signal cannot be read'),
      });
      heartbeat = setInterval(() => publishHeartbeat(publisher), settings.heartbeatMs);
    },
    async stop() {
      clearInterval(heartbeat);
      await signals?.close();
      await stopEngine({ engine, stream, budget, risk, lock, publisher, audit, endPool: () => pool.end() });
    },
  };
}

/** In this order: nothing new goes out, what is under way is written and published, then the connections close. */
async function stopEngine(parts: {
  engine: Engine;
  stream: BrokerStream;
  budget: { close(): void };
  risk: RiskClient;
  lock: WriterLock;
  publisher: BusPublisher;
  audit: AuditLog;
  endPool: () => Promise<void>;
}): Promise<void> {
  parts.budget.close();
  await parts.engine.stop();
  parts.stream.close();
  await parts.risk.close();
  await parts.publisher.close();
  await parts.lock.close();
  await parts.audit.close();
  await parts.endPool();
}

/** Gauges are read when they are scraped. */
function observe(instruments: Instruments, engine: Engine, stream: BrokerStream): void {
  const read = (gauge: Instruments['queue'], value: () => number): void => {
    Object.assign(gauge, { collect: () => gauge.set(value()) });
  };
  read(instruments.queue, () => engine.dispatcher.queued);
  read(instruments.sending, () => engine.dispatcher.sending);
  read(instruments.ledgerQueue, () => engine.ledger.pending);
  read(instruments.openOrders, () => engine.ledger.open().length);
  read(instruments.stream, () => (stream.listening ? 1 : 0));
}

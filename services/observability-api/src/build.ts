import { setTimeout as delay } from 'node:timers/promises';
import { ExternalError, SERVICE_NAMES, type ServiceName } from '@papergate/config';
import {
  buildServiceApp,
  checkDatabase,
  createPool,
  createServiceClient,
  httpUrl,
  type Pool,
  type RunningService,
  type ServiceContext,
} from '@papergate/service-kit';
import { auditRoutes } from './audit/routes.ts';
import { Activity } from './collectors/activity.ts';
import { collectFromBus, type BusCollectors } from './collectors/bus.ts';
import { marketDataSource } from './collectors/market-data-source.ts';
import { Marks } from './collectors/marks.ts';
import { seedMarks } from './collectors/seed-marks.ts';
import { createServiceCollector, repeat } from './collectors/services.ts';
import { createStateCollector } from './collectors/trading-state.ts';
import { showDocument } from './docs/show.ts';
import { History } from './history/history.ts';
import { Pulse } from './history/pulse.ts';
import { LiveHub } from './live/hub.ts';
import { liveRoutes } from './live/routes.ts';
import { riskRoutes } from './risk/routes.ts';
import { removeOldTicks } from './storage/retention.ts';
import { storageRoutes } from './storage/routes.ts';
import { createTickStore } from './storage/store.ts';
import { hostMeter } from './system/host.ts';
import { systemRoutes } from './system/routes.ts';
import { pnlReport } from './trades/pnl.ts';
import { tradeRoutes } from './trades/routes.ts';

export interface ObservabilityOverrides {
  /** Ticks that may wait for the database before the bus is held back. */
  maxHeldTicks?: number;
  healthMs?: number;
  scrapeMs?: number;
  now?: () => number;
}

/** Writes have connections of their own, so that no slow query of a reader is in their way. */
const WRITE_CONNECTIONS = 3;
const EVENT_FRAME_MS = 200;
const RETENTION_EVERY_MS = 3_600_000;

export async function buildObservabilityApi(
  context: ServiceContext,
  overrides: ObservabilityOverrides = {},
): Promise<RunningService> {
  const { system, env, metrics, readiness, logger } = context;
  const { now = Date.now } = overrides;
  const onError = (error: Error): void => logger.warn(`a database connection broke: ${error.message}`);
  const pool = createPool({
    url: env.databaseUrl,
    poolSize: system.database.pool_size,
    applicationName: 'observability',
    onError,
  });
  const writePool = createPool({
    url: env.databaseUrl,
    poolSize: WRITE_CONNECTIONS,
    applicationName: 'observability-write',
    onError,
  });
  const client = (name: ServiceName) => createServiceClient({ baseUrl: httpUrl(system, name), token: env.apiToken });
  // The simulator is part of the bundle only where it is the broker.
  const watched = SERVICE_NAMES.filter((name) => env.dryRun || name !== 'paper-exchange');
  const risk = client('risk-manager');

  const activity = new Activity();
  const marks = new Marks();
  const live = new LiveHub();
  const history = new History();
  const up = metrics.gauge('service_ready', 'Whether a service is ready, as seen by the collectors', ['target']);
  const services = createServiceCollector({
    clients: new Map(watched.map((name) => [name, client(name)])),
    onHealth: (target, ready) => up.set({ target }, ready ? 1 : 0),
    ...(overrides.healthMs === undefined ? {} : { healthMs: overrides.healthMs }),
    ...(overrides.scrapeMs === undefined ? {} : { scrapeMs: overrides.scrapeMs }),
    now,
  });
  const trading = createStateCollector(risk);
  const mark = marks.get.bind(marks);
  const pulse = new Pulse({
    history,
    live,
    activity,
    services,
    trading: trading.current,
    held: () => store.writer.held,
    pnl: () => pnlReport(pool, { period: 'today', limit: 0, nowMs: now(), mark }).catch(() => undefined),
    now,
  });
  const store = createTickStore({
    context,
    pool: writePool,
    source: marketDataSource(client('market-data')),
    ...(overrides.maxHeldTicks === undefined ? {} : { maxHeld: overrides.maxHeldTicks }),
    onTicks: (ticks) => {
      marks.accept(ticks);
      pulse.ticks += ticks.length;
      pulse.tickLatency.add(Math.max(0, Date.now() - ticks.at(-1)!.r / 1000));
    },
    onStored: (ticks, seconds) => {
      pulse.writeLatency.add(seconds * 1000);
      pulse.lastStored = ticks.at(-1)!.r;
    },
  });

  const app = await buildServiceApp(context);
  await showDocument(app);
  storageRoutes(app, { pool, uploads: store.uploads, held: () => store.writer.held });
  tradeRoutes(app, pool, marks, now);
  riskRoutes(app, pool, risk);
  auditRoutes(app, pool);
  systemRoutes(app, { services, readiness, env, history, trading: trading.current, host: hostMeter(), watched, now });
  const clients = metrics.gauge('live_clients', 'Open WebSockets of /ws/metrics');
  liveRoutes(app, live, {
    onClients: (count) => clients.set(count),
    first: () => history.last && pulse.message(history.last, services.health, trading.current()),
  });
  app.addHook('onClose', async () => {
    await Promise.all([pool.end(), writePool.end()]);
  });

  let bus: BusCollectors | undefined;
  readiness.add('database', async () => {
    if (store.writer.trouble !== undefined) return store.writer.trouble;
    await checkDatabase(pool, env.databaseUrl);
    return true;
  });
  for (const [name, source] of [
    ['ticks', 'market-data'],
    ['signals', 'signal-bridge'],
    ['orders', 'execution-engine'],
  ] as const) {
    readiness.add(name, () => bus?.heard(source) ?? 'not started yet');
  }
  readiness.add('services', () => (services.health.size === watched.length ? true : 'not all were asked yet'));

  const loops: ReturnType<typeof repeat>[] = [];
  const retiring = new AbortController();
  return {
    app,
    async start() {
      await requireSchema(pool, context);
      await seedMarks(pool, marks);
      bus = collectFromBus({
        system,
        bus: context.bus,
        ticks: store.collector,
        activity,
        live,
        onError: (error) => logger.error({ err: error }, 'bus message could not be handled'),
      });
      services.start();
      loops.push(
        repeat(trading.poll, 1_000),
        repeat(async () => void (await pulse.beat()), 1_000),
        repeat(() => Promise.resolve(live.flush()), EVENT_FRAME_MS),
        repeat(() => retire(pool, context, now(), retiring.signal), RETENTION_EVERY_MS),
      );
    },
    async stop() {
      retiring.abort();
      for (const loop of loops) loop.stop();
      // What takes ticks in may be held back by a store that is stuck: it is not waited for beyond its share of the time.
      const patience = system.shutdown_timeout_ms / 4;
      const intake = Promise.all([bus?.close(), store.repairer.close()]);
      await Promise.race([intake, delay(patience, undefined, { ref: false })]);
      const lost = await store.writer.close(patience);
      await Promise.all([intake, services.stop(), ...loops.map((loop) => loop.done())]);
      if (lost > 0)
        logger.error({ ticks: lost }, 'stopped with ticks that could not be stored; a start fetches them again');
      await store.uploads.close();
    },
  };
}

async function requireSchema(pool: Pool, { env }: ServiceContext): Promise<void> {
  await checkDatabase(pool, env.databaseUrl);
  const { rows } = await pool.query<{ found: boolean }>(`SELECT to_regclass('ticks') IS NOT NULL AS found`);
  if (rows[0]?.found === true) return;
  throw new ExternalError({
    code: 'SCHEMA_MISSING',
    message: 'the database has no table ticks',
    fix: 'apply the migrations: node services/shared/src/migrate.ts',
  });
}

async function retire(pool: Pool, { logger }: ServiceContext, nowMs: number, signal: AbortSignal): Promise<void> {
  try {
    const count = await removeOldTicks(pool, nowMs * 1000, { signal });
    if (count > 0) logger.info({ count }, 'removed ticks beyond the retention');
  } catch (error) {
    logger.warn({ err: error }, 'old ticks could not be removed');
  }
}

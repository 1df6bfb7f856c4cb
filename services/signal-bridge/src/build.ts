import type { Worker } from 'node:worker_threads';
import {
  buildServiceApp,
  busServer,
  checkDatabase,
  createPool,
  createPublisher,
  createServiceClient,
  createSubscriber,
  httpUrl,
  listenHost,
  type BusPublisher,
  type BusSubscriber,
  type Envelope,
  type Heartbeat,
  type Pool,
  type RunningService,
  type ServiceContext,
  type Tick,
} from '@papergate/service-kit';
import { ExternalError, messageOf } from '@papergate/config';
import { Engine, type EngineEvents } from './engine/engine.ts';
import { TickFeed, type FetchTicks, type TickPage } from './feed/feed.ts';
import { addRoutes } from './http/routes.ts';
import { createInstruments, labelsOf, type Instruments } from './instruments.ts';
import { Outbox } from './outbox/outbox.ts';
import { insertSignals, latestSignals } from './outbox/store.ts';
import type { GuardLimits } from './plugins/guard.ts';
import { loadStrategies, type LoadOptions } from './plugins/load.ts';
import { Beats, needsWatchdog, startWatchdog, stopsOf, type WatchdogOptions } from './watchdog/index.ts';

export interface SignalBridgeOverrides {
  /** Where plug-ins come from. */
  plugins?: LoadOptions;
  guard?: GuardLimits;
  /** Watches plug-ins from a thread of its own; without it nobody does. */
  watchdog?: WatchdogOptions;
  /** ms since 1970. */
  now?: () => number;
  heartbeatMs?: number;
  retryDelaysMs?: readonly number[];
  outbox?: { maxAgeMs?: number; retryMs?: number };
}

export interface SignalBridge extends RunningService {
  readonly publisher: BusPublisher;
  readonly engine: Engine;
  readonly feed: TickFeed;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Messages of up to 1000 ticks that may wait here; beyond them market-data is held back. */
const BUS_HIGH_WATER_MARK = 64;
/** market-data says something every second. */
const SILENCE_MS = 5_000;

/** The whole service, not yet connected: `start` begins to listen to market-data. */
export async function buildSignalBridge(
  context: ServiceContext,
  overrides: SignalBridgeOverrides = {},
): Promise<SignalBridge> {
  const { system, env, logger, readiness } = context;
  const now = overrides.now ?? Date.now;
  const instruments = createInstruments(context.metrics);
  const watched = overrides.watchdog !== undefined && needsWatchdog(system.strategies);
  const beats = watched ? new Beats() : undefined;
  const engine = new Engine({
    strategies: await loadStrategies(system.strategies, overrides.plugins),
    events: engineEvents(instruments, logger),
    now: () => performance.now(),
    ...(beats === undefined ? {} : { beats }),
    ...(overrides.guard === undefined ? {} : { limits: overrides.guard }),
  });
  const pool = createPool({
    url: env.databaseUrl,
    poolSize: Math.min(system.database.pool_size, 4),
    applicationName: 'signal-bridge',
    onError: (error) => logger.warn({ err: messageOf(error) }, 'an idle database connection was lost'),
  });
  const host = listenHost('signal-bridge', system, env);
  const { bus_port: port } = system.services['signal-bridge'];
  const publisher = await createPublisher({ service: 'signal-bridge', host, port, bus: context.bus });

  const outbox = new Outbox({
    store: (signals) => insertSignals(pool, signals),
    publish: (signal) => publisher.publish('signal', signal),
    onPublished: (signal, receivedAt) => {
      instruments.signals.inc(labelsOf(signal));
      instruments.latency.observe(Math.max(0, now() - receivedAt / 1000) / 1000);
      logger.info({ signal }, 'signal');
    },
    onDropped: (signal, reason) => {
      instruments.suppressed.inc({ strategy: signal.strategy, reason });
      logger.warn({ id: signal.id, reason }, 'signal not published');
    },
    onError: (error) => logger.error({ err: messageOf(error) }, 'signals cannot be stored; they are not published'),
    ...overrides.outbox,
  });
  const feed = new TickFeed({
    fetchTicks: tickFetcher(context),
    onTick: (tick) => {
      instruments.ticks.inc();
      engine.add(tick, (signal) => outbox.add(signal, tick.r));
    },
    onReset: (reason, detail) => {
      engine.reset();
      instruments.resets.inc({ reason });
      logger.warn({ reason, detail }, 'strategies start anew');
    },
    onRepaired: (ticks) => instruments.repaired.inc(ticks),
    onMissed: (ticks) => instruments.missed.inc(ticks),
    onDuplicate: (ticks) => instruments.duplicates.inc(ticks),
    ...(overrides.retryDelaysMs === undefined ? {} : { retryDelaysMs: overrides.retryDelaysMs }),
  });

  const app = await buildServiceApp({
    service: 'signal-bridge',
    system,
    env,
    logger,
    metrics: context.metrics,
    readiness,
    sockets: false,
  });
  addRoutes(app, {
    report: () => engine.report(),
    position: () => ({ epoch: feed.epoch, n: feed.n }),
    latestSignals: (limit) => latestSignals(pool, limit),
  });

  let subscriber: BusSubscriber | undefined;
  let heart: NodeJS.Timeout | undefined;
  let watchdog: Worker | undefined;
  addChecks(context, pool, () => subscriber?.lastSeen('market-data'), now);
  readiness.add('strategies', () => {
    const stopped = engine
      .failures()
      .map(({ strategy, failure }) => `"${strategy}" (${failure.reason}: ${failure.detail})`);
    return stopped.length === 0 ? true : `stopped until the next start: ${stopped.join(', ')}`;
  });

  return {
    app,
    publisher,
    engine,
    feed,
    async start() {
      await checkDatabase(pool, env.databaseUrl);
      if (beats !== undefined && overrides.watchdog !== undefined) {
        for (const { strategy, detail } of await stopsOf(pool, env.releaseSha))
          engine.stop(strategy, { reason: 'stuck', detail });
        const strategies = system.strategies.map(({ name }) => name);
        const order = { strategies, databaseUrl: env.databaseUrl.reveal(), release: env.releaseSha };
        watchdog = startWatchdog(beats, order, overrides.watchdog);
        watchdog.on('error', (error) =>
          logger.error({ err: messageOf(error) }, 'the watchdog of the strategies failed'),
        );
      }
      subscriber = createSubscriber({
        endpoints: [busServer(system, 'market-data')],
        bus: context.bus,
        topics: ['tick', 'heartbeat'],
        highWaterMark: BUS_HIGH_WATER_MARK,
        onMessage: (topic, message) =>
          topic === 'tick'
            ? feed.onTicks(message as Envelope<Tick[]>)
            : feed.onHeartbeat(message as Envelope<Heartbeat>),
        onError: (error) => logger.error({ err: messageOf(error) }, 'a message of market-data could not be handled'),
      });
      heart = setInterval(() => {
        instruments.waiting.set(outbox.size);
        void publisher.publish('heartbeat', { n: publisher.sequence('signal') } satisfies Heartbeat);
      }, overrides.heartbeatMs ?? 1_000);
    },
    async stop() {
      feed.close();
      await subscriber?.close();
      await outbox.close();
      clearInterval(heart);
      await watchdog?.terminate();
      await publisher.close();
      await pool.end();
    },
  };
}

function engineEvents(instruments: Instruments, logger: ServiceContext['logger']): EngineEvents {
  return {
    bar: (strategy) => instruments.bars.inc({ strategy }),
    signal: () => undefined, // counted when it is published
    suppressed: (strategy, reason) => instruments.suppressed.inc({ strategy, reason }),
    late: () => instruments.late.inc(),
    reset: (reason) => instruments.resets.inc({ reason }),
    slow: (strategy) => instruments.slow.inc({ strategy }),
    failed: (strategy, { reason, detail }) => {
      instruments.failures.inc({ strategy, reason });
      logger.error({ strategy, reason, detail }, 'a strategy is stopped; the others go on');
    },
  };
}

function tickFetcher({ system, env }: ServiceContext): FetchTicks {
  const client = createServiceClient({
    baseUrl: httpUrl(system, 'market-data'),
    token: env.apiToken,
    timeoutMs: 3_000,
  });
  return async (epoch, after, limit) => {
    const path = `/api/v1/ticks?epoch=${encodeURIComponent(epoch)}&after=${after}&limit=${limit}`;
    const { status, body } = await client.get(path);
    if (status === 404) return undefined;
    if (status !== 200) {
      throw new ExternalError({ code: 'TICKS_UNAVAILABLE', message: `market-data answers ${status} to GET ${path}` });
    }
    return body as TickPage;
  };
}

function addChecks(
  { readiness, env }: ServiceContext,
  pool: Pool,
  lastSeen: () => number | undefined,
  now: () => number,
): void {
  readiness.add('database', () => checkDatabase(pool, env.databaseUrl).then((): true => true));
  readiness.add('market-data', () => {
    const seen = lastSeen();
    if (seen === undefined) return 'nothing has come from market-data yet';
    const silent = now() - seen;
    return silent <= SILENCE_MS ? true : `market-data has been silent for ${Math.round(silent / 1000)} s`;
  });
}

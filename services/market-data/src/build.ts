import {
  buildServiceApp,
  createPublisher,
  listenHost,
  type BusPublisher,
  type Heartbeat,
  type RunningService,
  type ServiceContext,
  type Tick,
} from '@papergate/service-kit';
import { Batcher } from './bus/batcher.ts';
import { addRoutes } from './http/routes.ts';
import { Instruments } from './instruments.ts';
import { StreamHub } from './stream/hub.ts';
import { Admission, type DropReason } from './ticks/admit.ts';
import { Intake } from './ticks/intake.ts';
import { Tape } from './ticks/tape.ts';
import { Upstream, type UpstreamStatus, type UpstreamTiming } from './upstream/upstream.ts';

export interface MarketDataOverrides {
  /** µs since 1970. */
  now?: () => number;
  /** Ticks kept for those who missed some. */
  capacity?: number;
  timing?: Partial<UpstreamTiming>;
  heartbeatMs?: number;
  /** See {@link BUS_HIGH_WATER_MARK}. */
  busHighWaterMark?: number;
  /** See {@link BUS_STALL_MS}. */
  busStallMs?: number;
  /** Bytes that may wait for a client of `WS /stream`. */
  maxBufferedBytes?: number;
}

export interface MarketData extends RunningService {
  readonly tape: Tape;
  readonly publisher: BusPublisher;
  readonly upstream: Upstream;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Messages (of up to 1000 ticks) that wait in one subscriber's pipe before it holds all of us up. zeromq
 * lets the sender go on only when half of them have gone: few are needed for a slow subscriber to be seen
 * as slow and not as stuck.
 */
const BUS_HIGH_WATER_MARK = 64;
/** Patience with a subscriber whose pipe is full, before only it loses messages, ms. */
const BUS_STALL_MS = 3_000;
const PING_CLIENTS_EVERY = 30;

/** The whole service, not yet connected: `start` opens the data connection. */
export async function buildMarketData(
  context: ServiceContext,
  overrides: MarketDataOverrides = {},
): Promise<MarketData> {
  const { system, env, logger, readiness } = context;
  const now = overrides.now ?? (() => Date.now() * 1000);
  const instruments = new Instruments(context.metrics);
  const host = listenHost('market-data', system, env);
  const { bus_port: port } = system.services['market-data'];

  const stallMs = overrides.busStallMs ?? BUS_STALL_MS;
  const publisher = await createPublisher({
    service: 'market-data',
    host,
    port,
    now,
    bus: context.bus,
    highWaterMark: overrides.busHighWaterMark ?? BUS_HIGH_WATER_MARK,
    stallMs,
    onLossy: () => {
      instruments.stalled();
      logger.warn({ after_ms: stallMs }, 'a subscriber of the bus is stuck and loses messages');
    },
  });
  const tape = new Tape({
    epoch: publisher.epoch,
    symbols: system.symbols,
    now,
    ...(overrides.capacity === undefined ? {} : { capacity: overrides.capacity }),
  });
  const hub = new StreamHub({
    symbols: system.symbols,
    onDropped: (ticks) => instruments.streamDropped(ticks),
    ...(overrides.maxBufferedBytes === undefined ? {} : { maxBufferedBytes: overrides.maxBufferedBytes }),
  });
  const batcher = new Batcher({
    publish: async (ticks) => {
      instruments.published(ticks);
      const first = ticks[0]?.r ?? 0;
      const sent = publisher.publish('tick', ticks);
      hub.broadcast(ticks);
      await sent;
      instruments.reachedBus((now() - first) / 1e6);
    },
    onPressure: (high) => {
      if (high) instruments.held();
      if (high) upstream.pause();
      else upstream.resume();
    },
  });
  const admission = new Admission(system.symbols, now);
  const intake = new Intake({
    admission,
    tape,
    deliver: (tick: Tick) => batcher.push(tick),
    onDrop: dropReporter(context, instruments),
  });
  const upstream = new Upstream({
    url: system.alpaca.data_stream_url,
    keyId: env.alpacaApiKey,
    secret: env.alpacaSecretKey,
    paper: env.alpacaPaper,
    symbols: system.symbols,
    onTrade: (trade) => intake.trade(trade),
    onQuote: (quote) => intake.quote(quote),
    onChange: (status) => logChange(context, status),
    ...(overrides.timing === undefined ? {} : { timing: overrides.timing }),
  });

  const sample = (): void => {
    const { state, losses } = upstream.status;
    instruments.sample({
      connected: state === 'subscribed',
      losses,
      regressions: tape.regressions,
      staleSeconds: tape.lastUpstreamArrival === 0 ? -1 : (now() - tape.lastUpstreamArrival) / 1e6,
      pending: publisher.pending,
      clients: hub.size,
    });
  };

  readiness.add('upstream', () => {
    const { state, reason } = upstream.status;
    return state === 'subscribed' ? true : `${system.alpaca.data_stream_url} is ${state}: ${reason}`;
  });
  readiness.add('bus', () => (closed ? 'the bus is closed' : true));

  const app = await buildServiceApp({
    service: 'market-data',
    system,
    env,
    logger,
    metrics: context.metrics,
    readiness,
  });
  addRoutes(app, {
    environment: env.environment,
    tape,
    intake,
    admission,
    batcher,
    hub,
    upstream: () => upstream.status,
    now,
  });
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.url === '/metrics') sample();
    done();
  });

  let closed = false;
  let beats = 0;
  let heart: NodeJS.Timeout | undefined;

  /** What is gathered goes first: whoever hears the number can tell that it missed something. */
  const beat = (): void => {
    beats += 1;
    sample();
    hub.sweep();
    if (beats % PING_CLIENTS_EVERY === 0) hub.checkAlive();
    if (batcher.held) return;
    batcher.flush();
    const heartbeat: Heartbeat = {
      n: tape.n,
      upstream: upstream.status.state === 'subscribed' ? 'connected' : 'disconnected',
      last_tick: tape.lastArrival,
    };
    void publisher.publish('heartbeat', heartbeat);
  };

  return {
    app,
    tape,
    publisher,
    upstream,
    async start() {
      heart = setInterval(beat, overrides.heartbeatMs ?? 1_000);
      upstream.start();
      await Promise.resolve();
    },
    async stop() {
      upstream.stop();
      clearInterval(heart);
      await batcher.drain();
      hub.close();
      closed = true;
      await publisher.close();
    },
  };
}

/** Every drop is counted; the log hears of a reason once, since a broken source repeats itself a million times. */
function dropReporter(
  { logger }: ServiceContext,
  instruments: Instruments,
): (reason: DropReason, symbol: string) => void {
  const told = new Set<DropReason>();
  return (reason, symbol) => {
    instruments.droppedTick(reason);
    if (told.has(reason)) return;
    told.add(reason);
    logger.warn({ reason, symbol }, 'a tick of the exchange was dropped; more of the same are only counted');
  };
}

function logChange({ logger }: ServiceContext, { state, reason }: UpstreamStatus): void {
  if (state === 'subscribed') logger.info('the exchange sends every symbol');
  else if (state === 'disconnected') logger.warn({ reason }, 'no data connection');
  else logger.debug({ state, reason }, 'data connection');
}

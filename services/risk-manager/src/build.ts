import {
  buildServiceApp,
  busServer,
  checkDatabase,
  createAuditLog,
  createPool,
  createResponder,
  createServiceClient,
  httpUrl,
  listenHost,
  type Responder,
  type RunningService,
  type ServiceContext,
} from '@papergate/service-kit';
import { Breaker } from './breaker/breaker.ts';
import { Announcer, type Notice } from './breaker/announcer.ts';
import { BreakerRules } from './breaker/rules.ts';
import { createStateStore, type StoredState } from './breaker/store.ts';
import { LossStreak } from './breaker/streaks.ts';
import { createHandler } from './check/handler.ts';
import { Traffic } from './check/traffic.ts';
import { createEquityStore, EquityWatch } from './equity/equity.ts';
import { createRecorder } from './events/recorder.ts';
import { Exposure } from './exposure/exposure.ts';
import { addRoutes } from './http/routes.ts';
import { createInstruments } from './instruments.ts';
import { compileLimits } from './limits/compile.ts';
import { createZone } from './limits/zone.ts';
import { Monitor } from './monitor.ts';
import type { Trigger } from './protection/crossed.ts';
import { createGuardStore } from './protection/guards.ts';
import { Protection } from './protection/protection.ts';
import { addReadiness } from './readiness.ts';
import { addScopeRoutes } from './scope/routes.ts';
import { OrderScope } from './scope/scope.ts';
import { createScopeStore, type Symbols } from './scope/store.ts';
import { RISK_SETTINGS, type RiskSettings } from './settings.ts';
import { MarketFeed } from './sync/market-feed.ts';
import { hasEnded, OrderFeed } from './sync/order-feed.ts';
import { loadSnapshot } from './sync/snapshot.ts';
import { nanos } from './units.ts';
import { Worker } from './worker.ts';

export interface RiskManagerOverrides {
  settings?: Partial<RiskSettings>;
  /** ms since 1970. */
  now?: () => number;
}

export interface RiskManager extends RunningService {
  readonly exposure: Exposure;
  readonly breaker: Breaker;
  /** The answering socket; its port where the configuration says 0. */
  readonly responder: Responder;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const LEVELS: Readonly<Record<Trigger, string>> = {
  stop_loss: 'the stop',
  trailing_stop: 'the trailing stop',
  take_profit: 'the target',
};

function stateNotice(state: StoredState | undefined): Notice | undefined {
  if (state === undefined) return undefined;
  const { state: name, reason } = state;
  return { path: '/trading-state', body: { state: name, reason: reason.slice(0, 1_000) }, eases: name === 'ACTIVE' };
}

const scopeNotice = (symbols: Symbols | null): Notice | undefined =>
  symbols === null ? undefined : { path: '/order-scope', body: { symbols }, eases: symbols === 'all' };

/** The whole service: answers checks from the first moment (with HALTED, until it knows better); `start` lets it learn. */
export async function buildRiskManager(
  context: ServiceContext,
  overrides: RiskManagerOverrides = {},
): Promise<RiskManager> {
  const { env, logger, riskLimits, system } = context;
  const now = overrides.now ?? Date.now;
  const settings: RiskSettings = { ...RISK_SETTINGS, ...overrides.settings };
  const instruments = createInstruments(context.metrics);
  const limits = compileLimits(riskLimits);
  const newYork = createZone('America/New_York');
  const pool = createPool({
    url: env.databaseUrl,
    poolSize: Math.min(system.database.pool_size, 4),
    applicationName: 'risk-manager',
    onError: (error) => logger.warn({ reason: error.message }, 'a database connection was lost'),
  });

  const exposure = new Exposure();
  exposure.widestSpread = riskLimits.order_validation.max_spread_percent / 100;
  const traffic = new Traffic(limits.order);
  const rules = new BreakerRules(limits);
  const streak = new LossStreak((length) => {
    exposure.lossStreak = length;
  });
  const recorder = createRecorder({ pool, logger, now, onDropped: (events) => instruments.eventsDropped.inc(events) });
  const { metrics } = context;
  const audit = createAuditLog({ pool, service: 'risk-manager', release: env.releaseSha, logger, metrics, now });
  const client = (service: 'execution-engine' | 'market-data') =>
    createServiceClient({ baseUrl: httpUrl(system, service), token: env.apiToken, as: 'risk-manager' });
  const engine = client('execution-engine');
  const announcer = new Announcer({
    engine,
    notice: () => stateNotice(breaker.state),
    logger,
    patienceMs: settings.settleMs,
  });
  const scopeAnnouncer = new Announcer({
    engine,
    notice: () => scopeNotice(scope.effective()),
    logger,
    patienceMs: settings.settleMs,
  });
  const breaker: Breaker = new Breaker({
    store: createStateStore(pool),
    recorder,
    logger,
    cooldownSeconds: limits.breaker.cooldown_seconds,
    autoResume: limits.breaker.enabled && limits.breaker.auto_resume,
    onState: (state) => {
      exposure.state = state?.state;
      exposure.stateReason = state?.reason ?? 'the stored trading state is not known yet';
      announcer.changed();
    },
    onTrip: (code) => instruments.trips.inc({ code }),
    now,
  });
  const scope: OrderScope = new OrderScope({
    release: env.releaseSha,
    environment: env.environment,
    symbols: system.symbols,
    store: createScopeStore(pool, env.releaseSha),
    recorder,
    logger,
    onEffective: () => scopeAnnouncer.changed(),
    now,
  });
  Object.assign(instruments.scope, { collect: () => instruments.scope.set(scope.count()) });
  const equity = new EquityWatch({
    engine,
    store: createEquityStore(pool),
    exposure,
    day: newYork.day,
    logger,
    now,
    lagMs: settings.accountLagMs,
  });
  const market = new MarketFeed(exposure, limits.breaker.max_stale_data_ms, now);
  const monitor = new Monitor({
    exposure,
    limits,
    breaker,
    rules,
    feed: () => market.health(),
    recorder,
    instruments,
    now,
  });
  const protection = new Protection({
    exposure,
    limits,
    engine,
    store: createGuardStore(pool),
    logger,
    retryMs: settings.protectionRetryMs,
    onPlaced: (symbol, trigger, clientOrderId, quantity) => {
      instruments.protections.inc({ trigger });
      const message = `${quantity} shares of ${symbol} are closed at ${LEVELS[trigger]}`;
      recorder.record({ kind: 'warning', code: trigger.toUpperCase(), symbol, clientOrderId, message });
    },
    now,
  });
  const orders = new OrderFeed({
    exposure,
    load: (period, reserved) => loadSnapshot(pool, period, reserved),
    zone: newYork,
    onFill: (fill, realized) => {
      streak.addFill(fill, realized);
      monitor.run();
    },
    onOrder: (order) => {
      if (order.status === 'rejected') rules.rejected(now());
      if (hasEnded(order) && nanos(order.filled_quantity) === 0n) traffic.forget(order.client_order_id);
    },
    onSynced: () =>
      logger.info(
        { positions: exposure.symbols.size, orders: exposure.reservations.size },
        'positions and open orders are known',
      ),
    logger,
    now,
  });

  const host = listenHost('risk-manager', system, env);
  const { bus_port: port } = system.services['risk-manager'];
  const handle = createHandler({
    exposure,
    limits,
    traffic,
    scope,
    symbols: () => scope.effective(),
    rules,
    recorder,
    instruments,
    since: () => breaker.status().since ?? new Date(0).toISOString(),
    now,
  });
  const responder = await createResponder({
    service: 'risk-manager',
    host,
    port,
    bus: context.bus,
    handle,
    onError: (error) => logger.warn({ reason: String(error) }, 'a request cannot be answered'),
  });

  const app = await buildServiceApp({ ...context, now, sockets: false });
  addReadiness(context.readiness, { breaker, orders, scope, pool, url: env.databaseUrl });
  addRoutes(app, {
    limits: riskLimits,
    exposure,
    breaker,
    audit,
    announced: () => announcer.last,
    onReset: async () => {
      streak.clear();
      rules.clear();
      await equity.rebase();
    },
    now,
  });
  addScopeRoutes(app, { audit, scope, announcer: scopeAnnouncer, release: env.releaseSha, symbols: system.symbols });
  const worker = new Worker({
    breaker,
    orders,
    equity,
    market,
    monitor,
    protection,
    streak,
    exposure,
    scope,
    traffic,
    pool,
    marketData: client('market-data'),
    endpoints: { marketData: busServer(system, 'market-data'), engine: busServer(system, 'execution-engine') },
    bus: context.bus,
    instruments,
    logger,
    settings,
    monitorMs: limits.monitoring.intervalMs,
    day: newYork.day,
    now,
  });
  return {
    app,
    exposure,
    breaker,
    responder,
    async start() {
      await checkDatabase(pool, env.databaseUrl);
      worker.start();
    },
    async stop() {
      await worker.close();
      await responder.close();
      await breaker.close();
      await recorder.close();
      await audit.close();
      await pool.end();
    },
  };
}

import { SERVICE_NAMES } from '@papergate/config';
import {
  buildServiceApp,
  busServer,
  createSubscriber,
  httpUrl,
  type BusSubscriber,
  type RunningService,
  type ServiceContext,
  type Tick,
} from '@papergate/service-kit';
import { auditRoutes } from './audit/routes.ts';
import { breakerRoutes } from './breaker/routes.ts';
import { watchTradingState } from './breaker/state.ts';
import { emergencyRoutes } from './emergency/routes.ts';
import { placeOrder } from './orders/place.ts';
import { orderRoutes } from './orders/routes.ts';
import { createStatusPoller } from './status/poller.ts';
import { statusRoutes } from './status/routes.ts';
import { createTickHub } from './stream/hub.ts';
import { streamRoutes } from './stream/routes.ts';
import { createTickGatherer } from './ticks/gather.ts';
import { tickRoutes } from './ticks/routes.ts';
import { passOn } from './upstream/pass-on.ts';
import { createUpstream } from './upstream/upstream.ts';

export interface OrchestratorOverrides {
  /** How long an order may take in all, ms, before its outcome counts as unknown. */
  orderTimeoutMs?: number;
  statusIntervalMs?: number;
  /** How old the last answer of risk-manager may be before the state counts as unknown. */
  stateMaxAgeMs?: number;
  haltTimeoutMs?: number;
  cancelTimeoutMs?: number;
}

/** The front door: it validates, passes on and tells the truth about what it does not know. It holds no state of its own. */
export async function buildOrchestrator(
  context: ServiceContext,
  overrides: OrchestratorOverrides = {},
): Promise<RunningService> {
  const { system, env, metrics, readiness, logger } = context;
  const { orderTimeoutMs = 10_000, haltTimeoutMs = 3_000, cancelTimeoutMs = 30_000 } = overrides;
  const upstream = (service: (typeof SERVICE_NAMES)[number], connections: number) =>
    createUpstream({ service, url: httpUrl(system, service), token: env.apiToken, connections });
  const engine = upstream('execution-engine', 128);
  const risk = upstream('risk-manager', 16);
  const marketData = upstream('market-data', 4);
  const history = upstream('observability-api', 2);
  // The simulator is part of the bundle only where it is the broker.
  const watched = SERVICE_NAMES.filter((name) => name !== 'orchestrator' && (env.dryRun || name !== 'paper-exchange'));
  // Health has connections of its own: a flood of orders must not make a service look dead.
  const probes = watched.map((service) => upstream(service, 2));

  const watch = watchTradingState({
    risk: probes.find(({ service }) => service === 'risk-manager') ?? risk,
    ...(overrides.stateMaxAgeMs === undefined ? {} : { maxAgeMs: overrides.stateMaxAgeMs }),
  });
  const up = metrics.gauge('service_up', 'Whether a service is ready, as seen from the front door', ['target']);
  const poller = createStatusPoller({
    upstreams: probes,
    ...(overrides.statusIntervalMs === undefined ? {} : { intervalMs: overrides.statusIntervalMs }),
    onRound: async () => void (await watch.refresh()),
    onStatus: (target, { ready }) => up.set({ target }, ready ? 1 : 0),
  });
  const gatherer = createTickGatherer({ marketData });
  const dropped = metrics.counter('viewer_ticks_dropped_total', 'Ticks left out for viewers too slow to take them');
  const frames = metrics.counter('viewer_frames_sent_total', 'WebSocket frames sent to viewers');
  const hub = createTickHub({ onDropped: (count) => dropped.inc(count), onSent: (count) => frames.inc(count) });
  const orders = metrics.counter('front_door_orders_total', 'Orders by outcome', ['outcome']);
  const orderSeconds = metrics.histogram('front_door_order_seconds', 'From a valid order to its answer');
  const viewers = metrics.gauge('viewers', 'Open WebSockets of viewers');

  const app = await buildServiceApp(context);
  // Hooks of closing run after the requests under way are answered; only then may the connections go.
  app.addHook('onClose', async () => {
    await Promise.all([engine, risk, marketData, history, ...probes].map((each) => each.close()));
  });
  orderRoutes(app, {
    engine,
    requireKnownState: watch.requireKnown,
    place: async (order, acting) => {
      const observe = orderSeconds.startTimer();
      try {
        const answer = await placeOrder(order, { engine, acting, timeoutMs: orderTimeoutMs });
        orders.inc({ outcome: answer.status === 200 ? 'accepted' : 'refused' });
        return answer;
      } catch (error) {
        orders.inc({ outcome: 'failed' });
        throw error;
      } finally {
        observe();
      }
    },
  });
  tickRoutes(app, gatherer, env.environment);
  streamRoutes(app, hub, { onViewers: (count) => viewers.set(count) });
  statusRoutes(app, { poller, watch, readiness, env, url: httpUrl(system, 'orchestrator') });
  breakerRoutes(app, risk, watch);
  emergencyRoutes(app, { risk, engine, haltTimeoutMs, cancelTimeoutMs }, watch);
  auditRoutes(app, history);
  app.get('/api/v1/positions', (_request, reply) => passOn(engine, { method: 'GET', path: '/positions' }, reply));
  app.get('/api/v1/account', (_request, reply) => passOn(engine, { method: 'GET', path: '/account' }, reply));

  for (const name of ['market-data', 'risk-manager', 'execution-engine'] as const) {
    readiness.add(name, () => {
      const status = poller.services.get(name);
      return status?.alive === true ? true : (status?.problem ?? `${name} has not been asked yet`);
    });
  }

  let subscriber: BusSubscriber | undefined;
  return {
    app,
    start() {
      poller.start();
      subscriber = createSubscriber({
        endpoints: [busServer(system, 'market-data')],
        bus: context.bus,
        topics: ['tick'],
        onMessage: (_topic, message) => hub.accept(message.epoch, message.data as Tick[]),
        onError: (error) => logger.error({ err: error }, 'bus message could not be handled'),
      });
      return Promise.resolve();
    },
    async stop() {
      await gatherer.drain();
      hub.close();
      poller.stop();
      await subscriber?.close();
    },
  };
}

import { SERVICES } from '../options.ts';
import type { Breaks, Call, Reply } from './double.ts';

/** Breaks one answer of one service. */
export const at =
  (
    service: string,
    path: string,
    reply: Reply | 'drop' | ((own: Reply, call: Call) => Reply),
  ): NonNullable<Breaks['answer']> =>
  (call, own) => {
    if (call.service !== service || call.path !== path) return undefined;
    return typeof reply === 'function' ? reply(own(), call) : reply;
  };
export const json = (body: unknown, status = 200): Reply => ({ status, body });
const replaceText = (from: string | RegExp, to: string) => (own: Reply) => ({
  ...own,
  body: String(own.body).replace(from, to),
});

const ORDER_CHAIN = ['order: repeated', 'order: filled', 'order: listed', 'order: in the database', 'order: counted'];
const NO_ORDER = ['order: acknowledged', ...ORDER_CHAIN, 'order: position closed'];
const TICK = ['tick: on /stream', 'tick: on /ws/market_data', 'tick: in the database'];

/** Ways to break a bundle, each with the checks that have to fail, and no others. */
export const BROKEN: Array<{ title: string; breaks: Breaks; fails: string[] }> = [
  ...SERVICES.flatMap((service) => [
    {
      title: `${service} is not healthy`,
      breaks: { answer: at(service, '/health', json({ status: 'dead' })) },
      fails: [`${service}: health`],
    },
    {
      title: `${service} cuts the connection`,
      breaks: { answer: at(service, '/health', 'drop') },
      fails: [`${service}: health`],
    },
    {
      title: `${service} is not ready`,
      breaks: { answer: at(service, '/health/ready', json({ ready: false, checks: {} }, 503)) },
      fails: [`${service}: ready`],
    },
    {
      title: `${service} says 200 and not ready`,
      breaks: { answer: at(service, '/health/ready', json({ ready: false, checks: {}, collectors: {} })) },
      fails: [`${service}: ready`],
    },
    {
      title: `${service} does not say dry_run`,
      breaks: { answer: at(service, '/api/v1/config', (own) => json({ ...(own.body as object), dry_run: undefined })) },
      fails: [`${service}: configuration`],
    },
    {
      title: `${service} is not on paper`,
      breaks: {
        answer: at(service, '/api/v1/config', (own) => json({ ...(own.body as object), alpaca_paper: false })),
      },
      fails: [`${service}: configuration`],
    },
    {
      title: `${service} says dry_run as text`,
      breaks: { answer: at(service, '/api/v1/config', (own) => json({ ...(own.body as object), dry_run: 'true' })) },
      fails: [`${service}: configuration`],
    },
    {
      title: `${service} does not say which release it is`,
      breaks: { answer: at(service, '/api/v1/config', (own) => json({ ...(own.body as object), release: {} })) },
      fails: [`${service}: configuration`],
    },
  ]),
  {
    title: 'metrics are JSON',
    breaks: { answer: at('risk-manager', '/metrics', json({})) },
    fails: ['risk-manager: metrics'],
  },
  {
    title: 'metrics lack HELP',
    breaks: { answer: at('risk-manager', '/metrics', replaceText(/# HELP papergate_orders_total.*\n/, '')) },
    fails: ['risk-manager: metrics'],
  },
  {
    title: 'metrics are of another service',
    breaks: { answer: at('risk-manager', '/metrics', replaceText('service="risk-manager"', 'service="other"')) },
    fails: ['risk-manager: metrics'],
  },
  {
    title: 'metrics lack what all services have',
    breaks: { answer: at('risk-manager', '/metrics', replaceText(/.*http_request.*\n/g, '')) },
    fails: ['risk-manager: metrics'],
  },
  {
    title: 'the dashboard has no page',
    breaks: { answer: at('dashboard', '/', json({ code: 'NOT_FOUND' }, 404)) },
    fails: ['dashboard: page'],
  },
  {
    title: 'the dashboard answers JSON',
    breaks: { answer: at('dashboard', '/', json({ ok: true })) },
    fails: ['dashboard: page'],
  },
  {
    title: 'the orchestrator does not reach a service',
    breaks: {
      answer: at('orchestrator', '/api/v1/orchestration/status', (own) => {
        const body = own.body as { services: object };
        return json({ ...body, services: { ...body.services, 'risk-manager': { alive: true, ready: false } } });
      }),
    },
    fails: ['orchestrator: reaches every service'],
  },
  {
    title: 'the orchestrator leaves a service out',
    breaks: { answer: at('orchestrator', '/api/v1/orchestration/status', json({ overall: 'healthy', services: {} })) },
    fails: ['orchestrator: reaches every service'],
  },
  {
    title: 'orders are refused',
    breaks: {
      answer: (call) =>
        call.method === 'POST' &&
        call.path === '/api/v1/orders' &&
        call.body['client_order_id']?.toString().endsWith('-buy') === true
          ? json({ code: 'RISK_STALE_DATA' }, 400)
          : undefined,
    },
    fails: NO_ORDER,
  },
  {
    title: 'an acknowledgement lacks the order_id',
    breaks: {
      answer: (call, own) =>
        call.method === 'POST' && call.path === '/api/v1/orders'
          ? { ...own(), ...(own().status === 200 ? { body: { status: 'accepted' } } : {}) }
          : undefined,
    },
    fails: NO_ORDER,
  },
  {
    title: 'orders never fill',
    breaks: { orders: 'acknowledge-only' },
    fails: ['order: filled', 'order: listed', 'order: in the database', 'order: counted', 'order: position closed'],
  },
  {
    title: 'a repeated order is a second order',
    breaks: { orders: 'not-idempotent' },
    fails: ['order: repeated', 'order: in the database'],
  },
  { title: 'fills never reach the database', breaks: { orders: 'forget' }, fails: ['order: in the database'] },
  { title: 'orders are not counted', breaks: { orders: 'not-counted' }, fails: ['order: counted'] },
  {
    title: 'orders are not listed',
    breaks: {
      answer: at('orchestrator', '/api/v1/orders', (own, call) => (call.method === 'GET' ? json({ orders: [] }) : own)),
    },
    fails: ['order: listed'],
  },
  {
    title: 'the execution-engine does not know the order',
    breaks: {
      answer: (call) =>
        call.service === 'execution-engine' && call.path.startsWith('/orders/')
          ? json({ code: 'NOT_FOUND' }, 404)
          : undefined,
    },
    fails: ['order: listed'],
  },
  {
    title: 'the trades cannot be read',
    breaks: { answer: at('observability-api', '/api/trades/pnl', json({ code: 'INTERNAL' }, 500)) },
    fails: ['order: in the database', 'order: counted'],
  },
  {
    title: 'the number of trades stands still',
    breaks: {
      answer: at('observability-api', '/api/trades/pnl', (own) => json({ ...(own.body as object), trades: 7 })),
    },
    fails: ['order: in the database'],
  },
  { title: 'market-data streams nothing', breaks: { mute: ['market-data'] }, fails: ['tick: on /stream'] },
  {
    title: 'the orchestrator streams nothing',
    breaks: { mute: ['orchestrator'] },
    fails: ['tick: on /ws/market_data'],
  },
  { title: 'market-data takes no WebSocket', breaks: { refuseSockets: ['market-data'] }, fails: ['tick: on /stream'] },
  {
    title: 'the orchestrator takes no WebSocket',
    breaks: { refuseSockets: ['orchestrator'] },
    fails: ['tick: on /ws/market_data'],
  },
  { title: 'ticks change their price on the way', breaks: { tick: () => ({ price: '1' }) }, fails: TICK },
  { title: 'ticks change their symbol on the way', breaks: { tick: () => ({ symbol: 'IBM' }) }, fails: TICK },
  {
    title: 'the exchange refuses the tick',
    breaks: { answer: at('paper-exchange', '/sim/ticks', json({ code: 'NO' }, 400)) },
    fails: TICK,
  },
  { title: 'ticks are not stored', breaks: { loseTicks: true }, fails: ['tick: in the database'] },
  {
    title: 'the breaker does not trip',
    breaks: { breaker: 'stuck' },
    fails: ['breaker: trip', 'breaker: orders refused'],
  },
  { title: 'orders go through while halted', breaks: { breaker: 'leaky' }, fails: ['breaker: orders refused'] },
  {
    title: 'a halt refuses orders with 400',
    breaks: {
      answer: (call, own) =>
        call.method === 'POST' && call.path === '/api/v1/orders' && own().status === 503
          ? json({ code: 'RISK_HALTED' }, 400)
          : undefined,
    },
    fails: ['breaker: orders refused'],
  },
  {
    title: 'the trip is refused',
    breaks: { answer: at('orchestrator', '/api/v1/circuit-breaker/trip', json({ code: 'NO' }, 403)) },
    fails: ['breaker: trip', 'breaker: orders refused'],
  },
  {
    title: 'the reset is refused',
    breaks: { answer: at('orchestrator', '/api/v1/circuit-breaker/reset', json({ code: 'NO' }, 403)) },
    fails: ['breaker: reset', 'order: position closed'],
  },
];

import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Targets } from '../options.ts';

type Json = Record<string, unknown>;

export interface Reply {
  status: number;
  body: unknown;
  /** Default: JSON. */
  type?: string;
}

export interface Call {
  service: string;
  method: string;
  /** Without the service's prefix and the query. */
  path: string;
  query: URLSearchParams;
  body: Json;
}

/** What can be broken. Everything else works as the contracts say. */
export interface Breaks {
  /** Answers in place of the double's own where it returns something; `'drop'` cuts the connection. */
  answer?: (call: Call, own: () => Reply) => Reply | 'drop' | undefined;
  /** `acknowledge-only`: orders are acknowledged and never fill. `forget`: fills never reach the trades. */
  orders?: 'acknowledge-only' | 'forget' | 'not-idempotent' | 'not-counted';
  /** Streams of these services stay silent, or change the tick. */
  mute?: readonly string[];
  refuseSockets?: readonly string[];
  tick?: (tick: Json) => Json;
  /** Ticks never reach the store. */
  loseTicks?: boolean;
  /** The breaker says HALTED and lets orders through, or does not trip, or was tripped before. */
  breaker?: 'leaky' | 'stuck' | 'already-halted' | 'slow-reset';
  token?: string;
  /** It trades with real money. */
  production?: boolean;
}

export interface BundleDouble {
  targets: Targets;
  state(): { breaker: string; resets: number; openPositions: number };
  /** Everything but reads, as `POST /path`. */
  writes: readonly string[];
  close(): Promise<void>;
}

const SERVICES = [
  'market-data',
  'signal-bridge',
  'risk-manager',
  'execution-engine',
  'orchestrator',
  'observability-api',
  'dashboard',
  'paper-exchange',
];

/** A whole bundle in one small server: a path prefix for each service, state in memory, and ways to break it. */
export async function startBundleDouble(breaks: Breaks = {}): Promise<BundleDouble> {
  const orders = new Map<string, Json>();
  const trades: Json[] = [];
  const ticks: Json[] = [];
  const clients = new Set<{ service: string; socket: WebSocket }>();
  let breaker = breaks.breaker === 'already-halted' ? 'HALTED' : 'ACTIVE';
  let resets = 0;
  let requests = 0;
  const writes: string[] = [];
  const live = breaks.production === true;

  const json = (body: unknown, status = 200): Reply => ({ status, body });
  const problem = (status: number, code: string): Reply => json({ code, message: code.toLowerCase() }, status);

  const place = (body: Json): Reply => {
    if (breaker !== 'ACTIVE' && breaks.breaker !== 'leaky') return problem(503, 'TRADING_HALTED');
    const known = [...orders.values()].find((order) => order['client_order_id'] === body['client_order_id']);
    if (known !== undefined && breaks.orders !== 'not-idempotent') {
      return known['quantity'] === body['quantity'] ? json(known) : problem(409, 'DUPLICATE_CLIENT_ORDER_ID');
    }
    const fills = breaks.orders !== 'acknowledge-only';
    const order: Json = {
      ...body,
      order_id: randomUUID(),
      status: fills ? 'filled' : 'new',
      filled_quantity: fills ? body['quantity'] : '0',
      avg_fill_price: fills ? '182.31' : null,
    };
    orders.set(String(order['order_id']), order);
    if (fills && breaks.orders !== 'forget') trades.unshift({ ...order, price: '182.31' });
    return json({ ...order, status: 'accepted' });
  };

  const tickIn = (tick: Json) => {
    const out: Json = { type: 'tick', kind: 'trade', ...tick, ...breaks.tick?.(tick) };
    if (breaks.loseTicks !== true) ticks.unshift(out);
    for (const { service, socket } of clients) {
      if (breaks.mute?.includes(service) !== true) socket.send(JSON.stringify([{ type: 'tick', symbol: 'X' }, out]));
    }
  };

  const exposition = (service: string): Reply => {
    const counted = breaks.orders === 'not-counted' ? 0 : orders.size;
    const label = `service="${service}"`;
    const lines = [
      '# HELP papergate_http_request_duration_seconds HTTP requests',
      '# TYPE papergate_http_request_duration_seconds histogram',
      `papergate_http_request_duration_seconds_bucket{${label},le="1"} ${requests}`,
      `papergate_http_request_duration_seconds_bucket{${label},le="+Inf"} ${requests}`,
      `papergate_http_request_duration_seconds_sum{${label}} 0.5`,
      `papergate_http_request_duration_seconds_count{${label}} ${requests}`,
      '# HELP papergate_orders_total Orders',
      '# TYPE papergate_orders_total counter',
      `papergate_orders_total{${label}} ${counted}`,
      '# HELP papergate_market_upstream_connected Connection',
      '# TYPE papergate_market_upstream_connected gauge',
      `papergate_market_upstream_connected{${label}} 1`,
    ];
    return { status: 200, body: `${lines.join('\n')}\n`, type: 'text/plain; version=0.0.4; charset=utf-8' };
  };

  const breakerOf = (path: string): Reply => {
    if (path.endsWith('/trip') && breaks.breaker !== 'stuck') breaker = 'HALTED';
    if (path.endsWith('/reset')) {
      resets += 1;
      if (breaks.breaker !== 'slow-reset' || resets > 2) breaker = 'ACTIVE';
    }
    return json({ state: breaker, reason: 'test' });
  };

  const own = ({ service, method, path, query, body }: Call): Reply => {
    const order = /^\/(?:api\/v1\/)?orders(?:\/(.+))?$/.exec(path);
    if (order !== null && (service === 'orchestrator' || service === 'execution-engine')) {
      if (method === 'POST') return place(body);
      if (order[1] === undefined) return json({ orders: [...orders.values()].toReversed() });
      const found = orders.get(order[1]);
      return found === undefined ? problem(404, 'NOT_FOUND') : json(found);
    }
    if (path.startsWith('/api/v1/circuit-breaker/')) return breakerOf(path);
    switch (path) {
      case '/health':
        return json({ status: 'healthy', service });
      case '/health/ready':
        return json({
          ready: true,
          [service === 'observability-api' ? 'collectors' : 'checks']: { all: { ok: true } },
        });
      case '/metrics':
        return exposition(service);
      case '/api/v1/config':
        return json({
          environment: live ? 'production' : 'development',
          dry_run: !live,
          alpaca_paper: !live,
          release: { sha: 'b'.repeat(40) },
          system: { symbols: ['MSFT', 'AAPL'] },
        });
      case '/api/v1/scope':
        return json({ release: 'b'.repeat(40), stage: 'unset', symbols: [], effective: [] });
      case '/api/v1/orchestration/status':
        return json({
          overall: 'healthy',
          services: Object.fromEntries(SERVICES.map((name) => [name, { alive: true, ready: true }])),
        });
      case '/api/trades/pnl':
        return json({ period: 'today', trades: trades.length, trades_list: trades.slice(0, 100) });
      case '/api/storage/ticks':
        return json({ ticks: ticks.filter((tick) => tick['symbol'] === query.get('symbol')) });
      case '/api/v1/market_data':
        tickIn({ ...body, size: String(body['volume']) });
        return json({ accepted: 1 });
      case '/sim/ticks':
        for (const tick of Object.values(body) as Json[]) tickIn(tick);
        return json({ accepted: 1 });
      case '/':
        return { status: 200, body: '<!doctype html><title>Papergate</title>', type: 'text/html; charset=utf-8' };
      default:
        return problem(404, 'NOT_FOUND');
    }
  };

  const serve = (request: IncomingMessage, response: ServerResponse, text: string) => {
    requests += 1;
    const call = callOf(request, text);
    if (call.method !== 'GET') writes.push(`${call.method} ${call.path}`);
    const mine = () =>
      breaks.token !== undefined &&
      call.path !== '/health' &&
      request.headers.authorization !== `Bearer ${breaks.token}`
        ? problem(401, 'UNAUTHORIZED')
        : own(call);
    const reply = breaks.answer?.(call, mine) ?? mine();
    if (reply === 'drop') {
      request.socket.destroy();
      return;
    }
    response.writeHead(reply.status, { 'content-type': reply.type ?? 'application/json' });
    response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body));
  };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => serve(request, response, Buffer.concat(chunks).toString()));
  });
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (protocols) => [...protocols].find((protocol) => !protocol.startsWith('bearer.')) ?? false,
  });
  server.on('upgrade', (request, socket, head) => {
    const service = (request.url ?? '').split('/')[1] ?? '';
    const offered = request.headers['sec-websocket-protocol'] ?? '';
    const refused = breaks.refuseSockets?.includes(service) === true;
    if (refused || (breaks.token !== undefined && !offered.includes(`bearer.${breaks.token}`))) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      client.on('message', (data: Buffer) => {
        const { symbols } = JSON.parse(data.toString()) as { symbols: string[] };
        clients.add({ service, socket: client });
        client.send(JSON.stringify({ type: 'subscribed', symbols }));
      });
      client.on('close', () => {
        for (const each of clients) if (each.socket === client) clients.delete(each);
      });
    });
  });

  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { 'paper-exchange': exchange, ...services } = Object.fromEntries(
    SERVICES.map((name) => [name, `${base}/${name}`]),
  );
  return {
    targets: { services: services as Targets['services'], exchange },
    writes,
    state: () => ({
      breaker,
      resets,
      openPositions: [...orders.values()]
        .filter((order) => order['status'] === 'filled')
        .reduce((sum, order) => sum + (order['side'] === 'buy' ? 1 : -1), 0),
    }),
    close: () =>
      new Promise((resolve) => {
        for (const { socket } of clients) socket.terminate();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function callOf(request: IncomingMessage, text: string): Call {
  const url = new URL(request.url ?? '/', 'http://double');
  const [, service = '', ...rest] = url.pathname.split('/');
  return {
    service,
    method: request.method ?? '',
    path: `/${rest.join('/')}`,
    query: url.searchParams,
    body: text === '' ? {} : (JSON.parse(text) as Json),
  };
}

import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

/** What the double does wrong. All off: it answers at once and rightly. */
export interface Faults {
  /** Each HTTP answer waits this long. */
  delayMs?: number;
  /** HTTP connections are cut in place of an answer. */
  dropConnections?: boolean;
  /** HTTP answers with this status in place of 200. */
  status?: number;
  /** Orders are acknowledged and never fill. */
  neverFill?: boolean;
  /** `refuse`: no upgrade; `mute`: opens and says nothing but prices at the start; `close`: closes after the first ping. */
  sockets?: 'refuse' | 'mute' | 'close';
  /** Pongs and ticks wait this long. */
  socketDelayMs?: number;
}

export interface Double {
  url: string;
  /** Calls per "METHOD path", with ids replaced by `:id`. */
  calls: Map<string, number>;
  close(): Promise<void>;
}

/**
 * The part of orchestrator and observability-api that the suites touch, with nothing behind it: for trying
 * the suites themselves, and for seeing them fail.
 */
export async function startDouble(faults: Faults = {}): Promise<Double> {
  const calls = new Map<string, number>();
  const orders = new Set<string>();
  const clients = new Set<{ socket: WebSocket; symbols: Set<string> }>();

  const later = (ms: number | undefined, act: () => void) => {
    if (ms === undefined) act();
    else setTimeout(act, ms);
  };

  const publish = (tick: Record<string, unknown>) => {
    const message = JSON.stringify({
      type: 'tick',
      kind: 'trade',
      symbol: tick['symbol'],
      price: String(tick['price']),
      size: String(tick['volume']),
      timestamp: tick['timestamp'],
    });
    for (const client of clients) {
      if (client.symbols.has(String(tick['symbol']))) later(faults.socketDelayMs, () => client.socket.send(message));
    }
  };

  const answer = (method: string, path: string, body: unknown): [number, unknown] => {
    switch (`${method} ${path}`) {
      case 'POST /api/v1/market_data':
        if (faults.sockets !== 'mute') publish(body as Record<string, unknown>);
        return [200, { accepted: 1 }];
      case 'POST /api/v1/orders': {
        const id = randomUUID();
        orders.add(id);
        return [200, { order_id: id, status: 'accepted' }];
      }
      case 'GET /api/v1/orders/:id':
        return [200, { status: faults.neverFill === true ? 'new' : 'filled' }];
      case 'POST /api/storage/ticks':
        return [200, { stored: 1 }];
      case 'GET /api/storage/ticks':
        return [200, { ticks: [{ symbol: 'AAPL' }] }];
      default:
        return [404, { code: 'NOT_FOUND', message: path }];
    }
  };

  const serve = (request: IncomingMessage, response: ServerResponse, text: string) => {
    const path = (request.url ?? '').replace(/\?.*$/, '').replace(/\/orders\/.+$/, '/orders/:id');
    const key = `${request.method} ${path}`;
    calls.set(key, (calls.get(key) ?? 0) + 1);
    if (faults.dropConnections === true) {
      request.socket.destroy();
      return;
    }
    const [status, body] = answer(request.method ?? '', path, text === '' ? undefined : JSON.parse(text));
    later(faults.delayMs, () => {
      response.writeHead(faults.status ?? status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    });
  };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => serve(request, response, Buffer.concat(chunks).toString()));
  });

  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    if (faults.sockets === 'refuse') {
      socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => accept(client, request.url ?? ''));
  });

  const accept = (socket: WebSocket, path: string) => {
    const client = { socket, symbols: new Set<string>() };
    clients.add(client);
    socket.on('close', () => clients.delete(client));
    if (path === '/ws/metrics' && faults.sockets !== 'mute') socket.send('{"type":"metrics"}');
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as { action: string; symbols?: string[] };
      if (message.action === 'subscribe') {
        client.symbols = new Set(message.symbols);
        socket.send(JSON.stringify({ type: 'subscribed', symbols: message.symbols }));
        const first = [...client.symbols].map((symbol) => ({ type: 'tick', symbol, price: '101.5' }));
        socket.send(JSON.stringify(first));
      } else if (faults.sockets === 'close') {
        socket.close();
      } else if (faults.sockets !== 'mute') {
        later(faults.socketDelayMs, () => socket.send('{"type":"pong"}'));
      }
    });
  };

  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    close: () =>
      new Promise((resolve) => {
        for (const { socket } of clients) socket.terminate();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

export interface SeenRequest {
  service: 'orchestrator' | 'observability-api';
  method: string;
  path: string;
  body: unknown;
  headers: IncomingMessage['headers'];
}

/**
 * Small doubles of orchestrator and observability-api: they answer what a test puts in `answers`, record what
 * they were asked, and send what they are told to over `/ws/metrics`.
 */
export interface BundleDouble {
  ports: { orchestrator: number; observability: number };
  requests: SeenRequest[];
  /** By `METHOD /path` without query. */
  answers: Map<string, { status: number; body: unknown }>;
  sockets: Set<WebSocket>;
  /** What clients sent over WebSockets. */
  messages: string[];
  send(message: unknown): void;
  /** Closes everything of one service, as if it had died. */
  kill(service: SeenRequest['service']): Promise<void>;
  close(): Promise<void>;
}

export async function startBundleDouble(): Promise<BundleDouble> {
  const requests: SeenRequest[] = [];
  const answers = new Map<string, { status: number; body: unknown }>();
  const sockets = new Set<WebSocket>();
  const messages: string[] = [];
  const servers = new Map<SeenRequest['service'], Server>();
  const websockets: WebSocketServer[] = [];

  async function serve(service: SeenRequest['service']): Promise<number> {
    const server = createServer((request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      request.on('end', () => {
        const [path = '/'] = (request.url ?? '/').split('?');
        const method = request.method ?? 'GET';
        const body: unknown = text === '' ? undefined : JSON.parse(text);
        requests.push({ service, method, path: request.url ?? '/', body, headers: request.headers });
        const answer =
          answers.get(`${method} ${path}`) ??
          (path.startsWith('/health')
            ? { status: 200, body: { status: 'healthy', ready: true, checks: {} } }
            : { status: 404, body: { code: 'NOT_FOUND', message: `the double knows no ${method} ${path}` } });
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
      });
    });
    const sockets_ = new WebSocketServer({ server });
    websockets.push(sockets_);
    sockets_.on('connection', (socket, request) => {
      requests.push({ service, method: 'WS', path: request.url ?? '/', body: undefined, headers: request.headers });
      sockets.add(socket);
      socket.on('message', (data: Buffer) => messages.push(data.toString('utf8')));
      socket.on('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.set(service, server);
    return (server.address() as AddressInfo).port;
  }

  async function kill(service: SeenRequest['service']): Promise<void> {
    const server = servers.get(service);
    servers.delete(service);
    if (server === undefined) return;
    for (const socket of sockets) socket.terminate();
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  return {
    ports: { orchestrator: await serve('orchestrator'), observability: await serve('observability-api') },
    requests,
    answers,
    sockets,
    messages,
    send(message) {
      for (const socket of sockets) socket.send(JSON.stringify(message));
    },
    kill,
    async close() {
      for (const each of websockets) each.close();
      await kill('orchestrator');
      await kill('observability-api');
    },
  };
}

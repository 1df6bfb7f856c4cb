import { Compile } from 'typebox/compile';
import { Type } from 'typebox';
import type { WebSocket } from 'ws';
import type { ServiceApp } from '@papergate/service-kit';
import type { HubClient, TickHub } from './hub.ts';

const Symbols = Type.Array(Type.String({ pattern: '^(\\*|[A-Z][A-Z0-9]{0,9}([./][A-Z0-9]{1,5})?)$' }), {
  minItems: 1,
  maxItems: 1_000,
});
const message = Compile(
  Type.Union([
    Type.Object({ action: Type.Enum(['subscribe', 'unsubscribe']), symbols: Symbols }),
    Type.Object({ action: Type.Literal('ping') }),
  ]),
);
const MAX_SYMBOLS = 1_000;
/** A viewer that answers no ping within this time is gone, even where its connection has not noticed. */
const LIVENESS_MS = 15_000;

export interface StreamRoutes {
  maxClients?: number;
  onViewers?: (count: number) => void;
}

/** `WS /ws/market_data`; docs/architecture.md has the messages. */
export function streamRoutes(app: ServiceApp, hub: TickHub, options: StreamRoutes = {}): void {
  const { maxClients = 1_000, onViewers } = options;
  app.get('/ws/market_data', { websocket: true }, (socket) => {
    if (hub.clients >= maxClients) {
      socket.close(1013, `at most ${maxClients} viewers`);
      return;
    }
    const client = hub.join(socket);
    onViewers?.(hub.clients);
    const stopWatching = watchLiveness(socket);
    socket.on('message', (data) => answer(socket, client, textOf(data)));
    socket.on('error', () => socket.terminate());
    socket.on('close', () => {
      stopWatching();
      client.leave();
      onViewers?.(hub.clients);
    });
  });
}

function answer(socket: WebSocket, client: HubClient, text: string): void {
  const request = parse(text);
  if (!message.Check(request)) {
    return tell(socket, {
      type: 'error',
      code: 'BAD_MESSAGE',
      message: 'allowed: {"action":"subscribe"|"unsubscribe","symbols":["AAPL"]} (["*"]: all) and {"action":"ping"}',
    });
  }
  if (request.action === 'ping') return tell(socket, { type: 'pong' });
  if (request.action === 'unsubscribe') client.unsubscribe(request.symbols);
  else if (new Set([...client.symbols(), ...request.symbols]).size > MAX_SYMBOLS) {
    return tell(socket, {
      type: 'error',
      code: 'TOO_MANY_SYMBOLS',
      message: `at most ${MAX_SYMBOLS} symbols; use ["*"]`,
    });
  } else client.subscribe(request.symbols);
  return tell(socket, { type: 'subscribed', symbols: client.symbols() });
}

function watchLiveness(socket: WebSocket): () => void {
  let alive = true;
  socket.on('pong', () => {
    alive = true;
  });
  const timer = setInterval(() => {
    if (!alive) return socket.terminate();
    alive = false;
    socket.ping();
  }, LIVENESS_MS);
  timer.unref();
  return () => clearInterval(timer);
}

const tell = (socket: WebSocket, body: object): void => socket.send(JSON.stringify(body));

function textOf(data: Buffer | ArrayBuffer | Buffer[]): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8');
  return Buffer.from(data as Buffer).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

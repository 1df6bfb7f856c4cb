import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { WebSocket } from 'ws';
import type { ServiceApp } from '@papergate/service-kit';
import { EVENT_KINDS, type LiveClient, type LiveHub } from './hub.ts';

const request = Compile(
  Type.Union([
    Type.Object({ action: Type.Literal('ping') }),
    Type.Object({
      action: Type.Literal('subscribe'),
      topics: Type.Array(Type.Enum([...EVENT_KINDS]), { minItems: 1, maxItems: EVENT_KINDS.length }),
    }),
  ]),
);
const PONG = '{"type":"pong"}';
const LIVENESS_MS = 15_000;

export interface LiveRoutes {
  maxClients?: number;
  onClients?: (count: number) => void;
  /** The message that a new client gets at once, so that it need not wait for the next second. */
  first: () => object | undefined;
}

/** `WS /ws/metrics`: `{"type":"metrics",…}` each second; `{"action":"ping"}` (or the text `ping`) → `{"type":"pong"}`. */
export function liveRoutes(app: ServiceApp, hub: LiveHub, options: LiveRoutes): void {
  const { maxClients = 1_000, onClients, first } = options;
  app.get('/ws/metrics', { websocket: true, schema: { hide: true } }, (socket) => {
    if (hub.clients >= maxClients) {
      socket.close(1013, `at most ${maxClients} clients`);
      return;
    }
    const client = hub.join(socket);
    onClients?.(hub.clients);
    const stopWatching = watchLiveness(socket);
    socket.on('message', (data) => answer(socket, client, textOf(data)));
    socket.on('error', () => socket.terminate());
    socket.on('close', () => {
      stopWatching();
      client.leave();
      onClients?.(hub.clients);
    });
    const message = first();
    if (message !== undefined) socket.send(JSON.stringify(message));
  });
}

function answer(socket: WebSocket, client: LiveClient, text: string): void {
  if (text === 'ping') return socket.send(PONG);
  const message = parse(text);
  if (!request.Check(message)) {
    return socket.send(
      JSON.stringify({
        type: 'error',
        code: 'BAD_MESSAGE',
        message: `allowed: {"action":"ping"} and {"action":"subscribe","topics":[…]} with ${EVENT_KINDS.join(', ')}`,
      }),
    );
  }
  if (message.action === 'ping') return socket.send(PONG);
  return socket.send(JSON.stringify({ type: 'subscribed', topics: client.subscribe(message.topics) }));
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

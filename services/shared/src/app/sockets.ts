import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import type { TokenDirectory } from '../access/directory.ts';

/** 1008, policy violation: connecting again with the same token is of no use. */
const POLICY_VIOLATION = 1008;
/** Node takes no longer one. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Closes a WebSocket when the token of whoever opened it ends: a request is asked for its token each time, a connection
 * only once. After the registration of `@fastify/websocket`.
 */
export function endWithToken(app: FastifyInstance, directory: Pick<TokenDirectory, 'remaining'>): void {
  const requests = new WeakMap<IncomingMessage, FastifyRequest>();
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.ws) requests.set(request.raw, request);
    done();
  });
  app.websocketServer.on('connection', (socket: WebSocket, raw: IncomingMessage) => {
    const name = requests.get(raw)?.actor.name;
    if (name === undefined) return;
    let timer: NodeJS.Timeout | undefined;
    const look = (): void => {
      const remaining = directory.remaining(name);
      if (remaining <= 0) return socket.close(POLICY_VIOLATION, `the token "${name}" has expired`);
      if (remaining === Infinity) return;
      timer = setTimeout(look, Math.min(remaining, LONGEST_TIMER_MS)).unref();
    };
    look();
    socket.once('close', () => clearTimeout(timer));
  });
}

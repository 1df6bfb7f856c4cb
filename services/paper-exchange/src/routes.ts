import type { FastifyInstance, FastifyRequest } from 'fastify';
import { alpacaRest } from './rest/alpaca.ts';
import { simRoutes, type SimAccess } from './sim/sim-routes.ts';
import type { Exchange } from './exchange.ts';
import { FEEDS } from './streams/data-stream.ts';
import type { StreamSocket } from './streams/socket.ts';

/** Paths that need no token of the bundle: they carry Alpaca's own authentication, or answer to loopback alone. */
export const openPaths = (sim: SimAccess): string[] => [
  '/v2',
  '/v3',
  '/stream',
  ...(sim === 'loopback' ? ['/sim'] : []),
];

/** Everything the exchange serves, on any app that has `@fastify/websocket`. */
export async function exchangeRoutes(
  app: FastifyInstance,
  exchange: Exchange,
  sim: SimAccess = 'loopback',
): Promise<void> {
  await app.register(simRoutes, { exchange, access: sim });
  await app.register(async (streams) => {
    streams.get('/stream', { websocket: true }, (socket: StreamSocket, request: FastifyRequest) => {
      exchange.updates.connect(socket, request.headers);
    });
    for (const feed of FEEDS) {
      streams.get(`/v2/${feed}`, { websocket: true }, (socket: StreamSocket, request: FastifyRequest) => {
        exchange.data.connect(feed, socket, request.headers);
      });
    }
  });
  await app.register(alpacaRest, { exchange });
}

import websocket from '@fastify/websocket';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Exchange } from './exchange.ts';
import { exchangeRoutes } from './routes.ts';

/** The exchange alone, without the bundle's health, metrics and tokens: for tests and `papergate exchange`. Built, not listening. */
export async function buildApp(exchange: Exchange): Promise<FastifyInstance> {
  const app = Fastify({ bodyLimit: 4 * 1024 * 1024, forceCloseConnections: true });
  await app.register(websocket, { options: { maxPayload: 1024 * 1024 } });
  app.get('/health', () => ({ status: 'healthy', service: 'paper-exchange' }));
  await exchangeRoutes(app, exchange);
  return app;
}

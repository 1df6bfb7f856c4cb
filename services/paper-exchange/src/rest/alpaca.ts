import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AlpacaError, refusals } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import { accountRoutes } from './account-routes.ts';
import { marketRoutes } from './market-routes.ts';
import { orderRoutes } from './order-routes.ts';
import { positionRoutes } from './position-routes.ts';

/**
 * Alpaca's trading REST: request id, key, limit, faults, then the routes; errors in Alpaca's own shape.
 * Registered in a context of its own, so that none of it reaches the service's other routes.
 */
export async function alpacaRest(app: FastifyInstance, { exchange }: { exchange: Exchange }): Promise<void> {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', randomUUID().replaceAll('-', ''));
    const rate = exchange.limiter.take();
    if (rate !== undefined) {
      reply.header('x-ratelimit-limit', rate.limit);
      reply.header('x-ratelimit-remaining', rate.remaining);
      reply.header('x-ratelimit-reset', rate.reset);
    }
    const key = request.headers['apca-api-key-id'];
    const secret = request.headers['apca-api-secret-key'];
    if (key === undefined || secret === undefined) throw refusals.unauthorized();
    if (!exchange.authenticate(key, secret)) throw refusals.forbiddenKey();
    if (rate?.exceeded === true) throw refusals.rateLimited();
  });
  app.addHook('preHandler', (request) => strikeBefore(exchange, request));
  app.addHook('onSend', async (request, reply, payload) => {
    strikeAfter(exchange, request, reply);
    return payload;
  });
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply));

  orderRoutes(app, exchange);
  positionRoutes(app, exchange);
  accountRoutes(app, exchange);
  marketRoutes(app, exchange);
  // A route, not a not-found handler: those of the app around this context are its own.
  for (const path of ['/v2/*', '/v3/*']) {
    app.all(path, () => {
      throw refusals.notFound('endpoint not found');
    });
  }
}

const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '';

/** The symbol a request is about, where it names one. */
function subjectOf(exchange: Exchange, request: FastifyRequest) {
  const { symbol: inBody } = (request.body ?? {}) as { symbol?: unknown };
  const { id } = (request.params ?? {}) as { id?: string };
  const symbol =
    typeof inBody === 'string' ? inBody : id === undefined ? undefined : (exchange.store.get(id)?.symbol ?? id);
  return { method: request.method, path: pathOf(request), ...(symbol === undefined ? {} : { symbol }) };
}

async function strikeBefore(exchange: Exchange, request: FastifyRequest): Promise<void> {
  const { faults } = exchange;
  if (!faults.any) return;
  const subject = subjectOf(exchange, request);
  const late = faults.strike('delay', subject);
  if (late !== undefined) await delay(late.ms);
  const failing = faults.strike('status', subject);
  if (failing === undefined) return;
  if (failing.status === 429) throw refusals.rateLimited();
  if (failing.status === 500) throw refusals.internal();
  throw new AlpacaError(
    failing.status,
    failing.status * 100_000 + 10_000,
    `fault ${failing.id}: status ${failing.status}`,
  );
}

/** The request was carried out; its answer goes missing on the wire. Refusals are answered. */
function strikeAfter(exchange: Exchange, request: FastifyRequest, reply: FastifyReply): void {
  if (!exchange.faults.any || reply.statusCode >= 300) return;
  if (exchange.faults.strike('lost_answer', subjectOf(exchange, request)) === undefined) return;
  request.raw.socket.destroy();
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error instanceof AlpacaError) {
    if (error.status === 429) reply.header('retry-after', 1);
    return reply.code(error.status).send(error.body());
  }
  const { statusCode, message } = error as { statusCode?: number; message?: string };
  if (statusCode !== undefined && statusCode < 500) {
    const refusal = refusals.malformed(`request body format is invalid: ${message ?? ''}`);
    return reply.code(statusCode).send(refusal.body());
  }
  request.log.error({ err: error, url: pathOf(request) }, 'request failed');
  return reply.code(500).send(refusals.internal().body());
}

import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

const POLL_MS = 5;

/**
 * Lets requests that have begun be answered before the app closes; closing then cuts what is left. Without it
 * a stop would break off an order whose answer the client then never gets. WebSockets are not waited for.
 */
export function finishRequests(app: FastifyInstance, patienceMs: number): void {
  const active = new Set<object>();
  app.addHook('onRequest', (request, reply, done) => {
    if (!request.ws) {
      active.add(request);
      // An aborted request never finishes, and an injected one never closes: either ends it, and a second time is none.
      const end = (): void => void active.delete(request);
      reply.raw.on('finish', end).on('close', end);
    }
    done();
  });
  app.addHook('preClose', async () => {
    const deadline = performance.now() + patienceMs;
    while (active.size > 0 && performance.now() < deadline) await delay(POLL_MS);
  });
}

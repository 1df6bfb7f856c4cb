import { Pool } from 'undici';
import { messageOf, type Secret } from '@papergate/config';
import { actingHeaders, HttpError, type ServiceApp } from '@papergate/service-kit';
import { pathBehind, type Mount } from './allowed.ts';

export interface ProxyOptions {
  /** `/api/orchestrator` */
  at: string;
  name: string;
  url: string;
  token: Secret | undefined;
  mount: Mount;
}

/** An emergency stop answers only when the broker has confirmed; everything else is much faster. */
const PATIENCE_MS = 40_000;

/** Passes requests of the page on, in the name of who asks, with the bundle's token, which the page never sees. Status, body and Retry-After come back as they are. */
export function proxyHttp(app: ServiceApp, options: ProxyOptions): void {
  const { at, name, url, token, mount } = options;
  const pool = new Pool(url, { connections: 16, connect: { timeout: 2_000 } });
  app.addHook('onClose', () => pool.destroy());

  app.route({
    method: ['GET', 'POST'],
    url: `${at}/*`,
    // Whether this person may is decided where it is done.
    config: { role: 'viewer' },
    handler: async (request, reply) => {
      const [path = '', query] = request.url.slice(at.length + 1).split('?', 2);
      const behind = pathBehind(mount, request.method, path);
      if (behind === undefined) {
        throw new HttpError(404, 'NOT_FOUND', `the dashboard does not pass ${request.method} ${path} on to ${name}`);
      }
      try {
        const answer = await pool.request({
          method: request.method,
          path: query === undefined ? behind : `${behind}?${query}`,
          headers: {
            ...(token === undefined ? {} : { authorization: `Bearer ${token.reveal()}`, ...actingHeaders(request) }),
            ...(request.method === 'GET' ? {} : { 'content-type': 'application/json' }),
          },
          ...(request.method === 'GET' ? {} : { body: JSON.stringify(request.body ?? {}) }),
          signal: AbortSignal.timeout(PATIENCE_MS),
          headersTimeout: PATIENCE_MS,
        });
        const text = await answer.body.text();
        const retryAfter = answer.headers['retry-after'];
        if (typeof retryAfter === 'string') void reply.header('retry-after', retryAfter);
        return await reply
          .code(answer.statusCode)
          .header('cache-control', 'no-store')
          .type('application/json; charset=utf-8')
          .send(text);
      } catch (error) {
        throw new HttpError(503, 'SERVICE_UNREACHABLE', `${name} does not answer: ${messageOf(error)}`, {
          fix: `start ${name}, or look into its log`,
          headers: { 'retry-after': '1' },
          cause: error,
        });
      }
    },
  });
}

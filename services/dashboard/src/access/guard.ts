import type { FastifyRequest } from 'fastify';
import { HttpError, type ServiceApp } from '@papergate/service-kit';
import { sessionOf, type Sessions } from './sessions.ts';

/** A header that a form or an image of another site cannot send. */
export const INTENT_HEADER = 'x-papergate-dashboard';

/** What anybody who reaches the port may see: the page itself, which is public code, and whether to sign in. */
const OPEN = /^\/(?:$|index\.html$|style\.css$|icon\.svg$|js\/|vendor\/|health(?:\/|$)|session$)/;

/**
 * Host and Origin are checked by the kit. Here: a token or a session for everything that is not the page, and
 * for everything that changes something JSON and the intent header, so that no other site can make a browser do it.
 */
export function guardDashboard(app: ServiceApp, sessions: Sessions): void {
  app.addHook('onRequest', async (request) => {
    const path = request.url.split('?', 1)[0] ?? '';
    if (sessions.required && !OPEN.test(path) && !isKnown(request, sessions)) {
      throw new HttpError(401, 'UNAUTHORIZED', 'sign in first', {
        fix: 'open the page and enter the API token, or send Authorization: Bearer <API_TOKEN>',
        headers: { 'www-authenticate': 'Bearer' },
      });
    }
    if (request.method === 'GET' || request.method === 'HEAD') return;
    if (request.headers[INTENT_HEADER] === undefined) {
      throw new HttpError(403, 'INTENT_MISSING', `a request that changes something needs the header ${INTENT_HEADER}`);
    }
    if (!/^application\/json(?:;|$)/.test(request.headers['content-type'] ?? '')) {
      throw new HttpError(415, 'JSON_REQUIRED', 'a request that changes something is application/json');
    }
  });
}

export function isKnown(request: Pick<FastifyRequest, 'headers'>, sessions: Sessions): boolean {
  const bearer = /^Bearer ([\x21-\x7e]+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return sessions.matches(bearer);
  return sessions.isOpen(sessionOf(request.headers.cookie));
}

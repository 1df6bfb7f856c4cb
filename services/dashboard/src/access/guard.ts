import type { FastifyRequest } from 'fastify';
import {
  HttpError,
  presentedToken,
  requiredRole,
  type AccessControl,
  type Actor,
  type Identity,
  type ServiceApp,
} from '@papergate/service-kit';
import { sessionOf, type Sessions } from './sessions.ts';

/** A header that a form or an image of another site cannot send. */
export const INTENT_HEADER = 'x-papergate-dashboard';

/** What anybody who reaches the port may see: the page itself, which is public code, and whether to sign in. */
const OPEN = /^\/(?:$|index\.html$|style\.css$|icon\.svg$|js\/|vendor\/|health(?:\/|$)|session$)/;

/**
 * Host and Origin are checked by the kit. Here: a token or a session, and its role, for everything that is not the page, and
 * for everything that changes something JSON and the intent header, so that no other site can make a browser do it.
 */
export function guardDashboard(app: ServiceApp, sessions: Sessions, access: AccessControl): void {
  app.addHook('onRequest', async (request) => {
    const path = request.url.split('?', 1)[0] ?? '';
    if (sessions.required && !OPEN.test(path)) {
      request.actor = admit(request, sessions, access);
      if (!request.is404) access.requireRole(request.actor, requiredRole(request.method, request.routeOptions.config));
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

function admit(request: FastifyRequest, sessions: Sessions, access: AccessControl): Actor {
  const token = presentedToken(request);
  if (token !== undefined) return access.admit(request, token);
  const identity = sessions.identify(sessionOf(request.headers.cookie));
  if (identity.kind === 'unknown') {
    access.refuse(
      'missing',
      new HttpError(401, 'UNAUTHORIZED', 'sign in first', {
        fix: 'open the page and enter your token, or send Authorization: Bearer <token>',
        headers: { 'www-authenticate': 'Bearer' },
      }),
    );
  }
  return access.enter(identity);
}

/** Who asks, without anything coming of it. */
export function whoIs(request: FastifyRequest, sessions: Sessions, access: AccessControl): Identity {
  const token = presentedToken(request);
  return token === undefined ? sessions.identify(sessionOf(request.headers.cookie)) : access.directory.identify(token);
}

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ANONYMOUS, NOBODY } from '../access/actor.ts';
import { requiredRole, type AccessControl } from '../access/control.ts';
import { HttpError, sendHttpError } from './http-error.ts';

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '::1']);

export function isLoopback(host: string): boolean {
  return LOOPBACK.has(host.replace(/^\[|\]$/g, '').toLowerCase()) || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** The host of a Host header, without its port; undefined where it is malformed. */
function hostName(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const match = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?$/.exec(header);
  return match?.[1]?.toLowerCase();
}

/** The token of a request: the bearer header, or for WebSockets, which browsers cannot give headers, the subprotocol `bearer.<token>`. */
export function presentedToken(request: Pick<FastifyRequest, 'headers'>): string | undefined {
  const bearer = /^Bearer ([\x21-\x7e]+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  const protocols = request.headers['sec-websocket-protocol'] ?? '';
  return protocols
    .split(',')
    .map((protocol) => protocol.trim())
    .find((protocol) => protocol.startsWith('bearer.'))
    ?.slice('bearer.'.length);
}

export interface GuardOptions {
  access: AccessControl;
  /** Host names beside loopback under which the service may be called: its own. */
  hosts: string[];
  /** Whether a path carries its own authentication or needs none. */
  open: (path: string) => boolean;
}

/**
 * Host, Origin, token and role, in this order. The first two keep a page in somebody's browser from driving a
 * service on loopback (DNS rebinding, cross-site requests); they hold with and without a token.
 */
export function guardRequests(app: FastifyInstance, { access, hosts, open }: GuardOptions): void {
  const own = new Set(hosts.map((host) => host.toLowerCase()));
  app.decorateRequest('actor');
  app.addHook('onRequest', (request, reply, done): void => {
    try {
      refuseForeign(request);
      admit(request);
    } catch (error) {
      // Answered here: routes may have an error handler of their own, and all services refuse in the same words.
      if (!(error instanceof HttpError)) throw error;
      void sendHttpError(reply, error);
      return;
    }
    done();
  });

  function refuseForeign({ headers }: FastifyRequest): void {
    const host = hostName(headers.host);
    if (host === undefined || !(isLoopback(host) || own.has(host))) {
      access.refuse('host', new HttpError(403, 'HOST_REFUSED', 'the Host header is not this service'));
    }
    const { origin } = headers;
    if (origin !== undefined && origin !== `http://${headers.host}` && origin !== `https://${headers.host}`) {
      access.refuse('origin', new HttpError(403, 'ORIGIN_REFUSED', 'the Origin header is not this service'));
    }
  }

  function admit(request: FastifyRequest): void {
    if (!access.directory.required) request.actor = ANONYMOUS;
    else if (open(request.url.split('?', 1)[0] ?? '')) request.actor = NOBODY;
    else {
      request.actor = access.admit(request, presentedToken(request));
      // What is not there is 404 for everybody who may look.
      if (!request.is404) access.requireRole(request.actor, requiredRole(request.method, request.routeOptions.config));
    }
  }
}

/** `/health` and what else needs no token: each path itself, and what lies below it. */
export function openPaths(more: readonly string[] = []): (path: string) => boolean {
  const prefixes = ['/health', ...more];
  return (path) =>
    prefixes.some((prefix) => path === prefix || path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`));
}

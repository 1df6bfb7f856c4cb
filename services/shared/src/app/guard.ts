import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Secret } from '@papergate/config';

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
function presentedToken(request: FastifyRequest): string | undefined {
  const bearer = /^Bearer ([\x21-\x7e]+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  const protocols = request.headers['sec-websocket-protocol'] ?? '';
  return protocols
    .split(',')
    .map((protocol) => protocol.trim())
    .find((protocol) => protocol.startsWith('bearer.'))
    ?.slice('bearer.'.length);
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

function sameSecret(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

export interface GuardOptions {
  token: Secret | undefined;
  /** Host names beside loopback under which the service may be called: its own. */
  hosts: string[];
  /** Paths (prefixes) that carry their own authentication or need none. */
  open?: string[];
}

/**
 * Host, Origin and token, in this order. The first two keep a page in somebody's browser from driving a
 * service on loopback (DNS rebinding, cross-site requests); they hold with and without a token.
 */
export function guardRequests(app: FastifyInstance, options: GuardOptions): void {
  const own = new Set(options.hosts.map((host) => host.toLowerCase()));
  const open = ['/health', ...(options.open ?? [])];
  app.addHook('onRequest', async (request, reply): Promise<unknown> => {
    const host = hostName(request.headers.host);
    if (host === undefined || !(isLoopback(host) || own.has(host))) {
      return reply.code(403).send({ code: 'HOST_REFUSED', message: 'the Host header is not this service' });
    }
    const { origin } = request.headers;
    if (
      origin !== undefined &&
      origin !== `http://${request.headers.host}` &&
      origin !== `https://${request.headers.host}`
    ) {
      return reply.code(403).send({ code: 'ORIGIN_REFUSED', message: 'the Origin header is not this service' });
    }
    const path = request.url.split('?', 1)[0] ?? '';
    if (open.some((prefix) => path === prefix || path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`)))
      return undefined;
    if (options.token === undefined) return undefined;
    const presented = presentedToken(request);
    if (presented === undefined || !sameSecret(presented, options.token.reveal())) {
      return reply.code(401).header('www-authenticate', 'Bearer').send({
        code: 'UNAUTHORIZED',
        message: 'a valid bearer token is required',
        fix: 'send Authorization: Bearer <API_TOKEN>',
      });
    }
    return undefined;
  });
}

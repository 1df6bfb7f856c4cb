import type { FastifyRequest } from 'fastify';
import { covers, type Role, type RuntimeEnv } from '@papergate/config';
import { HttpError } from '../app/http-error.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { forwardedActor, forwardedId, type Actor } from './actor.ts';
import { TokenDirectory, type Identity } from './directory.ts';
import { RateLimiter } from './limiter.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** On whose behalf it acts; there after the guard. */
    actor: Actor;
  }
  interface FastifyContextConfig {
    /** What a token must be to use the route. Left out: `viewer` to read, `operator` for everything else. */
    role?: Role;
  }
}

export type RefusalReason = 'host' | 'origin' | 'missing' | 'unknown' | 'expired' | 'role' | 'rate';
const REASONS: readonly RefusalReason[] = ['host', 'origin', 'missing', 'unknown', 'expired', 'role', 'rate'];
const READS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** What a route asks for. A route that changes something and does not say who may is for operators. */
export function requiredRole(methods: string | readonly string[], config: { role?: Role } | undefined): Role {
  if (config?.role !== undefined) return config.role;
  return [methods].flat().every((method) => READS.has(method.toUpperCase())) ? 'viewer' : 'operator';
}

export interface AccessOptions {
  env: Pick<RuntimeEnv, 'apiToken' | 'accessTokens'>;
  metrics: Pick<Metrics, 'counter'>;
  /** ms since 1970, for the end of tokens. */
  now?: () => number;
  /** Monotonic ms, for rates. */
  ticks?: () => number;
}

/** Decides who a request is and what it may do; every refusal is counted by its reason. */
export class AccessControl {
  readonly directory: TokenDirectory;
  readonly #limiter: RateLimiter;
  readonly #refused: { inc(labels: { reason: RefusalReason }, by?: number): void };

  constructor({ env, metrics, now, ticks }: AccessOptions) {
    this.directory = new TokenDirectory({
      own: env.apiToken,
      tokens: env.accessTokens,
      ...(now === undefined ? {} : { now }),
    });
    this.#limiter = new RateLimiter(ticks);
    const refused = metrics.counter('access_refused_total', 'Requests refused at the door, by reason', ['reason']);
    for (const reason of REASONS) refused.inc({ reason }, 0);
    this.#refused = refused;
  }

  refuse(reason: RefusalReason, error: HttpError): never {
    this.#refused.inc({ reason });
    throw error;
  }

  /** Who presents this token. @throws HttpError 401 UNAUTHORIZED, 429 RATE_LIMITED */
  admit(request: FastifyRequest, token: string | undefined): Actor {
    if (token === undefined) this.refuse('missing', unauthorized('a bearer token is required'));
    const identity = this.directory.identify(token);
    if (identity.kind === 'known' && identity.own) {
      const id = forwardedId(request.headers);
      if (id !== undefined) request.id = id;
      return forwardedActor(request.headers, (name) => this.directory.roleOf(name)) ?? identity.actor;
    }
    return this.enter(identity);
  }

  /** The same for somebody who was recognised by other means, such as a session. */
  enter(identity: Identity): Actor {
    if (identity.kind === 'unknown') this.refuse('unknown', unauthorized('the bearer token is not one of this bundle'));
    if (identity.kind === 'expired') {
      this.refuse('expired', unauthorized(`the token "${identity.name}" has expired`));
    }
    const { actor, requestsPerSecond } = identity;
    const wait = requestsPerSecond === undefined ? 0 : this.#limiter.take(actor.name, requestsPerSecond);
    if (wait > 0) {
      this.refuse(
        'rate',
        new HttpError(
          429,
          'RATE_LIMITED',
          `the token "${actor.name}" is good for ${requestsPerSecond} requests a second`,
          {
            fix: 'send it again after the seconds in Retry-After; requests_per_second of its entry in ACCESS_TOKENS is the limit',
            headers: { 'retry-after': String(Math.ceil(wait / 1000)) },
          },
        ),
      );
    }
    return actor;
  }

  /** @throws HttpError 403 ROLE_REQUIRED */
  requireRole(actor: Actor, needed: Role): void {
    if (covers(actor.role, needed)) return;
    this.refuse(
      'role',
      new HttpError(403, 'ROLE_REQUIRED', `"${actor.name}" is a ${actor.role}; this needs a token of role ${needed}`, {
        fix: `ask who runs the bundle for a token of role ${needed}`,
      }),
    );
  }
}

const unauthorized = (message: string): HttpError =>
  new HttpError(401, 'UNAUTHORIZED', message, {
    fix: 'send Authorization: Bearer <token>; "npx papergate token" makes one',
    headers: { 'www-authenticate': 'Bearer' },
  });

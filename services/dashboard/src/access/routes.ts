import { Type } from 'typebox';
import { tradingMode, type RuntimeEnv } from '@papergate/config';
import { ANONYMOUS, HttpError, type AccessControl, type ServiceApp } from '@papergate/service-kit';
import { whoIs } from './guard.ts';
import { SESSION_COOKIE, sessionOf, type Sessions } from './sessions.ts';

const SignInBody = Type.Object(
  { token: Type.String({ minLength: 1, maxLength: 1_000 }) },
  { additionalProperties: false },
);

/** `/session`: who one is, signing in and out. */
export function sessionRoutes(app: ServiceApp, sessions: Sessions, access: AccessControl, env: RuntimeEnv): void {
  app.get('/session', (request) => {
    const identity = whoIs(request, sessions, access);
    const actor = sessions.required ? (identity.kind === 'known' ? identity.actor : undefined) : ANONYMOUS;
    return {
      signed_in: actor !== undefined,
      token_required: sessions.required,
      // Told to everybody: the badge must be right on the sign-in page, too.
      environment: env.environment,
      trading_mode: tradingMode(env),
      alpaca_paper: env.alpacaPaper,
      ...(actor === undefined ? {} : { release: env.releaseSha, name: actor.name, role: actor.role }),
    };
  });

  app.post('/session', { schema: { body: SignInBody }, config: { role: 'viewer' } }, (request, reply) => {
    const result = sessions.signIn(request.body.token);
    if ('refused' in result) {
      if (result.refused === 'too_many') {
        throw new HttpError(429, 'TOO_MANY_TRIES', 'too many wrong tokens; wait a minute', {
          headers: { 'retry-after': '60' },
        });
      }
      const why =
        result.refused === 'expired' ? `the token "${result.name}" has expired` : 'that is not a token of this bundle';
      throw new HttpError(401, 'UNAUTHORIZED', why);
    }
    const cookie = `${SESSION_COOKIE}=${result.session}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${result.maxAgeSeconds}`;
    return reply.header('set-cookie', cookie).send({ signed_in: true });
  });

  app.delete('/session', { config: { role: 'viewer' } }, (request, reply) => {
    sessions.signOut(sessionOf(request.headers.cookie));
    return reply
      .header('set-cookie', `${SESSION_COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`)
      .send({ signed_in: false });
  });
}

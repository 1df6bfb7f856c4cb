import { Type } from 'typebox';
import { tradingMode, type RuntimeEnv } from '@papergate/config';
import { HttpError, type ServiceApp } from '@papergate/service-kit';
import { isKnown } from './guard.ts';
import { SESSION_COOKIE, sessionOf, type Sessions } from './sessions.ts';

const SignInBody = Type.Object(
  { token: Type.String({ minLength: 1, maxLength: 1_000 }) },
  { additionalProperties: false },
);

/** `/session`: who one is, signing in and out. */
export function sessionRoutes(app: ServiceApp, sessions: Sessions, env: RuntimeEnv): void {
  app.get('/session', (request) => {
    const known = !sessions.required || isKnown(request, sessions);
    return {
      signed_in: known,
      token_required: sessions.required,
      // Told to everybody: the badge must be right on the sign-in page, too.
      environment: env.environment,
      trading_mode: tradingMode(env),
      alpaca_paper: env.alpacaPaper,
      ...(known ? { release: env.releaseSha } : {}),
    };
  });

  app.post('/session', { schema: { body: SignInBody } }, (request, reply) => {
    const result = sessions.signIn(request.body.token);
    if ('refused' in result) {
      if (result.refused === 'too_many') {
        throw new HttpError(429, 'TOO_MANY_TRIES', 'too many wrong tokens; wait a minute', {
          headers: { 'retry-after': '60' },
        });
      }
      throw new HttpError(401, 'UNAUTHORIZED', 'that is not the API token');
    }
    const cookie = `${SESSION_COOKIE}=${result.session}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${result.maxAgeSeconds}`;
    return reply.header('set-cookie', cookie).send({ signed_in: true });
  });

  app.delete('/session', (request, reply) => {
    sessions.signOut(sessionOf(request.headers.cookie));
    return reply
      .header('set-cookie', `${SESSION_COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`)
      .send({ signed_in: false });
  });
}

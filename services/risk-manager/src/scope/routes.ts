import { Type } from 'typebox';
import { audited, HttpError, ReasonSchema, type AuditLog, type ServiceApp } from '@papergate/service-kit';
import type { Announcer } from '../breaker/announcer.ts';
import { newScopes } from './audit.ts';
import type { OrderScope } from './scope.ts';

export interface ScopeRouteOptions {
  scope: OrderScope;
  /** Tells execution-engine what is in force. */
  announcer: Pick<Announcer, 'changed' | 'last'>;
  /** The commit that runs. */
  release: string;
  /** All that the system configuration trades. */
  symbols: readonly string[];
  /** Who sets it, and why. */
  audit: Pick<AuditLog, 'record' | 'refused'>;
}

const Body = Type.Object(
  {
    release: Type.String({ maxLength: 64 }),
    stage: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,63}$' }),
    symbols: Type.Union([Type.Literal('all'), Type.Array(Type.String(), { maxItems: 10_000, uniqueItems: true })]),
    reason: ReasonSchema,
    set_by: ReasonSchema,
    ttl_seconds: Type.Optional(Type.Integer({ minimum: 5, maximum: 3600 })),
  },
  { additionalProperties: false },
);

/** What this side says of a scope by itself. */
const OURS = ['unset', 'expired'];

/** `GET` and `PUT /api/v1/scope`: what the release that runs may trade. */
export function addScopeRoutes(
  app: ServiceApp,
  { announcer, audit, release, scope, symbols }: ScopeRouteOptions,
): void {
  const onScopeSent = audited(audit, newScopes());
  app.get('/api/v1/scope', () => scope.view());
  app.put(
    '/api/v1/scope',
    { schema: { body: Body }, attachValidation: true, onSend: onScopeSent },
    async ({ body, validationError }) => {
      if (validationError !== undefined) throw invalid(validationError.message);
      if (body.release !== release) {
        throw new HttpError(
          409,
          'SCOPE_RELEASE',
          `the scope is for another release than the one that runs, ${release}`,
          {
            fix: 'ask GET /api/v1/scope which release runs; a scope belongs to one release',
          },
        );
      }
      if (OURS.includes(body.stage)) throw invalid(`stage is "${body.stage}", which says that none is set`);
      const strange = body.symbols === 'all' ? undefined : body.symbols.find((symbol) => !symbols.includes(symbol));
      if (strange !== undefined) {
        throw invalid(
          `symbols has ${JSON.stringify(strange.slice(0, 20))}, allowed: "all", or some of ${symbols.join(', ')}`,
        );
      }
      const before = announcer.last;
      const view = await scope.set({
        stage: body.stage,
        symbols: body.symbols,
        reason: body.reason,
        setBy: body.set_by,
        ttlSeconds: body.ttl_seconds,
      });
      // Whoever asks again asks for an answer of now, also where nothing changed by it.
      if (announcer.last === before && (await before) !== 'settled') announcer.changed();
      const engine = await announcer.last;
      if (engine !== 'under_way') return { ...view, engine };
      throw new HttpError(
        503,
        'ORDERS_UNDER_WAY',
        `the order scope "${view.stage}" is in force, but an order that was let go before is still on its way to the broker`,
        {
          fix: 'nothing more outside of it is sent; set it again until nothing is under way',
          headers: { 'retry-after': '1' },
        },
      );
    },
  );
}

const invalid = (message: string): HttpError =>
  new HttpError(400, 'SCOPE_INVALID', message, {
    fix: 'send {release, stage, symbols: "all" or a list, reason, set_by, ttl_seconds?: 5 to 3600}; none may be blank',
  });

import { Type } from 'typebox';
import type { ServiceApp } from '@papergate/service-kit';
import { passOn } from '../upstream/pass-on.ts';
import type { Upstream } from '../upstream/upstream.ts';

const AuditQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
    actor: Type.Optional(Type.String({ minLength: 1, maxLength: 128, pattern: '^[A-Za-z0-9._:-]+$' })),
    action: Type.Optional(Type.String({ minLength: 1, maxLength: 64, pattern: '^[a-z_.]+$' })),
    before: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
  },
  { additionalProperties: false },
);

/** `GET /api/v1/audit`, for operators: asked of observability-api, which reads the database. */
export function auditRoutes(app: ServiceApp, history: Upstream): void {
  app.get('/api/v1/audit', { schema: { querystring: AuditQuery }, config: { role: 'operator' } }, (request, reply) => {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(request.query)) query.set(key, String(value));
    const search = query.size === 0 ? '' : `?${query.toString()}`;
    return passOn(history, { method: 'GET', path: `/api/audit${search}`, acting: request }, reply);
  });
}

import { Type } from 'typebox';
import type { Pool, ServiceApp } from '@papergate/service-kit';
import { Nullable, Text } from '../docs/schemas.ts';

const AuditQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 100 })),
    actor: Type.Optional(Type.String({ minLength: 1, maxLength: 128, pattern: '^[A-Za-z0-9._:-]+$' })),
    action: Type.Optional(Type.String({ minLength: 1, maxLength: 64, pattern: '^[a-z_.]+$' })),
    before: Type.Optional(
      Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'rows older than the one of this id' }),
    ),
  },
  { additionalProperties: false },
);
const AuditRow = Type.Object({
  id: Type.Integer(),
  at: Text,
  service: Text,
  actor: Text,
  role: Text,
  action: Text,
  subject: Nullable(Text),
  reason: Nullable(Text),
  outcome: Text,
  request_id: Nullable(Text),
  release: Text,
});

/** `GET /api/audit`: who did what, newest first. Operators only: it names everybody who may trade here. */
export function auditRoutes(app: ServiceApp, pool: Pick<Pool, 'query'>): void {
  app.get(
    '/api/audit',
    {
      schema: {
        summary: 'Who placed, canceled, tripped, reset and stopped what, why, and what came of it; newest first',
        tags: ['audit'],
        querystring: AuditQuery,
        response: { 200: Type.Object({ audit: Type.Array(AuditRow) }) },
      },
      config: { role: 'operator' },
    },
    async ({ query: { action, actor, before, limit = 100 } }) => {
      const where: string[] = [];
      const values: unknown[] = [];
      const add = (condition: string, value: unknown): void => {
        if (value === undefined) return;
        values.push(value);
        where.push(`${condition} $${values.length}`);
      };
      add('actor =', actor);
      add('action =', action);
      add('audit_id <', before);
      // So that the index of what is no order is used, which is small.
      if (action !== undefined && action !== 'order.place') where.push(`action <> 'order.place'`);
      values.push(limit);
      const { rows } = await pool.query<{ id: string; at: Date } & Record<string, string | null>>(
        `SELECT audit_id AS id, at, service, actor, role, action, subject, reason, outcome, request_id, release FROM access_audit
         ${where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`} ORDER BY audit_id DESC LIMIT $${values.length}`,
        values,
      );
      return { audit: rows.map((row) => ({ ...row, id: Number(row.id), at: row.at.toISOString() }) as never) };
    },
  );
}

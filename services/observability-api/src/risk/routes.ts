import { Type } from 'typebox';
import { messageOf } from '@papergate/config';
import { HttpError, type Pool, type ServiceApp, type ServiceClient } from '@papergate/service-kit';
import { AsIs, DecimalText, ErrorSchema, Nullable, Text } from '../docs/schemas.ts';

const EventSchema = Type.Object({
  id: Type.Integer(),
  at: Text,
  kind: Text,
  code: Text,
  symbol: Nullable(Text),
  client_order_id: Nullable(Text),
  message: Text,
});
const SignalSchema = Type.Object({
  id: Text,
  strategy: Text,
  symbol: Text,
  side: Text,
  quantity: DecimalText,
  price: DecimalText,
  reason: Text,
  event_time: Text,
  created_at: Text,
});
const Limit = Type.Object(
  { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 50 })) },
  { additionalProperties: false },
);

/** What risk-manager says, and what it has written down. */
export function riskRoutes(app: ServiceApp, pool: Pool, risk: ServiceClient): void {
  const passed = (summary: string, path: string) => ({
    schema: { summary, tags: ['risk'], response: { 200: AsIs, 502: ErrorSchema, 503: ErrorSchema } },
    handler: () => ask(risk, path),
  });
  app.route({
    method: 'GET',
    url: '/api/risk/exposure',
    ...passed(
      'Exposure, positions at their marks and the day’s profit and loss, as risk-manager has them',
      '/api/v1/exposure',
    ),
  });
  app.route({
    method: 'GET',
    url: '/api/system/circuit-breaker/status',
    ...passed('The trading state, as risk-manager has it', '/api/v1/circuit-breaker/status'),
  });

  app.route({
    method: 'GET',
    url: '/api/risk/scope',
    ...passed('Which symbols the roll-out lets this release trade, as risk-manager has it', '/api/v1/scope'),
  });

  app.get(
    '/api/risk/events',
    {
      schema: {
        summary: 'Refusals, trips, resets, warnings and reconciliation differences, newest first',
        tags: ['risk'],
        querystring: Limit,
        response: { 200: Type.Object({ events: Type.Array(EventSchema) }) },
      },
    },
    async ({ query }) => {
      const { rows } = await pool.query<{ id: string; at: Date } & Record<string, string | null>>(
        `SELECT risk_event_id AS id, at, kind, code, symbol, client_order_id, message FROM risk_events
         ORDER BY at DESC, risk_event_id DESC LIMIT $1`,
        [query.limit ?? 50],
      );
      return { events: rows.map((row) => ({ ...row, id: Number(row.id), at: row.at.toISOString() }) as never) };
    },
  );

  app.get(
    '/api/signals',
    {
      schema: {
        summary: 'Signals of the strategies, newest first',
        tags: ['trades'],
        querystring: Limit,
        response: { 200: Type.Object({ signals: Type.Array(SignalSchema) }) },
      },
    },
    async ({ query }) => {
      const { rows } = await pool.query<{ event_time: Date; created_at: Date } & Record<string, string>>(
        `SELECT signal_id AS id, strategy, symbol, side, quantity::text, price::text, reason, event_time, created_at
         FROM signals ORDER BY created_at DESC LIMIT $1`,
        [query.limit ?? 50],
      );
      return {
        signals: rows.map(
          (row) =>
            ({ ...row, event_time: row.event_time.toISOString(), created_at: row.created_at.toISOString() }) as never,
        ),
      };
    },
  );
}

async function ask(client: ServiceClient, path: string): Promise<unknown> {
  const answer = await client.get(path, { timeoutMs: 3_000 }).catch((error: unknown) => {
    throw new HttpError(503, 'SERVICE_UNREACHABLE', `risk-manager cannot be asked: ${messageOf(error)}`, {
      fix: 'GET /api/system/status tells its state; what cannot be learned counts as HALTED',
      headers: { 'retry-after': '1' },
      cause: error,
    });
  });
  const { status, body } = answer;
  if (typeof body !== 'object' || body === null) {
    throw new HttpError(502, 'BAD_ANSWER', `risk-manager answered ${status} with something that is no JSON`);
  }
  if (status === 200) return body;
  const { code, message } = body as { code?: unknown; message?: unknown };
  throw new HttpError(
    status,
    typeof code === 'string' ? code : 'BAD_ANSWER',
    typeof message === 'string' ? message : `risk-manager answered ${status}`,
  );
}

import { Type } from 'typebox';
import { HttpError, ReasonSchema, type ServiceApp } from '@papergate/service-kit';
import { answerAs, requireJson } from '../upstream/pass-on.ts';
import { unreachable, type Upstream, type UpstreamCall } from '../upstream/upstream.ts';
import type { StateWatch } from './state.ts';

export const TripBody = Type.Object(
  { reason: ReasonSchema, state: Type.Optional(Type.Enum(['REDUCING', 'HALTED'])) },
  { additionalProperties: false },
);
const ResetBody = Type.Object({ reason: ReasonSchema }, { additionalProperties: false });

/** `/api/v1/circuit-breaker/*`, passed to risk-manager, which alone decides. */
export function breakerRoutes(app: ServiceApp, risk: Upstream, watch: StateWatch): void {
  app.get('/api/v1/circuit-breaker/status', (_request, reply) => pass('/status', { method: 'GET' }, reply));
  app.post('/api/v1/circuit-breaker/trip', { schema: { body: TripBody } }, (request, reply) =>
    pass('/trip', { method: 'POST', body: JSON.stringify(request.body), acting: request }, reply),
  );
  app.post('/api/v1/circuit-breaker/reset', { schema: { body: ResetBody } }, (request, reply) =>
    pass('/reset', { method: 'POST', body: JSON.stringify(request.body), acting: request }, reply),
  );

  async function pass(
    path: string,
    call: Pick<UpstreamCall, 'method' | 'body' | 'acting'>,
    reply: Parameters<typeof answerAs>[0],
  ): Promise<unknown> {
    try {
      const answer = requireJson(risk, await risk.call({ ...call, path: `/api/v1/circuit-breaker${path}` }));
      if (call.method === 'POST') await watch.refresh();
      return answerAs(reply, answer);
    } catch (error) {
      if (error instanceof HttpError) throw error;
      const { statusCode, code, message, fix, headers } = unreachable(error);
      // Who cannot learn the state treats it as HALTED; the body says so in the words of a state, too.
      return reply.code(statusCode).headers(headers).send({ code, message, fix, state: 'HALTED', known: false });
    }
  }
}

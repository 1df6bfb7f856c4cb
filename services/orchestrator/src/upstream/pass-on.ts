import type { FastifyReply } from 'fastify';
import { HttpError } from '@papergate/service-kit';
import { unreachable, type Upstream, type UpstreamAnswer, type UpstreamCall } from './upstream.ts';

/** Hands a sibling's answer on as it is: status, body, `Retry-After`. */
export function answerAs(reply: FastifyReply, answer: UpstreamAnswer): FastifyReply {
  if (answer.retryAfter !== undefined) void reply.header('retry-after', answer.retryAfter);
  return reply.code(answer.status).type('application/json; charset=utf-8').send(answer.text);
}

/** An answer that is no JSON did not come from the service that we know: 502, not its status. */
export function requireJson(upstream: Pick<Upstream, 'service'>, answer: UpstreamAnswer): UpstreamAnswer {
  if (answer.json !== undefined) return answer;
  throw new HttpError(
    502,
    'BAD_ANSWER',
    `${upstream.service} answered ${answer.status} with something that is no JSON`,
    {
      fix: `look into the log of ${upstream.service}`,
    },
  );
}

/** Asks a sibling and passes its answer on; silence is 503 and says who was silent. For calls that may safely be repeated. */
export async function passOn(upstream: Upstream, call: UpstreamCall, reply: FastifyReply): Promise<FastifyReply> {
  let answer: UpstreamAnswer;
  try {
    answer = await upstream.call(call);
  } catch (error) {
    throw unreachable(error);
  }
  return answerAs(reply, requireJson(upstream, answer));
}

import { ApiError } from '@alpacahq/alpaca-trade-api';
import { messageOf } from '@papergate/config';
import type { SubmitOutcome } from './broker.ts';

/** Failures that happen before a byte of the request has left: repeating it cannot make a second order. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'BUDGET_CLOSED',
]);

/**
 * What a failed request to place an order means. A timeout, a reset, an answer that cannot be read and every
 * 5xx leave open whether the order exists: the answer may have been lost after the broker took it.
 */
export function classifySubmit(error: unknown): SubmitOutcome {
  if (error instanceof ApiError) {
    const { status } = error;
    if (status === 429) return { kind: 'rate_limited', retryAfterMs: error.retryAfterMs ?? 1_000 };
    if (status === 408 || status >= 500)
      return { kind: 'unknown', reason: `the broker answered ${status}: ${error.message}` };
    if (status === 422 && /client_order_id/i.test(error.message) && /unique/i.test(error.message))
      return { kind: 'duplicate' };
    return { kind: 'refused', code: String(error.code ?? status), reason: error.message };
  }
  const codes = errorCodes(error);
  if (codes.length > 0 && codes.every((code) => NEVER_SENT.has(code))) return { kind: 'not_sent', cause: error };
  return { kind: 'unknown', reason: messageOf(error) };
}

/** The system codes along the cause chain; of an AggregateError (one per address tried), all of them. */
function errorCodes(error: unknown): string[] {
  const codes: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at instanceof AggregateError) codes.push(...at.errors.flatMap(errorCodes));
    else if ('code' in at && typeof at.code === 'string') codes.push(at.code);
  }
  return codes;
}

import type { FastifyReply, FastifyRequest } from 'fastify';
import { AUDIT_OK, type Audited, type AuditLog } from './audit.ts';

/** Refused before anything was done; whoever floods the door fills no table. */
const REFUSED = new Set([400, 401, 403, 404, 413, 415, 429]);

/**
 * For a route's `onSend`: a row of the audit before the answer goes out, with the code of the answer where it is a refusal,
 * also one of the guard's. No row where `what` says undefined, nor for somebody who is not known.
 */
export function audited(
  log: Pick<AuditLog, 'record' | 'refused'>,
  what: (request: FastifyRequest, statusCode: number) => Audited | undefined,
): (request: FastifyRequest, reply: FastifyReply, payload: unknown) => Promise<unknown> {
  return async (request, { statusCode }, payload) => {
    // Nobody is behind a request that the guard did not let in: the type of `actor` holds only after it.
    const isKnown = (request as Partial<Pick<FastifyRequest, 'actor'>>).actor !== undefined;
    const act = isKnown ? what(request, statusCode) : undefined;
    if (act === undefined) return payload;
    const outcome = statusCode < 400 ? AUDIT_OK : codeOf(payload);
    if (REFUSED.has(statusCode)) log.refused(request, act, outcome);
    else await log.record(request, act, outcome);
    return payload;
  };
}

function codeOf(payload: unknown): string {
  try {
    const { code } = JSON.parse(String(payload)) as { code?: unknown };
    return typeof code === 'string' ? code : 'INTERNAL';
  } catch {
    return 'INTERNAL';
  }
}

/** A text of a body that may not have passed its schema. */
export function textOf(body: unknown, key: string): string | undefined {
  const value = typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[key] : undefined;
  return typeof value === 'string' && value !== '' ? value.slice(0, 500) : undefined;
}

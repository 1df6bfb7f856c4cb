import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { ExternalError, messageOf, PapergateError, EXIT, type Secret } from '@papergate/config';

const SymbolsSchema = Type.Union([Type.Literal('all'), Type.Array(Type.String())]);

/** What risk-manager answers of the order scope; `effective` is what holds now: nothing, once it has expired. */
const ScopeSchema = Type.Object({
  release: Type.String(),
  environment: Type.String(),
  stage: Type.String(),
  symbols: SymbolsSchema,
  reason: Type.String(),
  set_by: Type.String(),
  expires_at: Type.Union([Type.String(), Type.Null()]),
  effective: SymbolsSchema,
});
export type OrderScope = Static<typeof ScopeSchema>;

export interface WantedScope {
  /** The commit whose orders it is about. */
  release: string;
  stage: string;
  symbols: 'all' | readonly string[];
  reason: string;
  set_by: string;
  /** Seconds after which it counts as nothing; left out: it stays. */
  ttl_seconds?: number;
}

/** Which symbols the running release may open positions in: risk-manager has the word on it. */
export interface ScopeApi {
  /** @throws ExternalError SCOPE_UNREADABLE */
  read(signal?: AbortSignal): Promise<OrderScope>;
  /** Answers with what holds then. @throws ExternalError SCOPE_UNREADABLE; PapergateError SCOPE_REFUSED, OTHER_RELEASE */
  set(wanted: WantedScope, signal?: AbortSignal): Promise<OrderScope>;
}

const PATIENCE_MS = 10_000;

export function scopeApi({ url, token }: { url: string; token: Secret | undefined }): ScopeApi {
  const address = `${url.replace(/\/+$/, '')}/api/v1/scope`;
  const ask = async (init: { method: string; body?: string }, signal?: AbortSignal): Promise<OrderScope> => {
    const { status, text } = await answerOf(address, token, init, signal);
    const value = parsed(text);
    if (status === 200 && Value.Check(ScopeSchema, value)) return value;
    throw refusal(status, value, init.method);
  };
  return {
    read: (signal) => ask({ method: 'GET' }, signal),
    set: (wanted, signal) => ask({ method: 'PUT', body: JSON.stringify(wanted) }, signal),
  };
}

async function answerOf(
  address: string,
  token: Secret | undefined,
  init: { method: string; body?: string },
  signal: AbortSignal | undefined,
): Promise<{ status: number; text: string }> {
  const timeout = AbortSignal.timeout(PATIENCE_MS);
  try {
    const answer = await fetch(address, {
      ...init,
      headers: {
        ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` }),
      },
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      redirect: 'error',
    });
    return { status: answer.status, text: await answer.text() };
  } catch (error) {
    signal?.throwIfAborted();
    throw new ExternalError({
      code: 'SCOPE_UNREADABLE',
      message: `risk-manager does not answer about the order scope: ${causeOf(error)}`,
      fix: 'look at its log; a scope that was set expires by itself',
      cause: error,
    });
  }
}

function refusal(status: number, value: unknown, method: string): PapergateError {
  const { code, message } = (value ?? {}) as { code?: unknown; message?: unknown };
  const said = typeof message === 'string' ? message.slice(0, 300) : `it answered ${status}`;
  if (code === 'SCOPE_RELEASE') {
    return new PapergateError({
      code: 'OTHER_RELEASE',
      exitCode: EXIT.blocked,
      message: `risk-manager is of another release than the one that is rolled out: ${said}`,
      fix: 'somebody else delivered meanwhile; look at what runs before anything is rolled out',
    });
  }
  if (status >= 400 && status < 500 && method === 'PUT') {
    return new PapergateError({
      code: 'SCOPE_REFUSED',
      exitCode: EXIT.blocked,
      message: `risk-manager refuses the order scope (${typeof code === 'string' ? code : status}): ${said}`,
      fix: 'mend config/rollout.production.json, or the release where it knows no order scope',
    });
  }
  return new ExternalError({
    code: 'SCOPE_UNREADABLE',
    message: `risk-manager does not say what the order scope is: ${said}`,
    fix: 'look at its log; a scope that was set expires by itself',
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function causeOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: string } };
  return cause?.code ?? messageOf(error);
}

/** Whether two scopes mean the same, whatever the order of their symbols. */
export function sameSymbols(
  one: OrderScope['symbols'] | readonly string[],
  other: OrderScope['symbols'] | readonly string[],
): boolean {
  if (one === 'all' || other === 'all') return one === other;
  return [...one].toSorted().join() === [...other].toSorted().join();
}

export const symbolWords = (symbols: 'all' | readonly string[]): string =>
  symbols === 'all' ? 'all symbols' : symbols.length === 0 ? 'no orders' : symbols.join(', ');

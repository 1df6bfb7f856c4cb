import { Pool, type Dispatcher } from 'undici';
import { ExternalError, messageOf, type Secret, type ServiceName } from '@papergate/config';
import { actingHeaders, HttpError, type ActingRequest } from '@papergate/service-kit';

/** The answer of a sibling service, untouched. */
export interface UpstreamAnswer {
  status: number;
  /** The body's text; {@link UpstreamAnswer.json} is it parsed, undefined where it is no JSON. */
  text: string;
  json: unknown;
  retryAfter: string | undefined;
}

/**
 * A call that brought no answer. `sent` is false only where the request certainly never left this process
 * (no connection): then nothing happened on the other side, and only then.
 */
export class UpstreamError extends ExternalError {
  readonly service: ServiceName;
  readonly sent: boolean;
  readonly timedOut: boolean;

  constructor(details: { service: ServiceName; message: string; sent: boolean; timedOut: boolean; cause: unknown }) {
    super({ code: 'SERVICE_UNREACHABLE', message: details.message, cause: details.cause });
    this.service = details.service;
    this.sent = details.sent;
    this.timedOut = details.timedOut;
  }
}

export interface UpstreamCall {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  /** JSON text. */
  body?: string;
  timeoutMs?: number;
  /** On whose behalf; left out: on the bundle's own. */
  acting?: ActingRequest;
}

export interface Upstream {
  readonly service: ServiceName;
  readonly url: string;
  /** Any status is an answer; silence throws {@link UpstreamError}. */
  call(request: UpstreamCall): Promise<UpstreamAnswer>;
  close(): Promise<void>;
}

const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);
const TIMEOUTS = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT']);

export interface UpstreamOptions {
  service: ServiceName;
  url: string;
  token: Secret | undefined;
  timeoutMs?: number;
  /** Connections at most; further calls wait for one. */
  connections?: number;
}

/** Keep-alive connections to one sibling: a hundred orders at once must not mean a hundred handshakes. */
export function createUpstream(options: UpstreamOptions): Upstream {
  const { service, url, timeoutMs: patience = 5_000 } = options;
  const pool = new Pool(url, {
    connections: options.connections ?? 128,
    pipelining: 1,
    // Shorter than what the services keep an idle connection open for (72 s), so that we are the ones who close.
    keepAliveTimeout: 30_000,
    connect: { timeout: 2_000 },
  });
  const ask = async (request: Dispatcher.RequestOptions): Promise<UpstreamAnswer> => {
    const response = await pool.request(request);
    const text = await response.body.text();
    const retryAfter = response.headers['retry-after'];
    return {
      status: response.statusCode,
      text,
      json: parse(text),
      retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined,
    };
  };
  const authorization = options.token === undefined ? undefined : `Bearer ${options.token.reveal()}`;

  return {
    service,
    url,
    async call({ method, path, body, timeoutMs = patience, acting }) {
      const gone = new AbortController();
      // A timer of our own, which nothing but us can lose: whoever asks once a second must not wait for ever on one call.
      let timer: NodeJS.Timeout | undefined;
      const deadline = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => {
          gone.abort();
          reject(new Error(`no answer within ${timeoutMs} ms`));
        }, timeoutMs);
      });
      try {
        const asked = ask({
          method,
          path,
          signal: gone.signal,
          headersTimeout: timeoutMs,
          bodyTimeout: timeoutMs,
          headers: {
            ...(authorization === undefined ? {} : { authorization, ...(acting && actingHeaders(acting)) }),
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          ...(body === undefined ? {} : { body }),
        });
        asked.catch(() => undefined);
        return await Promise.race([asked, deadline]);
      } catch (error) {
        const code = errorCode(error);
        const timedOut = gone.signal.aborted || TIMEOUTS.has(code);
        throw new UpstreamError({
          service,
          message: timedOut
            ? `${service} (${url}) gave no answer to ${method} ${path} within ${timeoutMs} ms`
            : `${service} (${url}) cannot be reached: ${messageOf(error)}`,
          sent: !NEVER_CONNECTED.has(code),
          timedOut,
          cause: error,
        });
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => pool.destroy(),
  };
}

/** The reason in one sentence. An {@link UpstreamError} has said its cause already. */
export function whyOf(error: unknown): string {
  return error instanceof UpstreamError ? error.message : messageOf(error);
}

/** 503 that says which service, for calls whose failure changes nothing on the other side. */
export function unreachable(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  const service = error instanceof UpstreamError ? error.service : 'a service';
  return new HttpError(503, 'SERVICE_UNREACHABLE', whyOf(error), {
    fix: `see GET /api/v1/orchestration/status for the state of ${service}, then try again`,
    headers: { 'retry-after': '1' },
    cause: error,
  });
}

/** The code of node's and undici's errors, through AggregateError (one error per address of a host) and causes. */
function errorCode(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return errorCode(error.errors[0]);
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  if (typeof code === 'string') return code;
  return cause === undefined ? '' : errorCode(cause);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

import { Agent, EnvHttpProxyAgent, fetch, type Dispatcher } from 'undici';
import { errorCode, messageOf, type EnvSource } from '@papergate/config';
import { isLoopback } from '../reference.ts';
import { classifyStatus, classifyThrown, RegistryFailure } from '../retry/failure.ts';
import { parseRetryAfter } from '../retry/schedule.ts';

/** What requests go over. */
export interface Exchange {
  /** Connections to everything but this machine; over the proxy where the environment names one. */
  outside: Dispatcher;
  /** Connections to this machine: never over a proxy. */
  local: Dispatcher;
  /** For one request with its answer, ms. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  now: () => number;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** What we fetch is small (manifests, SBOMs): a registry that sends more is not believed. */
export const MAX_BODY = 16 * 1024 * 1024;

export function openExchange(
  env: EnvSource,
  options: { timeoutMs: number; signal?: AbortSignal | undefined; now: () => number },
): Exchange {
  const timeouts = { connect: { timeout: Math.min(CONNECT_TIMEOUT_MS, options.timeoutMs) } };
  return {
    ...options,
    local: new Agent(timeouts),
    // Empty texts, not undefined: undici would read the process's own environment instead.
    outside: new EnvHttpProxyAgent({
      ...timeouts,
      httpProxy: env['http_proxy'] ?? env['HTTP_PROXY'] ?? '',
      httpsProxy: env['https_proxy'] ?? env['HTTPS_PROXY'] ?? '',
      noProxy: env['no_proxy'] ?? env['NO_PROXY'] ?? '',
    }),
  };
}

export async function closeExchange({ local, outside }: Exchange): Promise<void> {
  await Promise.all([local.destroy(), outside.destroy()]);
}

export interface Request {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST';
  headers?: Record<string, string>;
  body?: Uint8Array<ArrayBuffer>;
}

/** An answer with its whole body. */
export class Answer {
  readonly status: number;
  readonly url: string;
  readonly body: Uint8Array;
  readonly #headers: { get(name: string): string | null };
  readonly #now: number;

  constructor(
    status: number,
    url: string,
    headers: { get(name: string): string | null },
    body: Uint8Array,
    now: number,
  ) {
    this.status = status;
    this.url = url;
    this.body = body;
    this.#headers = headers;
    this.#now = now;
  }

  header(name: string): string | null {
    return this.#headers.get(name);
  }

  text(): string {
    return new TextDecoder().decode(this.body);
  }

  /** Undefined where it is not JSON. */
  json(): unknown {
    try {
      return JSON.parse(this.text()) ?? {};
    } catch {
      return {};
    }
  }

  /** What this answer means where another one was wanted, in the registry's own words. */
  failure(who: string): RegistryFailure {
    const { errors } = this.json() as { errors?: unknown };
    const said = (Array.isArray(errors) ? errors : []) as { code?: unknown; message?: unknown }[];
    const codes = said.flatMap(({ code }) => (typeof code === 'string' ? [code] : []));
    const words = said.map(({ code, message }) => [code, message].filter((part) => typeof part === 'string').join(' '));
    return new RegistryFailure(
      classifyStatus(this.status, codes),
      `${who} answered ${this.status}${words.length > 0 ? ` (${words.join('; ').slice(0, 300)})` : ''}`,
      { retryAfterMs: parseRetryAfter(this.header('retry-after'), this.#now) },
    );
  }
}

const REDIRECTS = 5;

/**
 * One request with its answer. Redirects (to the storage behind a registry) are followed without our authorization
 * where they leave the registry, and never from https to http.
 * @throws RegistryFailure network, timeout, tls; the caller's abort as it is
 */
export async function send(exchange: Exchange, url: string, request: Request): Promise<Answer> {
  const { signal, timeoutMs, now } = exchange;
  const timeout = AbortSignal.timeout(timeoutMs);
  const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  let at = new URL(url);
  const headers = { ...request.headers };
  try {
    for (let hop = 0; hop <= REDIRECTS; hop++) {
      if (at.protocol !== 'https:' && !isLoopback(at.host)) {
        throw new RegistryFailure(
          'tls',
          `${new URL(url).host} leads to ${at.protocol}//${at.host}, which is not https`,
        );
      }
      const response = await fetch(at, {
        method: request.method,
        headers,
        body: request.body ?? null,
        redirect: 'manual',
        signal: either,
        dispatcher: isLoopback(at.host) ? exchange.local : exchange.outside,
      });
      const location = response.headers.get('location');
      const moved = [301, 302, 303, 307, 308].includes(response.status) && location !== null;
      if (!moved || (request.method !== 'GET' && request.method !== 'HEAD')) {
        return new Answer(response.status, at.href, response.headers, await readBody(response.body, at.host), now());
      }
      await response.body?.cancel();
      const next = new URL(location, at);
      if (next.origin !== at.origin) delete headers['authorization'];
      at = next;
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof RegistryFailure) throw error;
    const kind = timeout.aborted ? 'timeout' : classifyThrown(error, errorCode(error));
    const what =
      kind === 'timeout' ? `${at.host} did not answer within ${timeoutMs / 1000} s` : `${at.host}: ${innermost(error)}`;
    throw new RegistryFailure(kind, what, { cause: error });
  }
  throw new RegistryFailure('unexpected', `${new URL(url).host} redirects more than ${REDIRECTS} times`);
}

async function readBody(body: AsyncIterable<Uint8Array> | null, host: string): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.length;
    if (size > MAX_BODY)
      throw new RegistryFailure('content', `${host} sent more than ${MAX_BODY} bytes for one request`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** undici says "fetch failed" and keeps the reason below. */
function innermost(error: unknown): string {
  let at = error;
  for (let depth = 0; depth < 10; depth++) {
    const { cause } = (at ?? {}) as { cause?: unknown };
    if (cause === undefined) break;
    at = cause;
  }
  return messageOf(at);
}

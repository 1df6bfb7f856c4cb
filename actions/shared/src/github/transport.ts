import { fetch as undiciFetch } from 'undici';
import type { EnvSource } from '@papergate/config';
import { closeExchange, openExchange } from '../registry/http/exchange.ts';
import { isLoopback } from '../registry/reference.ts';
import { failureOfThrown, GitHubFailure } from './failure.ts';

/** What of `fetch` is used; octokit calls it with absolute URLs. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface TransportOptions {
  /** Proxies: `https_proxy`, `no_proxy`, … */
  env: EnvSource;
  /** For one request with its answer, ms. */
  timeoutMs: number;
  /** In place of the network. */
  fetch?: Fetch | undefined;
  signal?: AbortSignal | undefined;
}

export interface Transport {
  fetch: Fetch;
  close(): Promise<void>;
}

/** Lists of a hundred deployments with their payloads have some hundred kB. */
const MAX_BODY = 16 * 1024 * 1024;
const MAX_KEPT = 100;
const MAX_KEPT_BYTES = 256 * 1024;

interface Kept {
  etag: string;
  body: Uint8Array<ArrayBuffer>;
}

/**
 * Requests with their whole answers, of bounded size and time. What did not change since it was read last is not sent
 * again (ETag); such answers do not count against the limit of requests.
 */
export function openTransport(options: TransportOptions): Transport {
  const { env, timeoutMs, signal } = options;
  const exchange = openExchange(env, { timeoutMs, signal, now: Date.now });
  const raw = options.fetch ?? overExchange(exchange);
  const kept = new Map<string, Kept>();

  const fetch: Fetch = async (url, init) => {
    const timeout = AbortSignal.timeout(timeoutMs);
    const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
    const { host } = new URL(url);
    const headers = new Headers(init.headers);
    const before = init.method === 'GET' ? kept.get(url) : undefined;
    if (before !== undefined) headers.set('if-none-match', before.etag);
    try {
      const answer = await raw(url, { ...init, headers: Object.fromEntries(headers), signal: either });
      const body = await readBody(answer, host);
      if (answer.status === 304 && before !== undefined) {
        return new Response(before.body, { status: 200, headers: answer.headers });
      }
      const etag = answer.headers.get('etag');
      kept.delete(url);
      if (init.method === 'GET' && answer.status === 200 && etag !== null && body.length <= MAX_KEPT_BYTES) {
        kept.set(url, { etag, body });
        const [oldest] = kept.keys();
        if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
      }
      const isBare = [204, 205, 304].includes(answer.status);
      return new Response(isBare ? null : body, { status: answer.status, headers: answer.headers });
    } catch (error) {
      signal?.throwIfAborted();
      throw failureOfThrown(error, host, timeout.aborted ? timeoutMs : undefined);
    }
  };
  return { fetch, close: () => closeExchange(exchange) };
}

function overExchange(exchange: ReturnType<typeof openExchange>): Fetch {
  return async (url, init) => {
    const dispatcher = isLoopback(new URL(url).host) ? exchange.local : exchange.outside;
    const { method, headers, body, signal } = init;
    const answer = await undiciFetch(url, {
      ...(method === undefined ? {} : { method }),
      headers: Object.fromEntries(new Headers(headers)),
      body: typeof body === 'string' ? body : null,
      signal: signal ?? null,
      dispatcher,
    });
    const bytes = await readBody(answer, new URL(url).host);
    const isBare = [204, 205, 304].includes(answer.status);
    return new Response(isBare ? null : bytes, { status: answer.status, headers: Object.fromEntries(answer.headers) });
  };
}

async function readBody(
  answer: { body: unknown; headers: { get(name: string): string | null } },
  host: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    size += part.length;
    if (size > MAX_BODY) throw new GitHubFailure('too-large', `${host} sent more than ${MAX_BODY} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

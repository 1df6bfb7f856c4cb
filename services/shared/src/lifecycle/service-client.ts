import { ExternalError, messageOf, type Secret, type ServiceName } from '@papergate/config';
import { ACTOR_HEADER } from '../access/actor.ts';

export interface ServiceAnswer {
  status: number;
  /** Parsed JSON, or text where it is none. */
  body: unknown;
  headers: Headers;
}

export interface ServiceClient {
  get(path: string, options?: { timeoutMs?: number }): Promise<ServiceAnswer>;
  send(
    method: 'POST' | 'DELETE' | 'PUT' | 'PATCH',
    path: string,
    body?: unknown,
    options?: { timeoutMs?: number },
  ): Promise<ServiceAnswer>;
}

/**
 * HTTP from one service to another, with the bundle's token. Any status is an answer; only silence throws
 * (`SERVICE_UNREACHABLE`).
 */
export function createServiceClient(options: {
  baseUrl: string;
  token: Secret | undefined;
  timeoutMs?: number;
  /** The service that asks by itself, for the audit of the other one. */
  as?: ServiceName;
}): ServiceClient {
  async function call(method: string, path: string, body: unknown, timeoutMs: number): Promise<ServiceAnswer> {
    const headers: Record<string, string> = {};
    if (options.token !== undefined) headers['authorization'] = `Bearer ${options.token.reveal()}`;
    if (options.as !== undefined) headers[ACTOR_HEADER] = `service:${options.as}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    try {
      const response = await fetch(`${options.baseUrl}${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(timeoutMs),
        redirect: 'error',
      });
      const text = await response.text();
      return { status: response.status, body: parse(text), headers: response.headers };
    } catch (error) {
      throw new ExternalError({
        code: 'SERVICE_UNREACHABLE',
        message: `${method} ${options.baseUrl}${path}: ${messageOf(error)}`,
        cause: error,
      });
    }
  }
  const patience = options.timeoutMs ?? 5_000;
  return {
    get: (path, { timeoutMs = patience } = {}) => call('GET', path, undefined, timeoutMs),
    send: (method, path, body, { timeoutMs = patience } = {}) => call(method, path, body, timeoutMs),
  };
}

function parse(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return text;
  }
}

import { messageOf, type Secret } from '@papergate/config';

export interface Answer {
  status: number;
  text: string;
  /** The body as JSON, or undefined where it is none. */
  json: unknown;
  headers: Headers;
}

export interface HttpClient {
  get(url: string): Promise<Answer>;
  post(url: string, body: unknown): Promise<Answer>;
  delete(url: string): Promise<Answer>;
}

/** No answer came: refused, reset, timed out. The message is for people. */
export class Unreachable extends Error {}

/** HTTP with the bearer token, a limit on time, and no redirects: a service answers for itself or not at all. */
export function createHttp(token: Secret | undefined, requestMs: number): HttpClient {
  const call = async (url: string, init: RequestInit): Promise<Answer> => {
    const headers = new Headers(init.headers);
    if (token !== undefined) headers.set('authorization', `Bearer ${token.reveal()}`);
    try {
      const signal = AbortSignal.timeout(requestMs);
      const response = await fetch(url, { ...init, headers, redirect: 'manual', signal });
      const body = await response.text();
      return { status: response.status, text: body, json: parse(body), headers: response.headers };
    } catch (error) {
      throw new Unreachable(`no answer from ${url}: ${messageOf(error)}`, { cause: error });
    }
  };
  return {
    get: (url) => call(url, { method: 'GET' }),
    delete: (url) => call(url, { method: 'DELETE' }),
    post: (url, body) =>
      call(url, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  };
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** What came, in short. */
export function show(answer: Answer): string {
  const body = answer.text.replaceAll(/\s+/g, ' ').trim();
  return `${answer.status} ${body.length > 200 ? `${body.slice(0, 199)}…` : body}`;
}

/** A member of a JSON object, at any depth: `at(value, 'release', 'sha')`. */
export function at(value: unknown, ...path: string[]): unknown {
  let here = value;
  for (const key of path) {
    if (typeof here !== 'object' || here === null) return undefined;
    here = (here as Record<string, unknown>)[key];
  }
  return here;
}

/** Any value as text that can be read, whatever it is. */
export function text(value: unknown): string {
  if (typeof value === 'string') return value;
  return JSON.stringify(value) ?? 'missing';
}

/** A list of objects, or an empty one where there is none. */
export function list(value: unknown, key: string): Array<Record<string, unknown>> {
  const found = Array.isArray(value) ? value : at(value, key);
  return Array.isArray(found) ? found.filter((item) => typeof item === 'object' && item !== null) : [];
}

import { ExternalError, messageOf, type Secret } from '@papergate/config';

/** GitHub's API for the few calls that the delivery engine's client has no use for. */
export interface ApiOptions {
  apiUrl: string;
  token: Secret;
  fetch?: typeof globalThis.fetch;
  signal?: AbortSignal | undefined;
}

export interface Answer {
  status: number;
  body: Record<string, unknown>;
}

const TIMEOUT_MS = 30_000;

/**
 * One request. A status that is neither good nor among `expected` is an error.
 * @throws ExternalError GITHUB_CALL_FAILED
 */
export async function ask(
  { apiUrl, token, signal, fetch = globalThis.fetch }: ApiOptions,
  method: 'GET' | 'POST' | 'PATCH',
  path: string,
  { fields, expected = [] }: { fields?: Record<string, unknown>; expected?: readonly number[] } = {},
): Promise<Answer> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${apiUrl}${path}`, {
      method,
      headers: {
        accept: 'application/vnd.github+json',
        authorization: `Bearer ${token.reveal()}`,
        'user-agent': 'papergate',
        'x-github-api-version': '2022-11-28',
        ...(fields === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(fields === undefined ? {} : { body: JSON.stringify(fields) }),
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    text = await response.text();
  } catch (error) {
    signal?.throwIfAborted();
    throw failed(method, path, messageOf(error), error);
  }
  if (!response.ok && !expected.includes(response.status)) {
    throw failed(method, path, `${response.status} ${text.slice(0, 200)}`, undefined);
  }
  return { status: response.status, body: parse(text) };
}

function parse(text: string): Record<string, unknown> {
  try {
    const found: unknown = JSON.parse(text);
    return typeof found === 'object' && found !== null ? { ...found } : {};
  } catch {
    return {};
  }
}

const failed = (method: string, path: string, why: string, cause: unknown): ExternalError =>
  new ExternalError({
    code: 'GITHUB_CALL_FAILED',
    message: `GitHub's API did not do ${method} ${path}: ${why}`,
    fix: 'look at the permissions of the token and at githubstatus.com, and run the workflow again: what is done is not done twice',
    cause,
  });

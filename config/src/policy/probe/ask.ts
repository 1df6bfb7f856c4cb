import { errorCode } from '../../errors.ts';
import type { Secret } from '../../secret.ts';

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface ProbeTools {
  fetch?: Fetch | undefined;
  /** Ends the probe early; what was not answered by then is in doubt. */
  signal?: AbortSignal | undefined;
  /** For each question, answer included. Default 10 000 ms. */
  timeoutMs?: number | undefined;
}

/** What a host said to a key. Whatever is no plain yes or no is `unsure`, with the reason. */
export type Answer =
  | { kind: 'opens'; accountNumber: string }
  | { kind: 'refused'; status: number }
  | { kind: 'unsure'; why: string };

const MAX_BODY = 64 * 1024;

/** `GET /v2/account` with the key. Redirects are not followed: the key goes to this host and no other. */
export async function askForAccount(base: string, key: Secret, secret: Secret, tools: ProbeTools): Promise<Answer> {
  const { fetch: ask = fetch, signal, timeoutMs = 10_000 } = tools;
  const timeout = AbortSignal.timeout(timeoutMs);
  const both = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  try {
    const response = await ask(`${base.replace(/\/$/, '')}/v2/account`, {
      method: 'GET',
      redirect: 'manual',
      headers: {
        'APCA-API-KEY-ID': key.reveal(),
        'APCA-API-SECRET-KEY': secret.reveal(),
        accept: 'application/json',
      },
      signal: both,
    });
    return read(response.status, await readBody(response));
  } catch (error) {
    if (signal?.aborted === true) return { kind: 'unsure', why: 'the probe was interrupted' };
    if (timeout.aborted) return { kind: 'unsure', why: `it did not answer within ${timeoutMs} ms` };
    return { kind: 'unsure', why: networkReason(error) };
  }
}

async function readBody(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  if (reader === undefined) return '';
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    size += part.value.byteLength;
    chunks.push(part.value);
    if (size > MAX_BODY) {
      await reader.cancel();
      break;
    }
  }
  return Buffer.concat(chunks).toString('utf8');
}

function read(status: number, body: string): Answer {
  const json = parse(body);
  if (status === 200) {
    const number = json?.['account_number'];
    if (typeof number === 'string' && number !== '') return { kind: 'opens', accountNumber: number };
    return {
      kind: 'unsure',
      why: `it answered 200 with ${json === undefined ? 'something that is no JSON' : 'no account number'}`,
    };
  }
  if (status === 401 || status === 403) {
    // A firewall or a captive portal also says 403, with a page; Alpaca says it with JSON or nothing.
    if (json !== undefined || body.trim() === '') return { kind: 'refused', status };
    return { kind: 'unsure', why: `it answered ${status} with a page instead of JSON: something between answered` };
  }
  // `redirect: manual` gives status 0 in browsers' way of telling it.
  if (status === 0 || (status >= 300 && status < 400))
    return { kind: 'unsure', why: `it redirects (${status}), which was not followed` };
  if (status === 429) return { kind: 'unsure', why: 'it answered 429: too many requests for now' };
  if (status >= 500) return { kind: 'unsure', why: `it answered ${status}: it is broken or down` };
  return { kind: 'unsure', why: `it answered ${status}, which says neither yes nor no` };
}

function parse(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name cannot be resolved',
  EAI_AGAIN: 'its name cannot be resolved for now',
  ECONNREFUSED: 'it refuses connections: nothing listens there',
  ECONNRESET: 'it broke the connection off',
  EHOSTUNREACH: 'no route leads to it',
  ENETUNREACH: 'this machine has no network',
  ETIMEDOUT: 'the connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'the connection timed out',
  UND_ERR_SOCKET: 'it broke the connection off',
};

/** Only the code of a failure is told: a message may repeat the request, and the request has the secret in it. */
function networkReason(error: unknown): string {
  const code = errorCode(error);
  if (code === undefined) return 'the network failed';
  if (/CERT|TLS|SSL|SIGNATURE|ALTNAME/.test(code)) return `its certificate is not trusted (${code})`;
  return `${REASONS[code] ?? 'the network failed'} (${code})`;
}

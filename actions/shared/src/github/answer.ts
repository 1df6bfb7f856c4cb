import { parseRetryAfter } from '../registry/retry/schedule.ts';
import { GitHubFailure, type GitHubFailureKind } from './failure.ts';

/** An answer of the API with its whole body. */
export interface Answer {
  status: number;
  /** Names in lower case. */
  headers: Readonly<Record<string, string | undefined>>;
  /** Parsed JSON; undefined where there was no body. */
  data: unknown;
}

/** Where a secondary limit names no time, GitHub asks for at least a minute. */
const SECONDARY_WAIT_MS = 60_000;

/**
 * What an answer of 400 and above means
 * (https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api).
 * @param here this machine's time, ms since 1970
 */
export function failureOfAnswer(answer: Answer, here: number): GitHubFailure {
  const { status, headers } = answer;
  const now = timeThere(answer, here);
  const words = wordsOf(answer.data);
  const limited = limitOf(answer, words, now);
  const kind = limited?.kind ?? kindOf(answer);
  const wanted = headers['x-accepted-github-permissions'];
  const text = [
    `GitHub answered ${status}`,
    words === '' ? '' : ` (${words})`,
    kind === 'forbidden' && wanted !== undefined ? `; it takes the permission ${clean(wanted)}` : '',
    limited?.until === undefined ? '' : `; the limit ends at ${new Date(limited.until).toISOString()}`,
  ].join('');
  return new GitHubFailure(kind, text, { status, waitMs: limited?.waitMs ?? retryAfterOf(answer, now) });
}

/**
 * When the next request may be sent, by the headers of one that was answered; undefined: at once.
 * @param here this machine's time, and what is returned, ms since 1970
 */
export function exhaustedUntil(answer: Answer, here: number): number | undefined {
  if (answer.headers['x-ratelimit-remaining'] !== '0') return undefined;
  const reset = resetOf(answer.headers);
  return reset === undefined ? undefined : here + reset - timeThere(answer, here);
}

/** GitHub's own time where it says it: its limits end by its clock, and this machine's may be wrong. */
function timeThere({ headers }: Answer, here: number): number {
  const there = Date.parse(headers['date'] ?? '');
  return Number.isNaN(there) ? here : there;
}

function kindOf({ status, headers }: Answer): GitHubFailureKind {
  if (status === 401) return 'unauthorized';
  if (status === 403) return headers['x-github-sso']?.startsWith('required') === true ? 'single-sign-on' : 'forbidden';
  if (status === 451) return 'forbidden';
  if (status === 404) return 'not-found';
  if (status === 410) return 'gone';
  if (status === 408) return 'timeout';
  if (status === 409) return 'conflict';
  if (status === 400 || status === 422) return 'refused';
  if (status >= 500) return 'server';
  return 'unexpected';
}

interface Limit {
  kind: 'rate-limited' | 'secondary-limit';
  waitMs: number;
  /** ms since 1970 */
  until?: number | undefined;
}

/** https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit */
function limitOf(answer: Answer, words: string, now: number): Limit | undefined {
  if (answer.status !== 403 && answer.status !== 429) return undefined;
  const after = retryAfterOf(answer, now);
  if (answer.headers['x-ratelimit-remaining'] === '0') {
    const until = resetOf(answer.headers);
    // A second more: the clocks of both sides are not the same.
    const waitMs = after ?? (until === undefined ? SECONDARY_WAIT_MS : Math.max(0, until - now) + 1000);
    return { kind: 'rate-limited', waitMs, until: until ?? now + waitMs };
  }
  if (answer.status === 429 || /secondary rate limit|abuse detection/i.test(words) || after !== undefined) {
    const waitMs = after ?? SECONDARY_WAIT_MS;
    return { kind: 'secondary-limit', waitMs };
  }
  return undefined;
}

function resetOf(headers: Answer['headers']): number | undefined {
  const text = headers['x-ratelimit-reset'] ?? '';
  return /^\d{1,11}$/.test(text) ? Number(text) * 1000 : undefined;
}

const retryAfterOf = ({ headers }: Answer, now: number): number | undefined =>
  parseRetryAfter(headers['retry-after'] ?? null, now);

const LONGEST_WORDS = 300;

/** GitHub's own words: `message`, and what its list of errors names. */
function wordsOf(data: unknown): string {
  if (typeof data !== 'object' || data === null) return '';
  const { message, errors } = data as { message?: unknown; errors?: unknown };
  const said = Array.isArray(errors) ? errors.map(errorWords).filter((text) => text !== '') : [];
  return clean([typeof message === 'string' ? message : '', ...said].filter((text) => text !== '').join('; '));
}

function errorWords(error: unknown): string {
  if (typeof error === 'string') return error;
  if (typeof error !== 'object' || error === null) return '';
  const { field, code, message } = error as { field?: unknown; code?: unknown; message?: unknown };
  return [field, message ?? code].filter((part) => typeof part === 'string').join(': ');
}

/** One line, of bounded length, nothing that moves a terminal. */
function clean(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what has to go
  return text.replaceAll(/[\u0000-\u001F\u007F-\u009F]+/g, ' ').slice(0, LONGEST_WORDS);
}

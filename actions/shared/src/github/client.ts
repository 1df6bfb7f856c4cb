import { Octokit } from '@octokit/core';
import type { Static, TSchema } from 'typebox';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { EnvSource, Secret } from '@papergate/config';
import { exhaustedUntil, failureOfAnswer, type Answer } from './answer.ts';
import { failureOfThrown, GitHubFailure } from './failure.ts';
import { retrying, type RetryDeps } from './retry.ts';
import { openTransport, type Fetch, type Transport } from './transport.ts';

export type Params = Readonly<Record<string, unknown>>;

export interface ClientOptions extends RetryDeps {
  /** Without a slash at its end. */
  apiUrl: string;
  token: Secret;
  owner: string;
  repo: string;
  env: EnvSource;
  timeoutMs: number;
  fetch?: Fetch | undefined;
}

const API_VERSION = '2022-11-28';
const PAGE = 100;
/** So many pages of a list are followed; nothing that is asked here has ten thousand entries. */
const MAX_PAGES = 100;
/** May be sent twice with the effect of once. POST is not among them: see `isOutcomeUnknown`. */
const REPEATABLE = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH']);
const NOTHING = Type.Unknown();

/**
 * One repository, over GitHub's REST API. Routes are written as in GitHub's description of it
 * (`GET /repos/{owner}/{repo}/deployments`); owner and repository are filled in. All methods throw GitHubFailure.
 */
export class ApiClient {
  readonly #octokit: Octokit;
  readonly #transport: Transport;
  readonly #options: ClientOptions;
  #exhaustedUntil = 0;
  #writes: Promise<unknown> = Promise.resolve();

  constructor(options: ClientOptions) {
    const { apiUrl, token, env, timeoutMs, fetch, signal } = options;
    this.#options = options;
    this.#transport = openTransport({ env, timeoutMs, fetch, signal });
    const quiet = (): void => {};
    this.#octokit = new Octokit({
      auth: token.reveal(),
      baseUrl: apiUrl,
      userAgent: 'papergate',
      request: { fetch: this.#transport.fetch },
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    });
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  /** @returns the answer's body, held to the schema of what is used of it */
  async ask<T extends TSchema>(schema: T, route: string, params: Params = {}): Promise<Static<T>> {
    return await this.#repeat(route, async () => checked(schema, (await this.#once(route, params)).data, route));
  }

  /** As {@link ask}; undefined where there is no such thing, or the token does not see it. */
  async find<T extends TSchema>(schema: T, route: string, params: Params = {}): Promise<Static<T> | undefined> {
    try {
      return await this.ask(schema, route, params);
    } catch (error) {
      if (error instanceof GitHubFailure && error.kind === 'not-found') return undefined;
      throw error;
    }
  }

  /** For requests whose answer has nothing to read. */
  async send(route: string, params: Params = {}): Promise<void> {
    await this.ask(NOTHING, route, params);
  }

  /**
   * A list over all its pages, in GitHub's order. `key`: under which its entries lie, where the answer is no array.
   * `max`: so many are enough.
   */
  async list<T extends TSchema>(
    schema: T,
    route: string,
    params: Params = {},
    { key, max = Infinity }: { key?: string; max?: number } = {},
  ): Promise<Static<T>[]> {
    const entries = Type.Array(schema);
    const shape = key === undefined ? entries : Type.Object({ [key]: entries });
    const found: Static<T>[] = [];
    const first: Params = { per_page: Math.min(PAGE, max), ...params };
    let next: { route: string; params: Params } | undefined = { route, params: first };
    for (let page = 0; next !== undefined; page++) {
      if (page === MAX_PAGES) throw new GitHubFailure('too-large', `${route} has more than ${MAX_PAGES} pages`);
      const at: { route: string; params: Params } = next;
      const [part, link] = await this.#repeat(route, async () => {
        const answer = await this.#once(at.route, at.params);
        const data = checked(shape, answer.data, route);
        return [Array.isArray(data) ? data : (data[key ?? ''] ?? []), this.#nextOf(answer)] as const;
      });
      found.push(...part);
      next = link === undefined || found.length >= max ? undefined : { route: `GET ${link}`, params: {} };
    }
    return found.slice(0, max);
  }

  /** The address of the page that follows. It is only believed where it leads to the same API: the token goes with it. */
  #nextOf({ headers }: Answer): string | undefined {
    const link = /<([^<>]+)>;\s*rel="next"/.exec(headers['link'] ?? '')?.[1];
    if (link === undefined) return undefined;
    const base = new URL(this.#options.apiUrl);
    if (!URL.canParse(link) || new URL(link).origin !== base.origin) {
      throw new GitHubFailure(
        'answer',
        `GitHub's next page lies at ${link.slice(0, 200)}, which is not ${base.origin}`,
      );
    }
    return link;
  }

  async #repeat<T>(route: string, act: () => Promise<T>): Promise<T> {
    const isRead = /^(GET|HEAD) /.test(route);
    const isRepeatable = REPEATABLE.has(route.split(' ')[0] ?? '');
    const whole = (): Promise<T> => retrying(isRepeatable, this.#options, act);
    if (isRead) return await whole();
    // Writes go one after the other: GitHub's secondary limit wants it so.
    const mine = this.#writes.then(whole, whole);
    this.#writes = mine.catch(() => {});
    return await mine;
  }

  async #once(route: string, params: Params): Promise<Answer> {
    const { clock, owner, repo, apiUrl } = this.#options;
    const now = clock.now();
    if (now < this.#exhaustedUntil && !route.endsWith('/rate_limit')) {
      const until = new Date(this.#exhaustedUntil).toISOString();
      throw new GitHubFailure('rate-limited', `all requests of this hour are used up until ${until}`, {
        waitMs: this.#exhaustedUntil - now + 1000,
      });
    }
    const own = { ...(route.includes('{owner}') ? { owner, repo } : {}), ...params };
    const answer = await this.#exchange(route, own, new URL(apiUrl).host);
    this.#exhaustedUntil = exhaustedUntil(answer, clock.now()) ?? 0;
    if (answer.status >= 400) throw this.#withoutToken(failureOfAnswer(answer, clock.now()));
    return answer;
  }

  async #exchange(route: string, params: Params, host: string): Promise<Answer> {
    try {
      const headers = { accept: 'application/vnd.github+json', 'x-github-api-version': API_VERSION };
      const { status, headers: got, data } = await this.#octokit.request(route, { ...params, headers });
      // octokit hands out the text where the JSON cannot be parsed.
      if (typeof data === 'string' && data !== '')
        throw new GitHubFailure('answer', `${host} sent no JSON`, { status });
      return { status, headers: textHeaders(got), data: data === '' ? undefined : data };
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      const { response } = error as { response?: { status: number; headers: object; data: unknown } };
      if (response !== undefined) {
        return { status: response.status, headers: textHeaders(response.headers), data: response.data };
      }
      throw failureOfThrown(error instanceof Error && error.cause instanceof GitHubFailure ? error.cause : error, host);
    }
  }

  /** A server that says back what it was sent must not bring the token into a log. */
  #withoutToken(failure: GitHubFailure): GitHubFailure {
    const token = this.#options.token.reveal();
    if (token !== '') failure.message = failure.message.replaceAll(token, '[redacted]');
    return failure;
  }
}

const textHeaders = (headers: object): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));

function checked<T extends TSchema>(schema: T, data: unknown, route: string): Static<T> {
  if (Value.Check(schema, data)) return data;
  const [error] = Value.Errors(schema, data);
  const where = error === undefined || error.instancePath === '' ? 'it' : error.instancePath;
  throw new GitHubFailure(
    'answer',
    `the answer to ${route.slice(0, 200)} is not what GitHub describes: ${where} ${error?.message ?? 'is something else'}`,
  );
}

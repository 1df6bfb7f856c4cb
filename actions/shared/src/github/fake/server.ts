import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf } from '@papergate/config';
import { Refusal, type Call, type Reply, type Route } from './call.ts';
import { makeChecker, type Checker } from './description/check.ts';
import { complete } from './description/complete.ts';
import { loadDescription, type GitHubDescription } from './description/describe.ts';
import { isObject, type Json, type JsonObject } from './description/types.ts';
import { makeFaults, type Fault } from './faults.ts';
import { makeLimits } from './limits.ts';
import { makeMatcher } from './match.ts';
import { paged } from './pages.ts';
import { RATE_LIMIT_ROUTE, ROUTES } from './routes/index.ts';
import { BOT, makeState, type FakeState, type FakeToken, type GivenState } from './state.ts';

export interface GitHubFakeOptions {
  state?: GivenState;
  /** ms since 1970; GitHub's own time. */
  clock?: { now(): number };
  faults?: readonly Fault[];
  /** 0: a free one. */
  port?: number;
  /** Hold every request and answer to GitHub's description. Default: true. */
  validate?: boolean;
  /** After each request that may have changed the state. */
  onChange?: (state: FakeState) => void;
  /** Before a commit is looked for that is not known; it may add to the state. */
  learn?: (state: FakeState, fullName: string) => void;
}

export interface FakeRequest {
  method: string;
  /** Path with its query. */
  path: string;
  /** Undefined where the fake serves nothing there. */
  route: string | undefined;
  body: Json | undefined;
  /** 0 where the connection was cut before an answer. */
  status: number;
  /** Login behind the token. */
  actor: string;
}

export interface GitHubFake {
  /** For GITHUB_API_URL. */
  url: string;
  state: FakeState;
  requests: FakeRequest[];
  /** What was not as GitHub's description has it, in words. */
  violations: string[];
  fault(fault: Fault): void;
  /** So many requests are left of this hour. */
  leave(remaining: number): void;
  /** @throws Error where a request or answer was not as described: the test that did it must fail */
  close(): Promise<void>;
}

const DOCS = 'https://docs.github.com/rest';
/** Read and compiled once for all fakes of a process: it takes longer than most tests. It never changes. */
let known: { description: GitHubDescription; checker: Checker } | undefined;
function described(): NonNullable<typeof known> {
  const description = known?.description ?? loadDescription();
  known ??= { description, checker: makeChecker(description) };
  return known;
}

const NO_TOKEN: FakeToken = { login: BOT, permissions: 'all' };

/** GitHub's API for the operations of `routes/`, as a real HTTP server on loopback. */
export async function startGitHubFake(options: GitHubFakeOptions = {}): Promise<GitHubFake> {
  const { clock = { now: Date.now }, validate = true, port = 0, onChange, learn } = options;
  const state = makeState(structuredClone(options.state));
  const { description, checker: strict } = described();
  const checker = validate ? strict : undefined;
  const limits = makeLimits(state.rate_limit, () => clock.now());
  const faults = makeFaults(options.faults);
  const match = makeMatcher(ROUTES);
  const requests: FakeRequest[] = [];
  const violations: string[] = [];
  let api = '';

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      violations.push(`the fake itself failed: ${messageOf(error)}`);
      if (response.headersSent) response.destroy();
      else response.writeHead(599).end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET' } = request;
    const url = new URL(request.url ?? '/', api);
    const raw = await bodyOf(request);
    const matched = match(method, url.pathname);
    const key = /^(?:token|bearer) (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const token = key === undefined ? undefined : state.tokens === undefined ? NO_TOKEN : state.tokens[key];
    const actor = token?.login ?? 'nobody';
    const body = raw === '' ? undefined : parsed(raw);
    const seen: FakeRequest = {
      method,
      path: url.pathname + url.search,
      route: matched?.route.route,
      body,
      status: 0,
      actor,
    };
    requests.push(seen);

    const answer = (status: number, value: Json | undefined, headers: Record<string, string> = {}): void => {
      seen.status = status;
      const text = value === undefined ? '' : JSON.stringify(value);
      const isRead = status === 200 && method === 'GET';
      const etag = isRead ? `W/"${createHash('sha256').update(text).digest('hex')}"` : undefined;
      const isSame = etag !== undefined && request.headers['if-none-match'] === etag;
      if (isSame) seen.status = 304;
      else if (matched?.route !== RATE_LIMIT_ROUTE) limits.take(key ?? '');
      response.writeHead(seen.status, {
        date: new Date(clock.now()).toUTCString(),
        'content-type': 'application/json; charset=utf-8',
        'x-github-media-type': 'github.v3; format=json',
        ...limits.headers(key ?? ''),
        ...(etag === undefined ? {} : { etag }),
        ...headers,
      });
      response.end(isSame ? '' : text);
    };
    const refuse = (status: number, message: string, headers = {}, errors: JsonObject[] = []): void =>
      answer(
        status,
        { message, documentation_url: DOCS, status: String(status), ...(errors.length > 0 ? { errors } : {}) },
        headers,
      );

    if (matched === undefined) {
      violations.push(`${method} ${url.pathname}: the fake serves nothing there`);
      return refuse(404, 'Not Found');
    }
    const { route } = matched.route;
    const fault = faults.next(route);
    if (fault !== undefined && fault.kind !== 'answer-lost' && fault.kind !== 'half') {
      return fail(fault, { request, response, refuse, answer, until: clock.now() });
    }
    if (token === undefined) return refuse(401, 'Bad credentials');
    const isFree = matched.route === RATE_LIMIT_ROUTE;
    if (!isFree && limits.headers(key ?? '')['x-ratelimit-remaining'] === '0') {
      return refuse(403, `API rate limit exceeded for user ID ${actor}.`);
    }
    if (isFree) return answer(200, complete(description, answerSchema(route, 200), limits.show(key ?? '')));

    const wrong = checker?.request(route, matched.params, url.searchParams, body) ?? [];
    if (wrong.length > 0) {
      violations.push(...wrong.map((what) => `request ${method} ${url.pathname}: ${what}`));
      return refuse(422, `Validation Failed: ${wrong.join('; ')}`);
    }
    let reply: Reply;
    try {
      reply = handle(matched.route, matched.params, { token, actor, url, body });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const needs = matched.route.needs?.join('=');
      const headers = error.status === 403 && needs !== undefined ? { 'x-accepted-github-permissions': needs } : {};
      return refuse(error.status, error.message, headers, error.errors);
    }
    const { value, link } = paged(reply, url, api);
    const whole = value === undefined ? undefined : complete(description, answerSchema(route, reply.status), value);
    const bad = checker?.answer(route, reply.status, whole) ?? [];
    violations.push(...bad.map((what) => `answer to ${method} ${url.pathname}: ${what}`));
    if (method !== 'GET') onChange?.(state);
    if (fault?.kind === 'answer-lost') return void response.destroy();
    if (fault?.kind === 'half') {
      response.writeHead(reply.status, { 'content-type': 'application/json', 'content-length': '100000' });
      response.write(JSON.stringify(whole ?? null).slice(0, 10), () => response.destroy());
      return;
    }
    answer(reply.status, whole, link === undefined ? {} : { link });
  }

  const answerSchema = (route: string, status: number): JsonObject => description.answerSchema(route, status) ?? {};

  function handle(
    route: Route,
    params: Record<string, string>,
    { token, actor, url, body }: { token: FakeToken; actor: string; url: URL; body: Json | undefined },
  ): Reply {
    const { owner = '', repo = '' } = params;
    const fullName = `${owner}/${repo}`;
    const repository = state.repositories[fullName];
    if (route.route.includes('{repo}') && repository === undefined) throw new Refusal(404, 'Not Found');
    if (!may(token, route.needs)) throw new Refusal(403, 'Resource not accessible by integration');
    const call = (): Call => ({
      state,
      get repository() {
        if (repository === undefined) throw new Error(`${route.route} has no repository`);
        return repository;
      },
      fullName,
      owner,
      params,
      query: url.searchParams,
      body: isObject(body) ? body : {},
      actor,
      api,
      now: new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'),
      nextId: () => state.next_id++,
    });
    try {
      return route.handle(call());
    } catch (error) {
      if (!(error instanceof Refusal) || learn === undefined || ![404, 422].includes(error.status)) throw error;
      learn(state, fullName);
      return route.handle(call());
    }
  }

  return {
    url: api,
    state,
    requests,
    violations,
    fault: faults.add,
    leave: limits.leave,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      if (violations.length > 0) throw new Error(`not as GitHub describes it:\n${violations.join('\n')}`);
    },
  };
}

function may({ permissions }: FakeToken, needs: Route['needs']): boolean {
  if (needs === undefined || permissions === 'all') return true;
  const [name, access] = needs;
  return permissions[name] === 'write' || permissions[name] === access;
}

interface Failing {
  request: IncomingMessage;
  response: ServerResponse;
  refuse(status: number, message: string, headers?: Record<string, string>): void;
  answer(status: number, value: Json | undefined): void;
  /** ms since 1970 */
  until: number;
}

const MESSAGES: Readonly<Record<number, string>> = {
  401: 'Bad credentials',
  403: 'Resource not accessible by integration',
  404: 'Not Found',
  409: 'Conflict',
  422: 'Validation Failed',
  451: 'Repository access blocked',
};

function fail(fault: Fault, { request, response, refuse, answer, until }: Failing): void {
  const after = fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) };
  const status = fault.status ?? 500;
  const json = { 'content-type': 'application/json; charset=utf-8' };
  if (fault.kind === 'status') return refuse(status, MESSAGES[status] ?? 'Server Error', after);
  if (fault.kind === 'rate-limited') {
    const reset = String(Math.ceil(until / 1000) + 60);
    return refuse(403, 'API rate limit exceeded.', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset });
  }
  if (fault.kind === 'secondary-limit') {
    return refuse(403, 'You have exceeded a secondary rate limit. Please wait a few minutes.', after);
  }
  if (fault.kind === 'single-sign-on') {
    const sso = 'required; url=https://github.com/orgs/example/sso';
    return refuse(403, 'Resource protected by organization SAML enforcement.', { 'x-github-sso': sso });
  }
  if (fault.kind === 'wrong-shape') return answer(200, { surprise: [] });
  if (fault.kind === 'malformed') return void response.writeHead(200, json).end('{"id": 1, "sha": "');
  if (fault.kind === 'html') {
    return void response.writeHead(502, { 'content-type': 'text/html' }).end('<html>Bad Gateway</html>');
  }
  if (fault.kind === 'cut') request.socket.destroy();
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

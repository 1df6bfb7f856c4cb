import { request as ask, type IncomingMessage, type ServerResponse } from 'node:http';
import { bodyOf, serve, type TestServer } from './server.ts';

export type Fault =
  /** Answered by us; the registry never hears of it. */
  | { kind: 'status'; status: number; headers?: Record<string, string>; body?: string }
  /** The connection ends without an answer; the registry never hears of it. */
  | { kind: 'reset' }
  /** The connection ends when this many bytes of the request's body have gone by. */
  | { kind: 'cut'; bytes: number }
  /** The registry does what it was asked, and the answer is lost. */
  | { kind: 'lost-answer' }
  /** Never answered. */
  | { kind: 'silence' }
  /** The answer, changed. */
  | { kind: 'changed'; headers?: Record<string, string | undefined>; body?: (bytes: Buffer) => Buffer };

export interface FaultRule {
  method?: string;
  path?: RegExp;
  /** How often; always where it is not said. */
  times?: number;
  /** So many that fit go by first. */
  after?: number;
  fault: Fault;
}

export interface Login {
  kind: 'basic' | 'bearer';
  username: string;
  password: string;
}

export interface FaultProxy extends TestServer {
  fail(rule: FaultRule): void;
  /** `METHOD /path`, in order. */
  readonly seen: string[];
  /** Every `authorization` header that came, in order. */
  readonly authorizations: string[];
}

/** Stands before a registry, real or not: breaks what it is told to break, and asks for a login where it should. */
export async function startFaultProxy(target: string, login?: Login): Promise<FaultProxy> {
  const rules: Required<Pick<FaultRule, 'times' | 'after' | 'fault'>>[] & FaultRule[] = [];
  const seen: string[] = [];
  const authorizations: string[] = [];
  const pending = new Set<ServerResponse>();
  const server = await serve(async (request, response) => {
    const path = request.url ?? '/';
    seen.push(`${request.method} ${path}`);
    if (request.headers.authorization !== undefined) authorizations.push(request.headers.authorization);
    if (login !== undefined && !admit(login, request, response)) return;
    const fault = takeFault(rules, request.method ?? 'GET', path);
    if (fault?.kind === 'status') {
      request.resume();
      const text = fault.body ?? '';
      response.writeHead(fault.status, { 'content-length': Buffer.byteLength(text), ...fault.headers });
      response.end(request.method === 'HEAD' ? undefined : text);
    } else if (fault?.kind === 'reset') request.socket.destroy();
    else if (fault?.kind === 'silence') {
      pending.add(response);
      request.resume();
    } else if (fault?.kind === 'cut') await cutAfter(request, fault.bytes);
    else await pass(target, request, response, fault);
  });
  return {
    address: server.address,
    close: server.close,
    fail: ({ times = Number.POSITIVE_INFINITY, after = 0, ...rule }) => rules.push({ ...rule, times, after }),
    seen,
    authorizations,
  };
}

function takeFault(
  rules: (FaultRule & { times: number; after: number })[],
  method: string,
  path: string,
): Fault | undefined {
  const rule = rules.find(
    (one) => one.times > 0 && (one.method === undefined || one.method === method) && (one.path?.test(path) ?? true),
  );
  if (rule === undefined) return undefined;
  if (rule.after > 0) {
    rule.after--;
    return undefined;
  }
  rule.times--;
  return rule.fault;
}

function cutAfter(request: IncomingMessage, bytes: number): Promise<void> {
  const { socket } = request;
  return new Promise((resolve) => {
    let passed = 0;
    request.on('error', () => undefined);
    request.on('close', resolve);
    request.on('data', (part: Buffer) => {
      passed += part.length;
      if (passed >= bytes) socket.destroy();
    });
  });
}

async function pass(
  target: string,
  request: IncomingMessage,
  response: ServerResponse,
  fault: Fault | undefined,
): Promise<void> {
  const body = await bodyOf(request);
  const [host, port] = target.split(':');
  const { authorization: _ours, ...headers } = request.headers;
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    // The Host header stays the caller's, so that the registry's own links lead back through here.
    const upstream = ask({ host, port, method: request.method, path: request.url, headers, agent: false }, resolve);
    upstream.on('error', reject);
    upstream.end(body);
  });
  const bytes = await bodyOf(answer);
  if (fault?.kind === 'lost-answer') return void request.socket.destroy();
  const changed = fault?.kind === 'changed' ? fault : undefined;
  const sent = changed?.body?.(bytes) ?? bytes;
  const all: Record<string, string | string[] | undefined> = { ...answer.headers, ...changed?.headers };
  delete all['transfer-encoding'];
  if (request.method !== 'HEAD') all['content-length'] = String(sent.length);
  const kept = Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  response.writeHead(answer.statusCode ?? 502, kept);
  response.end(request.method === 'HEAD' ? undefined : sent);
}

/** As registries do: docker.com's and GitHub's ask for tokens of a service beside them, small ones for a password. */
function admit(login: Login, request: IncomingMessage, response: ServerResponse): boolean {
  const { authorization = '' } = request.headers;
  const basic = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
  const refuse = (challenge: string): false => {
    request.resume();
    const text = JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] });
    response.writeHead(401, { 'www-authenticate': challenge, 'content-length': text.length });
    response.end(request.method === 'HEAD' ? undefined : text);
    return false;
  };
  if (login.kind === 'basic') return authorization === basic || refuse('Basic realm="registry"');
  const url = new URL(request.url ?? '/', `http://${request.headers.host ?? ''}`);
  if (url.pathname === '/token') {
    if (authorization !== basic) return refuse('Basic realm="tokens"');
    const token = Buffer.from(url.searchParams.get('scope') ?? '').toString('base64url');
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ token, expires_in: 300 }));
    return false;
  }
  const name = /^\/v2\/(.+)\/(manifests|blobs|tags|referrers)\//.exec(url.pathname)?.[1];
  const access = request.method === 'GET' || request.method === 'HEAD' ? 'pull' : 'pull,push';
  const scope = name === undefined ? '' : `repository:${name}:${access}`;
  const held = Buffer.from(authorization.replace(/^Bearer /, ''), 'base64url').toString();
  const fits =
    authorization.startsWith('Bearer ') &&
    (name === undefined || held.includes(`repository:${name}:`)) &&
    (access === 'pull' || held.includes('push'));
  return (
    fits || refuse(`Bearer realm="http://${request.headers.host ?? ''}/token",service="registry",scope="${scope}"`)
  );
}

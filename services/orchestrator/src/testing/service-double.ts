import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SeenRequest {
  method: string;
  path: string;
  body: unknown;
  headers: IncomingHttpHeaders;
}

export interface DoubleAnswer {
  status?: number;
  body?: unknown;
  headers?: Record<string, string>;
}

/** Ways in which a sibling service may be broken. */
export type Fault = 'dead' | 'silent' | 'reset' | 'error' | 'garbage' | undefined;

/**
 * A sibling service: it answers what the test says, records what it was asked, and breaks on request. With
 * `handledBeforeFault` it does its work first, so that only the answer is lost.
 */
export interface ServiceDouble {
  readonly port: number;
  requests: SeenRequest[];
  /** By `METHOD /path` without query; a function may count, wait or decide. */
  answers: Map<string, DoubleAnswer | ((request: SeenRequest) => DoubleAnswer | Promise<DoubleAnswer>)>;
  fault: Fault;
  /** How many more requests the fault hits; undefined: all. */
  faultTimes: number | undefined;
  /** Stops listening: connections are refused. */
  stop(): Promise<void>;
  /** Listens again, on the same port. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export async function startServiceDouble(): Promise<ServiceDouble> {
  const open = new Set<ServerResponse>();
  const double: Omit<ServiceDouble, 'port' | 'stop' | 'restart' | 'close'> = {
    requests: [],
    answers: new Map(),
    fault: undefined,
    faultTimes: undefined,
  };

  async function respond(seen: SeenRequest, response: ServerResponse): Promise<void> {
    const [path = '/'] = seen.path.split('?');
    const wanted = double.answers.get(`${seen.method} ${path}`) ?? fallback(path);
    const { status = 200, body, headers } = typeof wanted === 'function' ? await wanted(seen) : wanted;
    const fault = double.faultTimes === 0 ? undefined : double.fault;
    if (fault !== undefined && double.faultTimes !== undefined) double.faultTimes -= 1;
    if (fault === 'silent') return;
    if (fault === 'reset') return void response.socket?.destroy();
    if (fault === 'error') return send(response, 500, '{"code":"INTERNAL","message":"broken on purpose"}');
    if (fault === 'garbage') return send(response, 200, '<html>not a service</html>');
    send(response, status, JSON.stringify(body), headers);
  }

  const server = createServer((request, response) => {
    open.add(response);
    response.on('close', () => open.delete(response));
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      const seen: SeenRequest = {
        method: request.method ?? 'GET',
        path: request.url ?? '/',
        body: text === '' ? undefined : JSON.parse(text),
        headers: request.headers,
      };
      double.requests.push(seen);
      void respond(seen, response);
    });
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => resolve());
    });
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return Object.assign(double, { port, stop, restart: () => listen(port), close: stop });
}

function fallback(path: string): DoubleAnswer {
  if (path === '/health') return { body: { status: 'healthy', release: 'test', uptime_seconds: 1 } };
  if (path === '/health/ready') return { body: { ready: true, checks: {} } };
  return { status: 404, body: { code: 'NOT_FOUND', message: `the double knows no ${path}` } };
}

function send(response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
}

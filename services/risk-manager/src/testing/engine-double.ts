import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What execution-engine says over HTTP, as far as risk-manager asks; everything it was told is kept. */
export interface EngineDouble {
  readonly port: number;
  /** What `GET /account` answers; undefined: 502. */
  account: Record<string, unknown> | undefined;
  /** Bodies of `PUT /trading-state`, and the status that answers the next ones; undefined: no answer. */
  readonly states: { state: string; reason: string }[];
  stateStatus: number | undefined;
  close(): Promise<void>;
}

export async function startEngineDouble(): Promise<EngineDouble> {
  const server = createServer((request, response) => {
    const answer = (status: number, value: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    };
    void handle(request, answer);
  });
  async function handle(request: IncomingMessage, answer: (status: number, value: unknown) => void): Promise<void> {
    const body = await read(request);
    if (request.method === 'GET' && request.url === '/account') {
      answer(double.account === undefined ? 502 : 200, double.account ?? {});
    } else if (request.method === 'PUT' && request.url === '/trading-state') {
      double.states.push(body as { state: string; reason: string });
      if (double.stateStatus !== undefined) answer(double.stateStatus, {});
    } else answer(404, {});
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const double: EngineDouble = {
    port: (server.address() as AddressInfo).port,
    account: undefined,
    states: [],
    stateStatus: 200,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return double;
}

async function read(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const part of request) text += String(part);
  return text === '' ? undefined : JSON.parse(text);
}

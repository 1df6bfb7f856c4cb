import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A sibling service that answers what the test put in `answers`, by path without query. */
export interface ServiceDouble {
  readonly port: number;
  answers: Map<string, { status: number; body: unknown }>;
  close(): Promise<void>;
}

export async function startServiceDouble(): Promise<ServiceDouble> {
  const answers: ServiceDouble['answers'] = new Map([
    ['/health/ready', { status: 200, body: { ready: true, checks: {} } }],
  ]);
  const server = createServer((request, response) => {
    const [path = '/'] = (request.url ?? '/').split('?');
    const { status, body } = answers.get(path) ?? { status: 404, body: { code: 'NOT_FOUND', message: path } };
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    response
      .writeHead(status, { 'content-type': typeof body === 'string' ? 'text/plain' : 'application/json' })
      .end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    answers,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

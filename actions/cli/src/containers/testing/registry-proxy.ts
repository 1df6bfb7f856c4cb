import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RegistryProxy {
  /** `127.0.0.1:PORT`. */
  address: string;
  /** How many requests came with the right password. */
  let: () => number;
  stop(): Promise<void>;
}

/** A registry behind a password (HTTP Basic), in front of one that is open to all. */
export async function startRegistryProxy(registry: string, user: string, password: string): Promise<RegistryProxy> {
  const wanted = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const [host, port] = registry.split(':');
  let letIn = 0;
  const server = createServer((incoming: IncomingMessage, answer: ServerResponse) => {
    if (incoming.headers.authorization !== wanted) {
      incoming.resume();
      answer.writeHead(401, {
        'www-authenticate': 'Basic realm="papergate-test"',
        'content-type': 'application/json',
        'docker-distribution-api-version': 'registry/2.0',
      });
      answer.end('{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}');
      return;
    }
    letIn += 1;
    // With the Host as it came: the registry's answers lead back through here.
    const onward = request(
      { host, port, method: incoming.method, path: incoming.url, headers: incoming.headers },
      (response) => {
        answer.writeHead(response.statusCode ?? 502, response.headers);
        response.pipe(answer);
      },
    );
    onward.on('error', () => answer.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    let: () => letIn,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** GitHub's API, as far as a run on this machine has one. */
export interface LocalGitHub {
  url: string;
  close(): Promise<void>;
}

/** A server that knows of nothing: what asks it is told 404. */
export async function startGitHub(): Promise<LocalGitHub> {
  const server = createServer((_request, response) => {
    response.writeHead(404, { 'content-type': 'application/json' });
    response.end('{"message":"Not Found"}');
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

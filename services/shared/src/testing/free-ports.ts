import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the range of outgoing connections, so that a restarted service finds its own still free. */
const FIRST = 12_000;
/** For each of jest's workers, which run side by side: none draws what another is about to listen on. */
const EACH = 2_000;

/** Ports of 127.0.0.1 that nobody listens on, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const worker = (Number(process.env['JEST_WORKER_ID'] ?? 1) - 1) % 4;
  const found = new Set<number>();
  while (found.size < count) {
    const port = FIRST + worker * EACH + randomInt(EACH);
    if (await canListen(port)) found.add(port);
  }
  return [...found];
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

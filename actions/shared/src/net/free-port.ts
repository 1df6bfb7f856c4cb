import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the range from which the kernel draws ports for outgoing connections (32768 and up on Linux, 49152 and up
 * elsewhere): a port that is free now must still be free when a crashed service comes back to it.
 */
const FIRST = 20_000;
const LAST = 31_999;

/** Whether a TCP port of a loopback or other own address can be listened on right now. */
export function canListen(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Ports of 127.0.0.1 that nobody listens on, all different. */
export async function freePorts(
  count: number,
  draw: () => number = () => randomInt(FIRST, LAST + 1),
): Promise<number[]> {
  const found = new Set<number>();
  for (let tries = 0; found.size < count; tries += 1) {
    if (tries > 20_000) throw new Error(`no ${count} free ports between ${FIRST} and ${LAST}`);
    const port = draw();
    if (!found.has(port) && (await canListen(port))) found.add(port);
  }
  return [...found];
}

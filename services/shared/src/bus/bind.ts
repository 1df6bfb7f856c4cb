import { setTimeout as delay } from 'node:timers/promises';
import type { Publisher, Router } from 'zeromq';
import { ExternalError, messageOf } from '@papergate/config';

/** A socket that was closed gives its port back when libzmq's own thread comes to it, which nobody can wait for. */
const PATIENCE_MS = 2_000;

/**
 * Binds a server socket of a service; port 0 takes a free one. A port that is held is asked for again for two seconds.
 * @returns the port
 * @throws ExternalError BUS_PORT_IN_USE; the socket is left open
 */
export async function bindSocket(
  socket: Pick<Publisher | Router, 'bind' | 'lastEndpoint'>,
  at: { service: string; host: string; port: number },
): Promise<number> {
  const { service, host, port } = at;
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      await socket.bind(`tcp://${host}:${port === 0 ? '*' : port}`);
      return Number(/:(\d+)$/.exec(socket.lastEndpoint ?? '')?.[1] ?? port);
    } catch (error) {
      const held = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (held && performance.now() < deadline) {
        await delay(20);
        continue;
      }
      throw new ExternalError({
        code: 'BUS_PORT_IN_USE',
        message: `${service} cannot bind its bus port ${port} on ${host}: ${messageOf(error)}`,
        fix: `end what holds port ${port}, or give ${service} another bus_port in the system configuration`,
        cause: error,
      });
    }
  }
}

import type { Socket } from 'zeromq';
import type { BusServer } from '@papergate/config';
import type { Bus, BusEndpoint } from './bus.ts';
import { observe } from './security/events.ts';
import type { ClientOptions } from './security/security.ts';

export interface Connection {
  url: string;
  /** Whose socket this is, where it is told. */
  server: BusServer | undefined;
  /** For the socket that is made. */
  options: Partial<ClientOptions>;
  /** Connects, and stays at it. */
  open(socket: Connecting): void;
  close(): void;
}

type Connecting = Pick<Socket, 'connect' | 'disconnect' | 'events' | 'closed'>;

/** Between a handshake that failed and the next attempt. */
const AGAIN_MS = 1_000;

/** How a socket reaches a server: with our key and its where the service has keys, in the open where it has none. */
export function connectionTo(endpoint: string | BusEndpoint, bus: Bus | undefined): Connection {
  const { url, server } = typeof endpoint === 'string' ? { url: endpoint, server: undefined } : endpoint;
  const security = bus?.security;
  if (security !== undefined && server === undefined) {
    throw new Error('with keys, an endpoint says whose it is: nobody connects to an unknown server');
  }
  let again: NodeJS.Timeout | undefined;

  /**
   * libzmq reconnects after everything but a handshake that was answered with no: then it gives that server up for good,
   * without a word. But who says no may be the wrong process on the port, or a server whose keys are just being changed.
   */
  function reconnect(socket: Connecting): void {
    again ??= setTimeout(() => {
      again = undefined;
      if (socket.closed) return;
      try {
        socket.disconnect(url);
      } catch {
        // It was given up already.
      }
      socket.connect(url);
    }, AGAIN_MS);
  }

  return {
    url,
    server,
    options: security === undefined || server === undefined ? {} : security.client(server),
    open(socket) {
      observe(socket, ({ type }) => {
        if (type !== 'handshake:error:protocol' && type !== 'handshake:error:auth') return;
        bus?.turnedAway(server ?? url);
        reconnect(socket);
      });
      socket.connect(url);
    },
    close() {
      clearTimeout(again);
    },
  };
}

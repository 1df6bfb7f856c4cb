import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Secret } from '@papergate/config';

/** A TCP proxy before a real PostgreSQL that can be cut and mended: the database "is down" without being stopped. */
export interface DatabaseProxy {
  url: Secret;
  /** Breaks all connections and refuses new ones. */
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

export async function startDatabaseProxy(database: Secret): Promise<DatabaseProxy> {
  const target = new URL(database.reveal());
  const sockets = new Set<Socket>();
  let down = false;
  const server = createServer((inner) => {
    if (down) return void inner.destroy();
    const outer = connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      sockets.add(from);
      from
        .on('error', () => undefined)
        .on('close', () => {
          sockets.delete(from);
          to.destroy();
        });
      from.pipe(to);
    }
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  const cut = (): void => {
    down = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: new Secret(url.href),
    cut,
    mend() {
      down = false;
    },
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

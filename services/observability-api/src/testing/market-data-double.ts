import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createPublisher, type BusPublisher, type Tick } from '@papergate/service-kit';

/**
 * A small market-data: a real PUB socket, and the ring behind `GET /api/v1/ticks`. What it numbers it keeps;
 * what it publishes is up to the test, so that ticks can be lost on the bus.
 */
export interface MarketDataDouble {
  httpPort: number;
  busPort: number;
  readonly epoch: string;
  readonly ring: Tick[];
  /** Numbers and keeps ticks, and publishes them unless told not to. */
  emit(ticks: Omit<Tick, 'n' | 'r'>[], options?: { publish?: boolean }): Promise<Tick[]>;
  heartbeat(): Promise<void>;
  /** Forgets all ticks up to this number. */
  forget(n: number): void;
  /** Answers 500 to everything while true. */
  broken: boolean;
  requests: string[];
  close(): Promise<void>;
}

export async function startMarketDataDouble(): Promise<MarketDataDouble> {
  const bus: BusPublisher = await createPublisher({ service: 'market-data', host: '127.0.0.1', port: 0 });
  let ring: Tick[] = [];
  let n = 0;
  const requests: string[] = [];
  const state = { broken: false };

  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    const url = new URL(request.url ?? '/', 'http://market-data');
    if (state.broken) return answer(response, 500, { code: 'INTERNAL', message: 'broken on purpose' });
    if (url.pathname !== '/api/v1/ticks') return answer(response, 200, { ready: true, checks: {} });
    if (url.searchParams.get('epoch') !== bus.epoch) {
      return answer(response, 404, { code: 'EPOCH_UNKNOWN', message: `the epoch is ${bus.epoch}` });
    }
    const after = Number(url.searchParams.get('after'));
    const limit = Number(url.searchParams.get('limit'));
    return answer(response, 200, {
      epoch: bus.epoch,
      oldest: ring[0]?.n ?? n + 1,
      last: n,
      ticks: ring.filter((tick) => tick.n > after).slice(0, limit),
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    httpPort: (server.address() as AddressInfo).port,
    busPort: bus.port,
    epoch: bus.epoch,
    get ring() {
      return ring;
    },
    requests,
    get broken() {
      return state.broken;
    },
    set broken(value: boolean) {
      state.broken = value;
    },
    async emit(ticks, { publish = true } = {}) {
      const numbered = ticks.map((tick): Tick => ({ ...tick, n: (n += 1), r: Date.now() * 1000 }));
      for (const tick of numbered) ring.push(tick);
      if (publish) await bus.publish('tick', numbered);
      return numbered;
    },
    heartbeat: () => bus.publish('heartbeat', { n, upstream: 'connected', last_tick: Date.now() * 1000 }),
    forget(upTo) {
      ring = ring.filter((tick) => tick.n > upTo);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await bus.close();
    },
  };
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Trades and quotes whose content depends on their place alone. */
export function someTicks(count: number, symbol = 'AAPL'): Omit<Tick, 'n' | 'r'>[] {
  return Array.from({ length: count }, (_, at) => {
    const price = 100_000_000 + (at % 977) * 10_000;
    const base = { s: symbol, t: 1_700_000_000_000_000 + at };
    return at % 3 === 0
      ? { ...base, k: 't', p: price, v: 1 + (at % 500), i: at }
      : { ...base, k: 'q', b: price - 10_000, bs: 1 + (at % 7), a: price + 10_000, as: 2 + (at % 5) };
  });
}

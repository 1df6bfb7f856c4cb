// node services/orchestrator/src/bench/deliveries.ts
// Ticks a second to viewers over WebSockets, beside `ws` alone with one tick a frame and twenty frames a write.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Tick } from '@papergate/service-kit';
import { WebSocketServer } from 'ws';
import { encodeTick } from '../stream/encode.ts';
import { startTestBundle } from '../testing/bundle.ts';

const VIEWERS = [50, 1_000];
const DELIVERIES = 2_000_000;
const FRAMES_A_WRITE = 20;
/** As market-data sends them. */
const TICKS_A_MESSAGE = 100;
const PROGRAM = fileURLToPath(new URL('./pieces/viewers.ts', import.meta.url));

const tickOf = (n: number): Tick => ({
  n,
  s: 'AAPL',
  k: 'q',
  t: 1_700_000_000_000_000 + n,
  r: 0,
  b: 167_410_000,
  a: 167_420_000,
  bs: 2,
  as: 3,
});

interface Viewers {
  /** Deliveries a second, once all have come. */
  rate: Promise<number>;
}

async function open(url: string, viewers: number, ticks: number): Promise<Viewers> {
  const args = [PROGRAM, url, String(viewers), String(ticks * viewers)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const [ready] = (await once(lines, 'line')) as [string];
  if (ready !== 'ready') throw new Error(`the viewers said ${ready}`);
  return { rate: once(lines, 'line').then(([seconds]) => (ticks * viewers) / Number(seconds)) };
}

async function ceilingOf(viewers: number, ticks: number): Promise<number> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  await once(server, 'listening');
  const sockets: { send(text: string): void; stream: Socket }[] = [];
  server.on('connection', (socket) => {
    socket.on('message', (data) => {
      if ((data as Buffer).includes('ping')) socket.send('{"type":"pong"}');
    });
    sockets.push({
      send: (text) => socket.send(text),
      stream: (socket as unknown as { _socket: Socket })._socket,
    });
  });
  const { port } = server.address() as { port: number };
  const { rate } = await open(`ws://127.0.0.1:${port}`, viewers, ticks);
  for (let sent = 0; sent < ticks; sent += FRAMES_A_WRITE) {
    const texts = Array.from({ length: Math.min(FRAMES_A_WRITE, ticks - sent) }, (_, at) =>
      encodeTick(tickOf(sent + at)),
    );
    for (const { stream, send } of sockets) {
      stream.cork();
      for (const text of texts) send(text);
      stream.uncork();
    }
    // Lets the sockets take it: what is measured is delivery, not memory.
    while (sockets.some(({ stream }) => stream.writableLength > 1_000_000)) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  const found = await rate;
  for (const client of server.clients) client.terminate();
  server.close();
  return found;
}

async function hubOf(viewers: number, ticks: number): Promise<{ rate: number; dropped: number }> {
  const bundle = await startTestBundle();
  try {
    const address = await bundle.service.app.listen({ host: '127.0.0.1', port: 0 });
    const { rate } = await open(`${address.replace('http', 'ws')}/ws/market_data`, viewers, ticks);
    const over = new AbortController();
    const found = rate.finally(() => {
      over.abort();
    });
    // More than is waited for: what a slow viewer is spared does not count as delivered, and others make up for it.
    for (let sent = 0; !over.signal.aborted; sent += TICKS_A_MESSAGE) {
      const data = Array.from({ length: TICKS_A_MESSAGE }, (_, at) => tickOf(sent + at + 1));
      await bundle.bus.publish('tick', data);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const metrics = await bundle.service.app.inject({ url: '/metrics' });
    const dropped = /_dropped_total(?:\{[^}]*\})? (\d+)/.exec(metrics.body)?.[1] ?? '0';
    return { rate: await found, dropped: Number(dropped) };
  } finally {
    await bundle.close();
  }
}

for (const viewers of VIEWERS) {
  const ticks = Math.ceil(DELIVERIES / viewers);
  const ceiling = await ceilingOf(viewers, ticks);
  const { rate, dropped } = await hubOf(viewers, ticks);
  const figure = {
    name: `WebSocket deliveries, ${viewers} viewers`,
    value: Math.round(rate),
    unit: 'ticks/s',
    ceiling: Math.round(ceiling),
    ceiling_name: `ws alone, one tick a frame, ${FRAMES_A_WRITE} frames a write`,
    note: `${ticks * viewers} deliveries, ${dropped} left out for slow viewers`,
  };
  process.stdout.write(`${JSON.stringify(figure)}\n`);
}
process.exit(0);

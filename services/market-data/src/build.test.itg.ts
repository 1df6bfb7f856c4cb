import { afterEach, describe, expect, jest, test } from '@jest/globals';
import WebSocket from 'ws';
import { createSubscriber, type Envelope, type Heartbeat, type Tick } from '@papergate/service-kit';
import { requiredRoles, testContext, until, WITH_ROLES } from '@papergate/service-kit/testing';
import { buildMarketData, type MarketData, type MarketDataOverrides } from './build.ts';
import { DataServer, encodeFrames, quoteFrame, tradeFrame, type DataServerBehaviour } from './testing/data-server.ts';

// A busy machine is no failure: each wait below has its own, shorter bound.
jest.setTimeout(60_000);

const TIME = 1_381_152_600_000_000; // 2013-10-07 13:30 UTC
const cleanups: (() => Promise<void> | void)[] = [];
/** Opened before anything is closed: who waits behind one cannot close. */
const gates: (() => void)[] = [];

afterEach(async () => {
  for (const open of gates.splice(0)) open();
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const TIMING = { reconnectMs: 20, maxReconnectMs: 100, refusedMs: 50, subscribeMs: 2_000 };

async function startServer(behaviour?: DataServerBehaviour): Promise<DataServer> {
  const server = await new DataServer(behaviour).listen();
  cleanups.push(() => server.close());
  return server;
}

interface Running {
  service: MarketData;
  url: string;
  ready(): Promise<{ ready: boolean; checks: Record<string, { ok: boolean; detail?: string }> }>;
}

async function startService(dataUrl: string, overrides: MarketDataOverrides = {}): Promise<Running> {
  const context = testContext('market-data', {
    system: (system) => {
      system.alpaca.data_stream_url = dataUrl;
    },
  });
  const service = await buildMarketData(context, { timing: TIMING, ...overrides });
  const url = await service.app.listen({ host: '127.0.0.1', port: 0 });
  await service.start();
  cleanups.push(async () => {
    context.readiness.drain();
    await service.stop();
    await service.app.close();
  });
  return {
    service,
    url,
    ready: async () => (await service.app.inject('/health/ready')).json(),
  };
}

interface Listener {
  ticks: Tick[];
  heartbeats: Heartbeat[];
  messages: number;
}

async function listen(service: MarketData, onMessage?: () => Promise<void>): Promise<Listener> {
  const heard: Listener = { ticks: [], heartbeats: [], messages: 0 };
  const subscriber = createSubscriber({
    endpoints: [`tcp://127.0.0.1:${service.publisher.port}`],
    topics: ['tick', 'heartbeat'],
    highWaterMark: 16,
    onMessage: async (topic, message: Envelope<unknown>) => {
      if (topic === 'heartbeat') {
        heard.heartbeats.push(message.data as Heartbeat);
        return;
      }
      heard.messages += 1;
      for (const tick of message.data as Tick[]) heard.ticks.push(tick);
      await onMessage?.();
    },
  });
  cleanups.push(() => subscriber.close());
  await until('the first heartbeat', () => heard.heartbeats.length > 0);
  return heard;
}

describe('from the data stream to the bus', () => {
  test('trades and quotes are numbered without gaps and published to the microsecond', async () => {
    const server = await startServer();
    const { service, ready } = await startService(server.url, { heartbeatMs: 20 });
    await until('readiness', async () => (await ready()).ready);
    const heard = await listen(service);

    await server.send([
      tradeFrame('AAPL', 487.75, 100, TIME + 123_456, 77),
      quoteFrame('MSFT', [33.01, 3], [33.02, 5], TIME + 1),
      quoteFrame('MSFT', [33.05, 3], [33.02, 5], TIME + 2), // crossed: real tapes have them
      quoteFrame('MSFT', [0, 0], [33.02, 5], TIME + 3),
    ]);
    await until('four ticks', () => heard.ticks.length === 4);

    const [trade, quote, crossed, oneSided] = heard.ticks;
    expect(trade).toMatchObject({ n: 1, s: 'AAPL', k: 't', t: TIME + 123_456, p: 487_750_000, v: 100, i: 77 });
    expect(quote).toMatchObject({ n: 2, s: 'MSFT', k: 'q', b: 33_010_000, bs: 3, a: 33_020_000, as: 5 });
    expect(crossed).toMatchObject({ n: 3, b: 33_050_000, a: 33_020_000 });
    expect(oneSided).toMatchObject({ n: 4, a: 33_020_000, as: 5 });
    expect(oneSided).not.toHaveProperty('b');
    await until('a heartbeat with the last number', () => heard.heartbeats.at(-1)?.n === 4);
    expect(heard.heartbeats.at(-1)).toMatchObject({ upstream: 'connected', last_tick: oneSided?.r ?? 0 });
  });

  test('both channels are asked for in one message, so that a source starts none of them early', async () => {
    const server = await startServer();
    const { ready } = await startService(server.url);
    await until('readiness', async () => (await ready()).ready);
    const symbols = ['AAPL', 'AMZN', 'MSFT', 'NVDA', 'SPY'];
    expect(server.subscriptions).toEqual([{ action: 'subscribe', trades: symbols, quotes: symbols }]);
  });

  test('ticks that cannot be true are dropped with their reason and the others pass', async () => {
    const server = await startServer();
    const { service, ready } = await startService(server.url);
    await until('readiness', async () => (await ready()).ready);
    await server.send([
      tradeFrame('AAPL', Number.NaN, 1, TIME),
      tradeFrame('AAPL', -1, 1, TIME),
      tradeFrame('AAPL', 0, 1, TIME),
      tradeFrame('AAPL', 10, 0, TIME),
      tradeFrame('AAPL', Number.POSITIVE_INFINITY, 1, TIME),
      tradeFrame('TSLA', 10, 1, TIME),
      tradeFrame('AAPL', 10, 1, Date.now() * 1000 + 3_600_000_000),
      { ...tradeFrame('AAPL', 10, 1, TIME), t: 'yesterday' },
      quoteFrame('AAPL', [0, 0], [0, 0], TIME),
      quoteFrame('AAPL', [10, 0], [11, 1], TIME),
      tradeFrame('AAPL', 10, 1, TIME),
    ]);
    await until('the good one', () => service.tape.n === 1);
    const stats = (await service.app.inject('/api/v1/stats')).json();
    expect(stats.dropped).toEqual({
      not_a_number: 1,
      negative: 1,
      zero_price: 1,
      zero_size: 2,
      out_of_range: 1,
      unknown_symbol: 1,
      future: 1,
      bad_time: 1,
      empty_quote: 1,
    });
    const metrics = (await service.app.inject('/metrics')).body;
    expect(metrics).toContain('papergate_market_ticks_dropped_total{reason="zero_size",service="market-data"} 2');
  });

  test('a message that is no data at all does not end the connection', async () => {
    const server = await startServer();
    const { service, ready } = await startService(server.url);
    await until('readiness', async () => (await ready()).ready);
    await server.sendEncoded(encodeFrames([{ T: 'z', nonsense: true }]));
    await server.sendEncoded(Buffer.from([0xc1, 0xff, 0x00]));
    await server.send([tradeFrame('AAPL', 10, 1, TIME)]);
    await until('the tick behind it', () => service.tape.n === 1);
    expect((await ready()).ready).toBe(true);
  });
});

describe('back-pressure', () => {
  test('a subscriber that stops reading stops the source, and nothing is lost', async () => {
    const perMessage = 1000;
    const messages = 300;
    const total = perMessage * messages;
    const server = await startServer();
    const { service, ready } = await startService(server.url, { busHighWaterMark: 4, busStallMs: 60_000 });
    await until('readiness', async () => (await ready()).ready);
    const { released, release } = gate();
    const heard = await listen(service, () => released);

    const frames = Array.from({ length: perMessage }, (_, i) =>
      tradeFrame('SPY', 160 + i / 100, 1 + (i % 7), TIME + i, i),
    );
    const bytes = encodeFrames(frames);
    let sent = 0;
    const sending = (async () => {
      for (; sent < messages; sent += 1) await server.sendEncoded(bytes);
    })();
    await until('the pause', () => service.upstream.status.paused, 30_000);
    const { n } = service.tape;
    const { pending } = service.publisher;
    // Held means held: what the service takes after the pause is one chunk of the socket, not the stream.
    await until('the source to be stuck', () => stuckFor(300, () => sent), 30_000);
    expect(sent).toBeLessThan(messages);
    expect(service.tape.n - n).toBeLessThanOrEqual(5_000);
    expect(service.publisher.pending).toBeLessThanOrEqual(pending + 5);
    expect((await ready()).ready).toBe(true);
    const refused = await service.app.inject({
      method: 'POST',
      url: '/api/v1/ticks',
      payload: { symbol: 'AAPL', price: 1 },
    });
    expect([refused.statusCode, refused.json().code, refused.headers['retry-after']]).toEqual([503, 'BUS_BUSY', '1']);

    release();
    await sending;
    await until('every tick', () => heard.ticks.length >= total, 60_000);
    expect(heard.ticks).toHaveLength(total);
    expect(heard.ticks.every((tick, index) => tick.n === index + 1)).toBe(true);
    const { SPY } = (await service.app.inject('/api/v1/stats')).json().from_upstream;
    expect(SPY.trades).toEqual({
      count: total,
      price_sum: String(heard.ticks.reduce((sum, tick) => sum + (tick.p ?? 0), 0)),
      size_sum: String(heard.ticks.reduce((sum, tick) => sum + (tick.v ?? 0), 0)),
    });
    expect(SPY.trades.price_sum).toBe(
      String(messages * frames.reduce((sum, frame) => sum + Math.round(Number(frame['p']) * 1e6), 0)),
    );
  }, 120_000);

  test('a subscriber that stays stuck is left behind, and the others get everything', async () => {
    const server = await startServer();
    const { service, ready } = await startService(server.url, { busHighWaterMark: 64, busStallMs: 50 });
    await until('readiness', async () => (await ready()).ready);
    const { released, release } = gate();
    await listen(service, () => released);
    const good = await listen(service);
    const bytes = encodeFrames(Array.from({ length: 1000 }, (_, i) => tradeFrame('SPY', 160, 1, TIME + i, i)));
    for (let i = 0; i < 400; i += 1) {
      await server.sendEncoded(bytes);
      await until('the good one to keep up', () => good.ticks.length >= (i - 20) * 1000, 30_000);
    }
    await until('the last tick at the good one', () => good.ticks.at(-1)?.n === 400_000, 60_000);
    expect(good.ticks).toHaveLength(400_000);
    expect((await service.app.inject('/metrics')).body).toMatch(/papergate_market_bus_stalls_total\{[^}]*\} [1-9]/);
    release();
  }, 120_000);
});

/** A promise that the test opens; at its end it is opened in any case. */
function gate(): { released: Promise<void>; release: () => void } {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  gates.push(() => release());
  return { released, release: () => release() };
}

/** True once `value` has not changed for `ms`. */
async function stuckFor(ms: number, value: () => number): Promise<boolean> {
  const before = value();
  const until = performance.now() + ms;
  while (performance.now() < until) {
    await new Promise((resolve) => setImmediate(resolve));
    if (value() !== before) return false;
  }
  return true;
}

describe('loss of the data connection', () => {
  test('readiness says so, and after the reconnect numbering goes on without a gap', async () => {
    const server = await startServer();
    const { service, ready } = await startService(server.url, { heartbeatMs: 20 });
    await until('readiness', async () => (await ready()).ready);
    const heard = await listen(service);
    await server.send([tradeFrame('AAPL', 10, 1, TIME + 10)]);
    await until('a tick', () => heard.ticks.length === 1);

    const { port } = server;
    await server.close();
    await until('the loss', async () => !(await ready()).ready);
    const { detail } = (await ready()).checks['upstream'] ?? {};
    expect(detail).toContain(`ws://127.0.0.1:${port}/v2/iex`);
    await until('a heartbeat that says so', () => heard.heartbeats.at(-1)?.upstream === 'disconnected');
    await until('the refused connection as a reason', async () =>
      (await ready()).checks['upstream']?.detail?.includes('ECONNREFUSED'),
    );

    const again = await new DataServer().listen(port);
    cleanups.push(() => again.close());
    await until('readiness again', async () => (await ready()).ready);
    await again.send([tradeFrame('AAPL', 11, 1, TIME + 5)]); // its time went back: numbered and counted
    await until('the next tick', () => heard.ticks.length === 2);
    expect(heard.ticks.map(({ n }) => n)).toEqual([1, 2]);
    const stats = (await service.app.inject('/api/v1/stats')).json();
    expect(stats).toMatchObject({ n: 2, regressions: 1, upstream: { state: 'subscribed', reason: '', losses: 1 } });
    expect((await service.app.inject('/metrics')).body).toContain(
      'papergate_market_upstream_connected{service="market-data"} 1',
    );
  });

  test('a refused key is tried again, and the reason is shown meanwhile', async () => {
    const server = await startServer({ refuseWith: { code: 402, msg: 'auth failed' } });
    const { ready } = await startService(server.url);
    await until('the reason', async () => (await ready()).checks['upstream']?.detail?.includes('auth failed'));
    await until('a second try', () => server.connections >= 2);
    delete server.behaviour.refuseWith;
    await until('readiness', async () => (await ready()).ready);
  });

  test('a subscription that is never confirmed is given up and asked for again', async () => {
    const server = await startServer({ ignoreSubscriptions: true });
    const { ready } = await startService(server.url, { timing: { ...TIMING, subscribeMs: 60 } });
    await until('a second try', () => server.connections >= 2);
    expect((await ready()).ready).toBe(false);
    server.behaviour.ignoreSubscriptions = false;
    await until('readiness', async () => (await ready()).ready);
  });

  test('a source that confirms only a part of the symbols does not count as ready, and all are asked for again', async () => {
    const server = await startServer({ confirmOnly: ['AAPL'] });
    const { ready } = await startService(server.url, { timing: { ...TIMING, subscribeMs: 60 } });
    await until('the reason', async () => (await ready()).checks['upstream']?.detail?.includes('AMZN, MSFT'));
    delete server.behaviour.confirmOnly;
    await until('readiness', async () => (await ready()).ready);
    expect(server.subscriptions.at(-1)).toMatchObject({ trades: ['AAPL', 'AMZN', 'MSFT', 'NVDA', 'SPY'] });
  });
});

describe('stopping', () => {
  test('sends everything that has a number before the bus is closed', async () => {
    const server = await startServer();
    const { service } = await startService(server.url, { heartbeatMs: 20 });
    const heard = await listen(service);
    const posted = await service.app.inject({
      method: 'POST',
      url: '/api/v1/ticks',
      payload: Array.from({ length: 1_500 }, () => ({ symbol: 'AAPL', price: 1 })),
    });
    expect(posted.json()).toEqual({ accepted: 1_500 });
    await service.stop();
    await until('the last of them', () => heard.ticks.length === 1_500);
    expect((await service.app.inject('/health/ready')).json().checks.bus.ok).toBe(false);
  });
});

describe('POST /api/v1/ticks', () => {
  test('a posted tick comes out on the bus, in the snapshot and at WS /stream, marked as posted', async () => {
    const server = await startServer();
    const { service, url, ready } = await startService(server.url, { heartbeatMs: 20 });
    await until('readiness', async () => (await ready()).ready);
    const heard = await listen(service);
    const socket = new WebSocket(`${url.replace('http', 'ws')}/stream`);
    cleanups.push(() => socket.terminate());
    const frames: unknown[] = [];
    socket.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString())));
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send('{"action":"subscribe","symbols":["AAPL"]}');
    await until('the subscription', () => frames.length === 1);

    const answer = await fetch(`${url}/api/v1/ticks`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([
        {
          symbol: 'AAPL',
          price: '187.123456',
          volume: 10,
          timestamp: '2024-03-01T14:30:00.000001Z',
          bid: 187.12,
          ask: 187.13,
        },
        { symbol: 'MSFT', price: 400.5 },
      ]),
    });
    expect([answer.status, await answer.json()]).toEqual([200, { accepted: 2 }]);
    await until('both on the bus', () => heard.ticks.length === 2);
    expect(heard.ticks[0]).toMatchObject({
      n: 1,
      s: 'AAPL',
      k: 't',
      x: true,
      p: 187_123_456,
      v: 10,
      b: 187_120_000,
      a: 187_130_000,
      t: Date.parse('2024-03-01T14:30:00Z') * 1000 + 1,
    });
    await until('the frame', () => frames.length === 2);
    expect(frames).toEqual([
      { type: 'subscribed', symbols: ['AAPL'] },
      {
        type: 'tick',
        n: 1,
        symbol: 'AAPL',
        kind: 'trade',
        price: '187.123456',
        size: 10,
        bid: '187.12',
        ask: '187.13',
        timestamp: '2024-03-01T14:30:00.000001Z',
      },
    ]);
    const snapshot = (await service.app.inject('/api/v1/snapshot')).json();
    expect(snapshot.symbols.AAPL).toMatchObject({ n: 1, price: '187.123456', bid: '187.12', ask: '187.13' });
    const stats = (await service.app.inject('/api/v1/stats')).json();
    expect(stats.by_symbol.AAPL.trades).toEqual({ count: 1, price_sum: '187123456', size_sum: '10' });
    expect(stats.from_upstream.AAPL.trades).toEqual({ count: 0, price_sum: '0', size_sum: '0' });
  });
});

test('each route asks for the role that its description says', async () => {
  const service = await buildMarketData(testContext('market-data', WITH_ROLES));
  cleanups.push(async () => {
    await service.stop();
    await service.app.close();
  });
  expect(await requiredRoles(service.app, ['/stream'])).toEqual({
    none: [],
    trader: ['POST /api/v1/ticks'],
    operator: [],
  });
});

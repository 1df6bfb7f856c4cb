import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import WebSocket from 'ws';
import type { Environment } from '@papergate/config';
import type { Tick } from '@papergate/service-kit';
import { testContext, until } from '@papergate/service-kit/testing';
import { buildMarketData, type MarketData, type MarketDataOverrides } from '../build.ts';

// A busy machine is no failure: each wait below has its own, shorter bound.
jest.setTimeout(60_000);

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** The service without its data connection: what it serves is what is posted to it. */
async function build(environment: Environment = 'development', overrides: MarketDataOverrides = {}) {
  const context = testContext('market-data');
  context.env.environment = environment;
  const service = await buildMarketData(context, overrides);
  await service.app.ready();
  cleanups.push(async () => {
    await service.stop();
    await service.app.close();
  });
  return service;
}

const post = (service: MarketData, payload: unknown) =>
  service.app.inject({ method: 'POST', url: '/api/v1/ticks', payload: payload as object });

describe('POST /api/v1/ticks', () => {
  test('takes one or many; numbers and decimal text are the same to the micro', async () => {
    const service = await build();
    const one = { symbol: 'AAPL', price: 187.41 };
    expect((await post(service, one)).json()).toEqual({ accepted: 1 });
    const many = [
      { symbol: 'AAPL', price: '187.41', volume: '2.5', bid: 0, ask: '187.42' },
      { symbol: 'SPY', price: 0.000001, volume: 0, timestamp: 1_381_152_600_000.5 },
    ];
    expect((await post(service, many)).json()).toEqual({ accepted: 2 });
    const [first, second, third] = service.tape.ring.read(0, 10);
    expect(first).toMatchObject({ p: 187_410_000, x: true });
    expect(first).not.toHaveProperty('v');
    expect(second).toMatchObject({ p: 187_410_000, v: 2.5, a: 187_420_000 });
    expect(second).not.toHaveProperty('b');
    expect(third).toMatchObject({ p: 1, v: 0, t: 1_381_152_600_000_500 });
    expect(Math.abs((first?.t ?? 0) - Date.now() * 1000)).toBeLessThan(60_000_000);
  });

  test.each<[unknown, string, string]>([
    [{ symbol: 'TSLA', price: 1 }, 'TICK_REFUSED', 'tick 0: symbol is "TSLA"'],
    [
      [
        { symbol: 'AAPL', price: 1 },
        { symbol: 'AAPL', price: '0.0000001' },
      ],
      'TICK_REFUSED',
      'tick 1: price is 0.0000001',
    ],
    [
      { symbol: 'AAPL', price: 1e12 },
      'TICK_REFUSED',
      'price is 1000000000000, allowed: a decimal number below nine billion',
    ],
    [{ symbol: 'AAPL', price: 1, volume: 1e13 }, 'TICK_REFUSED', 'volume is 10000000000000'],
    [{ symbol: 'AAPL', price: 1, timestamp: '2999-01-01T00:00:00Z' }, 'TICK_REFUSED', 'lies in the future'],
    [{ symbol: 'AAPL', price: 1, timestamp: 'yesterday, noon' }, 'TICK_REFUSED', 'timestamp is "yesterday, noon"'],
    [{ symbol: 'AAPL', price: 1, timestamp: '2024-13-01T00:00:00Z' }, 'TICK_REFUSED', 'RFC 3339'],
    [{ symbol: 'AAPL', price: 1, timestamp: '2024-01-01T00:00:00' }, 'TICK_REFUSED', 'RFC 3339 with an offset'],
    [{ symbol: 'AAPL', price: 0 }, 'INVALID_REQUEST', ''],
    [{ symbol: 'AAPL', price: -1 }, 'INVALID_REQUEST', ''],
    [{ symbol: 'AAPL' }, 'INVALID_REQUEST', ''],
    [{ symbol: 'AAPL', price: 'much' }, 'INVALID_REQUEST', ''],
    [{ symbol: 'AAPL', price: 1, color: 'red' }, 'INVALID_REQUEST', ''],
    [[], 'INVALID_REQUEST', ''],
    ['AAPL', 'INVALID_REQUEST', ''],
  ])('refuses %j whole', async (payload, code, text) => {
    const service = await build();
    const answer = await service.app.inject({
      method: 'POST',
      url: '/api/v1/ticks',
      headers: { 'content-type': 'application/json' },
      payload: JSON.stringify(payload),
    });
    expect([answer.statusCode, answer.json().code]).toEqual([400, code]);
    expect(answer.json().message).toContain(text);
    expect(service.tape.n).toBe(0);
  });

  test('takes ten thousand at once and refuses one more', async () => {
    const service = await build();
    const ticks = Array.from({ length: 10_001 }, () => ({ symbol: 'AAPL', price: 1 }));
    expect((await post(service, ticks)).statusCode).toBe(400);
    expect((await post(service, ticks.slice(1))).json()).toEqual({ accepted: 10_000 });
  });

  test('is refused in production, whatever is posted', async () => {
    const service = await build('production');
    const answer = await post(service, { symbol: 'AAPL', price: 1 });
    expect([answer.statusCode, answer.json().code]).toEqual([403, 'POSTING_REFUSED']);
    expect(service.tape.n).toBe(0);
  });
});

describe('GET /api/v1/ticks', () => {
  test('hands out what follows a number, the last million at most, in the form of the bus', async () => {
    const service = await build('development', { capacity: 100 });
    await post(
      service,
      Array.from({ length: 150 }, (_, index) => ({ symbol: 'AAPL', price: 1 + index, volume: 1, timestamp: 1_000 })),
    );
    const get = async (query: string) => (await service.app.inject(`/api/v1/ticks?${query}`)).json();
    const page = await get(`epoch=${service.tape.epoch}&after=140&limit=3`);
    expect(page).toMatchObject({ epoch: service.publisher.epoch, oldest: 51, last: 150 });
    expect(page.ticks.map(({ n, p }: Tick) => [n, p])).toEqual([
      [141, 141_000_000],
      [142, 142_000_000],
      [143, 143_000_000],
    ]);
    expect(page.ticks[0]).toEqual({
      n: 141,
      s: 'AAPL',
      k: 't',
      t: 1_000_000,
      p: 141_000_000,
      v: 1,
      x: true,
      r: expect.any(Number),
    });
    expect((await get('after=0&limit=1')).ticks[0].n).toBe(51);
    expect((await get('after=150')).ticks).toEqual([]);
    expect((await get('')).ticks).toHaveLength(100);
  });

  test('an epoch that is over is 404, with the current one', async () => {
    const service = await build();
    const answer = await service.app.inject('/api/v1/ticks?epoch=old&after=0');
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toMatchObject({
      code: 'EPOCH_UNKNOWN',
      message: expect.stringContaining(service.tape.epoch),
    });
  });

  test.each(['limit=0', 'limit=10001', 'limit=all', 'after=-1', 'after=x', 'from=1'])(
    '%s is refused',
    async (query) => {
      const service = await build();
      expect((await service.app.inject(`/api/v1/ticks?${query}`)).statusCode).toBe(400);
    },
  );
});

describe('readiness and metrics without a data connection', () => {
  test('name what is missing', async () => {
    const service = await build();
    const { ready, checks } = (await service.app.inject('/health/ready')).json();
    expect(ready).toBe(false);
    expect(checks.bus).toEqual({ ok: true });
    expect(checks.upstream.detail).toContain('is idle: not started');
    const metrics = (await service.app.inject('/metrics')).body;
    expect(metrics).toContain('papergate_market_upstream_connected{service="market-data"} 0');
    expect(metrics).toContain('papergate_market_staleness_seconds{service="market-data"} -1');
  });
});

describe('WS /stream', () => {
  test('a client that stops reading costs bounded memory, loses ticks and is told how many', async () => {
    const service = await build('development', { maxBufferedBytes: 64 * 1024, heartbeatMs: 10 });
    await service.app.listen({ host: '127.0.0.1', port: 0 });
    await service.start(); // nothing is at the other end; the hub's gaps are told by the heartbeat
    const address = service.app.server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const frames: { type: string; n?: number; dropped?: number }[] = [];
    let raw: Socket | undefined;
    const client = new WebSocket(`ws://127.0.0.1:${port}/stream`, {
      createConnection: () => (raw = connect(port, '127.0.0.1')),
    });
    cleanups.push(() => client.terminate());
    client.on('message', (data: Buffer) => {
      const frame: unknown = JSON.parse(data.toString());
      frames.push(...([frame].flat() as typeof frames));
    });
    await until('the connection', () => client.readyState === WebSocket.OPEN);
    client.send('{"action":"subscribe","symbols":["*"]}');
    await until('the subscription', () => frames.length === 1);

    raw?.pause();
    const batch = Array.from({ length: 5_000 }, () => ({ symbol: 'AAPL', price: 187.41, volume: 100 }));
    const droppedTotal = async (): Promise<number> => {
      const { body } = await service.app.inject('/metrics');
      return Number(/papergate_market_stream_dropped_total\{[^}]*\} (\d+)/.exec(body)?.[1] ?? 0);
    };
    let posted = 0;
    while ((await droppedTotal()) === 0 && posted < 500_000) {
      expect((await post(service, batch)).statusCode).toBe(200);
      posted += batch.length;
    }
    await until(
      'all ticks to have been offered',
      async () =>
        /papergate_market_ticks_total\{[^}]*source="client"[^}]*\} (\d+)/.exec(
          (await service.app.inject('/metrics')).body,
        )?.[1] === String(posted),
    );
    raw?.resume();
    await until('the gap', () => frames.some(({ type }) => type === 'gap'));
    await post(service, { symbol: 'AAPL', price: 1 });
    await until('the tick behind it', () => frames.at(-1)?.n === posted + 1);
    const got = frames.filter(({ type }) => type === 'tick').length;
    const lost = frames.reduce((sum, { dropped = 0 }) => sum + dropped, 0);
    expect(lost).toBeGreaterThan(0);
    expect(got + lost).toBe(posted + 1);
  }, 60_000);
});

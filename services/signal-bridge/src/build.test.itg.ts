import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  createPool,
  createPublisher,
  createSubscriber,
  type BusPublisher,
  type Envelope,
  type Pool,
  type Signal,
  type Tick,
} from '@papergate/service-kit';
import {
  requiredRoles,
  startTestDatabase,
  testContext,
  until,
  WITH_ROLES,
  type TestDatabase,
} from '@papergate/service-kit/testing';
import { Secret } from '@papergate/config';
import { buildSignalBridge, type SignalBridge } from './build.ts';
import { closes, pluginConfig, START, strategyConfig, trade } from './testing/tape.ts';

// A busy machine is no failure: each wait below has its own, shorter bound.
jest.setTimeout(60_000);

let database: TestDatabase;
let pool: Pool;
const cleanups: (() => Promise<unknown> | void)[] = [];

beforeAll(async () => {
  database = await startTestDatabase();
  pool = createPool({ url: database.url, poolSize: 2, applicationName: 'test' });
}, 120_000);

afterAll(async () => {
  await pool.end();
  await database.close();
}, 60_000);

beforeEach(async () => {
  await pool.query('TRUNCATE signals');
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** market-data as far as signal-bridge sees it: a publisher and the endpoint that hands out missed ticks. */
class MarketData {
  readonly kept: Tick[] = [];
  readonly asked: string[] = [];
  readonly #http: Server;
  readonly #publisher: BusPublisher;

  private constructor(publisher: BusPublisher, http: Server) {
    this.#publisher = publisher;
    this.#http = http;
    http.on('request', (request, response) => {
      const url = new URL(request.url ?? '/', 'http://localhost');
      this.asked.push(`${url.pathname}${url.search}`);
      const after = Number(url.searchParams.get('after'));
      const ticks = this.kept.slice(after, after + Number(url.searchParams.get('limit')));
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ epoch: this.epoch, oldest: 1, last: this.kept.length, ticks }));
    });
  }

  static async start(busPort = 0, httpPort = 0): Promise<MarketData> {
    // A socket gives its port back a moment after it was closed.
    const publisher = await until('the bus port', () =>
      createPublisher({ service: 'market-data', host: '127.0.0.1', port: busPort }).catch(() => undefined),
    );
    const http = createServer();
    await new Promise<void>((resolve) => http.listen(httpPort, '127.0.0.1', resolve));
    const marketData = new MarketData(publisher, http);
    cleanups.push(() => marketData.close());
    return marketData;
  }

  get epoch(): string {
    return this.#publisher.epoch;
  }
  get busPort(): number {
    return this.#publisher.port;
  }
  get httpPort(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  async publish(ticks: Tick[], options: { lose?: boolean } = {}): Promise<void> {
    this.kept.push(...ticks);
    if (options.lose !== true) await this.#publisher.publish('tick', ticks);
  }

  beat(): Promise<void> {
    return this.#publisher.publish('heartbeat', { n: this.kept.length, upstream: 'connected', last_tick: 0 });
  }

  /** Beats until signal-bridge has heard it: a PUB socket sends nothing to whom it does not know yet. */
  async join(bridge: SignalBridge): Promise<void> {
    await until('signal-bridge to hear', async () => {
      await this.beat();
      return bridge.feed.epoch === this.epoch;
    });
  }

  async close(): Promise<void> {
    if (!this.#http.listening) return;
    await this.#publisher.close();
    this.#http.closeAllConnections();
    await new Promise<void>((resolve) => this.#http.close(() => resolve()));
  }
}

async function startBridge(
  marketData: { busPort: number; httpPort: number },
  options: { databaseUrl?: Secret; plugin?: object } = {},
): Promise<SignalBridge> {
  const context = testContext('signal-bridge', {
    databaseUrl: options.databaseUrl ?? database.url,
    system: (system) => {
      system.services['market-data'].bus_port = marketData.busPort;
      system.services['market-data'].http_port = marketData.httpPort;
      system.strategies = [strategyConfig({ threshold: 1.5, symbols: ['AAPL'] })];
      if (options.plugin !== undefined) system.strategies.unshift(pluginConfig({ plugin: 'own', symbols: ['AAPL'] }));
    },
  });
  const bridge = await buildSignalBridge(context, {
    heartbeatMs: 20,
    retryDelaysMs: [5],
    plugins: { load: () => Promise.resolve({ default: options.plugin }) },
  });
  await bridge.app.ready();
  await bridge.start();
  cleanups.push(async () => {
    await bridge.stop();
    await bridge.app.close();
  });
  return bridge;
}

async function hearSignals(bridge: SignalBridge): Promise<Signal[]> {
  const signals: Signal[] = [];
  let joined = false;
  const subscriber = createSubscriber({
    endpoints: [`tcp://127.0.0.1:${bridge.publisher.port}`],
    topics: ['signal', 'heartbeat'],
    onMessage: (topic, message: Envelope<unknown>) => {
      if (topic === 'signal') signals.push(message.data as Signal);
      else joined = true;
    },
  });
  cleanups.push(() => subscriber.close());
  await until('a heartbeat of signal-bridge', () => joined);
  return signals;
}

/** Five closes of which the last is far below the mean, and the tick that closes its bar. */
const DIP = closes([10, 10, 10, 10, 5, 10]);
const DIP_ID = `reverter:AAPL:buy:${START + 4_000_000}`;

describe('from ticks to signals', () => {
  test('a signal is committed, published, shown and counted', async () => {
    const marketData = await MarketData.start();
    const bridge = await startBridge(marketData);
    const signals = await hearSignals(bridge);
    await marketData.join(bridge);
    await marketData.publish(DIP);
    await until('the signal', () => signals.length === 1);
    expect(signals[0]).toMatchObject({ id: DIP_ID, side: 'buy', quantity: '5', price: 5_000_000, tick_n: 6 });

    const { rows } = await pool.query('SELECT * FROM signals');
    expect(rows).toMatchObject([
      {
        signal_id: DIP_ID,
        strategy: 'reverter',
        symbol: 'AAPL',
        side: 'buy',
        quantity: '5',
        price: '5',
        event_time: new Date((START + 5_000_000) / 1000),
      },
    ]);
    const listed = (await bridge.app.inject('/api/v1/signals?limit=1')).json();
    expect(listed.signals).toMatchObject([{ id: DIP_ID, price: '5', event_time: '2013-10-07T13:30:05.000Z' }]);
    const strategies = (await bridge.app.inject('/api/v1/strategies')).json();
    expect(strategies).toMatchObject({ epoch: marketData.epoch, n: 6 });
    expect(strategies.strategies).toMatchObject([
      {
        name: 'reverter',
        kind: 'mean_reversion',
        parameters: { window: 5, threshold: 1.5, bar_ms: 1000, cooldown_ms: 0, quantity: '5' },
        symbols: { AAPL: { bars: 5, indicators: { mean: 9, z: -2 }, last_signal: { id: DIP_ID, price: '5' } } },
      },
    ]);
    const metrics = (await bridge.app.inject('/metrics')).body;
    expect(metrics).toContain('papergate_signal_ticks_total{service="signal-bridge"} 6');
    expect(metrics).toContain('papergate_signal_bars_total{strategy="reverter",service="signal-bridge"} 5');
    expect(metrics).toContain('papergate_signals_total{strategy="reverter",side="buy",service="signal-bridge"} 1');
    expect(metrics).toContain('papergate_signal_latency_seconds_count{service="signal-bridge"} 1');
    expect((await bridge.app.inject('/health/ready')).statusCode).toBe(200);
  });

  test('ticks that were lost on the bus are fetched, and the signal in them is not lost', async () => {
    const marketData = await MarketData.start();
    const bridge = await startBridge(marketData);
    const signals = await hearSignals(bridge);
    await marketData.join(bridge);
    await marketData.publish(DIP.slice(0, 2));
    await marketData.publish(DIP.slice(2, 5), { lose: true });
    await marketData.publish(DIP.slice(5));
    await until('the signal', () => signals.length === 1);
    expect(signals[0]?.id).toBe(DIP_ID);
    expect(marketData.asked).toEqual([`/api/v1/ticks?epoch=${marketData.epoch}&after=2&limit=10000`]);
  });

  test('a restart does not send an old signal again', async () => {
    const marketData = await MarketData.start();
    const first = await startBridge(marketData);
    const heard = await hearSignals(first);
    await marketData.join(first);
    await marketData.publish(DIP);
    await until('the signal', () => heard.length === 1);

    const again = await MarketData.start();
    const second = await startBridge(again);
    const heardAgain = await hearSignals(second);
    await again.join(second);
    await again.publish(DIP); // the same day replayed
    const sharp = [10, 10, 10, 10, 15, 10].map((price, index) =>
      trade(7 + index, START + 600_000_000 + index * 1_000_000, price),
    );
    await again.publish(sharp);
    await until('the new signal', () => heardAgain.length === 1);
    expect(heardAgain[0]).toMatchObject({ side: 'sell' });
    expect((await second.app.inject('/metrics')).body).toContain(
      'papergate_signals_suppressed_total{strategy="reverter",reason="known",service="signal-bridge"} 1',
    );
  });

  test('market-data that starts anew is followed from its first tick', async () => {
    const marketData = await MarketData.start();
    const bridge = await startBridge(marketData);
    const signals = await hearSignals(bridge);
    await marketData.join(bridge);
    await marketData.publish(DIP.slice(0, 3));
    await until('its ticks', () => bridge.feed.n === 3);
    const { busPort, httpPort } = marketData;
    await marketData.close();

    const next = await MarketData.start(busPort, httpPort);
    await next.publish(DIP, { lose: true }); // before signal-bridge has found it again
    await next.join(bridge);
    await until('the signal', () => signals.length === 1);
    expect(bridge.feed).toMatchObject({ epoch: next.epoch, n: 6 });
    expect((await bridge.app.inject('/metrics')).body).toContain(
      'papergate_signal_resets_total{reason="epoch",service="signal-bridge"} 1',
    );
  });
});

describe('a plug-in that throws', () => {
  test('is stopped, told in readiness, counted and shown, while the other strategy gives its signal', async () => {
    const marketData = await MarketData.start();
    const bridge = await startBridge(marketData, {
      plugin: {
        interface: 1,
        parameters: { type: 'object' },
        create: () => ({
          onBar: () => {
            throw new Error('no such luck');
          },
        }),
      },
    });
    const signals = await hearSignals(bridge);
    await marketData.join(bridge);
    await marketData.publish(DIP);
    await until('the signal of the other', () => signals.length === 1);
    expect(signals[0]?.id).toBe(DIP_ID);
    const ready = await bridge.app.inject('/health/ready');
    expect([ready.statusCode, ready.json().checks.strategies]).toEqual([
      503,
      { ok: false, detail: 'stopped until the next start: "own" (threw: no such luck)' },
    ]);
    expect((await bridge.app.inject('/metrics')).body).toContain(
      'papergate_signal_strategy_failures_total{strategy="own",reason="threw",service="signal-bridge"} 1',
    );
    const { strategies } = (await bridge.app.inject('/api/v1/strategies')).json();
    expect(strategies).toMatchObject([
      { name: 'own', kind: 'own', state: 'stopped', failure: { reason: 'threw', detail: 'no such luck' } },
      { name: 'reverter', kind: 'mean_reversion', state: 'running', failure: null },
    ]);
  });
});

describe('what it depends on', () => {
  test('is named in readiness while nothing has come from market-data', async () => {
    const bridge = await startBridge({ busPort: 1, httpPort: 1 });
    const answer = await bridge.app.inject('/health/ready');
    expect(answer.statusCode).toBe(503);
    expect(answer.json().checks).toEqual({
      database: { ok: true },
      strategies: { ok: true },
      'market-data': { ok: false, detail: 'nothing has come from market-data yet' },
    });
  });

  test('a database that does not answer ends the start with one message and exit code 3', async () => {
    const context = testContext('signal-bridge', {
      databaseUrl: new Secret('postgres://nobody:hidden@127.0.0.1:1/none'),
    });
    const bridge = await buildSignalBridge(context);
    cleanups.push(async () => {
      await bridge.stop();
      await bridge.app.close();
    });
    await expect(bridge.start()).rejects.toMatchObject({
      code: 'DATABASE_UNREACHABLE',
      exitCode: 3,
      message: expect.stringContaining('127.0.0.1:1/none'),
    });
    const listed = await bridge.app.inject('/api/v1/signals');
    expect([listed.statusCode, listed.json().code]).toEqual([503, 'DATABASE_UNREACHABLE']);
    expect(listed.body).not.toContain('hidden');
  });

  test('a limit that is none is refused', async () => {
    const bridge = await startBridge({ busPort: 1, httpPort: 1 });
    for (const limit of ['0', '1001', 'many', '-1']) {
      const { statusCode } = await bridge.app.inject(`/api/v1/signals?limit=${limit}`);
      expect([limit, statusCode]).toEqual([limit, 400]);
    }
  });
});

test('each route asks for the role that its description says', async () => {
  const service = await buildSignalBridge(testContext('signal-bridge', WITH_ROLES));
  cleanups.push(async () => {
    await service.stop();
    await service.app.close();
  });
  expect(await requiredRoles(service.app)).toEqual({ none: [], trader: [], operator: [] });
});

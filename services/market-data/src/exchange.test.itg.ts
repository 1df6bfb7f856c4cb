import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { createSubscriber, type Envelope, type Heartbeat, type Tick } from '@papergate/service-kit';
import { testContext, until } from '@papergate/service-kit/testing';
import { buildMarketData, type MarketData, type MarketDataOverrides } from './build.ts';
import { spawnExchange, sumsOfExchange, type SpawnedExchange } from './testing/exchange.ts';
import { writeLeanDay } from './testing/lean.ts';
import { Ledger } from './ticks/sums.ts';

// A busy machine is no failure: each wait below has its own, shorter bound.
jest.setTimeout(60_000);

const SYMBOLS = ['AAA', 'BBB'];
const DATE = '20131007';
const cleanups: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
}, 30_000);

async function startExchange(rows: number): Promise<SpawnedExchange> {
  const folder = await mkdtemp(join(tmpdir(), 'papergate-lean-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  for (const [index, symbol] of SYMBOLS.entries()) {
    await writeLeanDay(folder, { symbol, date: DATE, rows: rows / SYMBOLS.length, seed: index + 1 });
  }
  const exchange = await spawnExchange(['--replay', folder, '--speed', '0', '--wait']);
  cleanups.push(() => exchange.close());
  return exchange;
}

async function startService(exchange: SpawnedExchange, overrides: MarketDataOverrides = {}): Promise<MarketData> {
  const context = testContext('market-data', {
    system: (system) => {
      system.alpaca.data_stream_url = exchange.dataUrl;
      system.symbols = SYMBOLS;
    },
  });
  context.env.alpacaApiKey = exchange.keyId;
  context.env.alpacaSecretKey = exchange.secret;
  const service = await buildMarketData(context, {
    timing: { reconnectMs: 20, maxReconnectMs: 100 },
    heartbeatMs: 20,
    ...overrides,
  });
  await service.app.ready();
  await service.start();
  cleanups.push(async () => {
    await service.stop();
    await service.app.close();
  });
  await until('the subscription', () => service.upstream.status.state === 'subscribed');
  return service;
}

/** A subscriber that counts what comes, and what its numbers say is missing. */
async function count(service: MarketData, onMessage?: () => Promise<void>) {
  const heard = { ledger: new Ledger(SYMBOLS), total: 0, last: 0, gaps: 0, ahead: 0, joined: false };
  const subscriber = createSubscriber({
    endpoints: [`tcp://127.0.0.1:${service.publisher.port}`],
    topics: ['tick', 'heartbeat'],
    highWaterMark: 8,
    onMessage: async (topic, { data }: Envelope<unknown>) => {
      heard.joined = true;
      if (topic !== 'tick') {
        // A heartbeat must not tell of a tick that has not been sent before it.
        if ((data as Heartbeat).n > heard.last) heard.ahead += 1;
        return;
      }
      for (const tick of data as Tick[]) {
        if (tick.n !== heard.last + 1) heard.gaps += 1;
        heard.last = tick.n;
        heard.total += 1;
        heard.ledger.add(tick);
      }
      await onMessage?.();
    },
  });
  cleanups.push(() => subscriber.close());
  await until('the subscriber to join', () => heard.joined);
  return heard;
}

async function finished(exchange: SpawnedExchange): Promise<void> {
  await until('the end of the replay', async () => (await exchange.status()).finished, 60_000);
}

describe('from the exchange to a subscriber', () => {
  test('a replay as fast as it goes arrives complete: counts and sums are equal on all three sides', async () => {
    const exchange = await startExchange(80_000);
    const service = await startService(exchange);
    const heard = await count(service);
    await exchange.post('/sim/replay/start', {});
    await finished(exchange);
    await until('every tick', () => heard.total === 80_000, 60_000);

    const sent = sumsOfExchange(await exchange.status());
    const stats = (await service.app.inject('/api/v1/stats')).json();
    expect(Object.keys(sent).toSorted()).toEqual(SYMBOLS);
    expect(stats.from_upstream).toEqual(sent);
    expect(heard.ledger.report()).toEqual(sent);
    expect(heard).toMatchObject({ gaps: 0, ahead: 0, last: 80_000 });
    expect(stats.dropped).toEqual({});
  }, 120_000);

  test('a subscriber that is slower than the replay slows it down and loses nothing', async () => {
    const total = 200_000;
    const exchange = await startExchange(total);
    const service = await startService(exchange, { busHighWaterMark: 2, busStallMs: 60_000 });
    let pauses = 0;
    let turns = 0;
    const heard = await count(service, async () => {
      for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
      turns += 1;
      if (turns === 1) await until('the exchange to be held', () => service.upstream.status.paused, 30_000);
      if (service.upstream.status.paused) pauses += 1;
    });
    await exchange.post('/sim/replay/start', {});
    await until('every tick', () => heard.total === total, 90_000);
    await finished(exchange);
    expect(pauses).toBeGreaterThan(0);
    expect(heard).toMatchObject({ gaps: 0, ahead: 0, last: total });
    expect(heard.ledger.report()).toEqual(sumsOfExchange(await exchange.status()));
  }, 150_000);

  test('after a forced disconnect it comes back by itself and what is sent from then on is complete too', async () => {
    const exchange = await startExchange(1_000);
    const service = await startService(exchange);
    const heard = await count(service);
    await exchange.post('/sim/replay/start', {});
    await until('the first thousand', () => heard.total === 1_000);

    await exchange.post('/sim/faults', { kind: 'disconnect' });
    await until('the loss to be noticed', () => service.upstream.status.losses === 1);
    await until('the subscription', () => service.upstream.status.state === 'subscribed');
    await until('the exchange to be idle', async () => (await exchange.status()).finished);
    await exchange.post('/sim/replay/start', {}); // the same rows again: times go back, nothing is taken for a duplicate
    await until('the second thousand', () => heard.total === 2_000);

    const stats = (await service.app.inject('/api/v1/stats')).json();
    expect(stats.from_upstream).toEqual(sumsOfExchange(await exchange.status()));
    expect(heard.ledger.report()).toEqual(stats.by_symbol);
    expect(heard).toMatchObject({ gaps: 0, ahead: 0, last: 2_000 });
    expect(stats.regressions).toBeGreaterThan(0);
  }, 60_000);
});

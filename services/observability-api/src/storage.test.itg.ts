import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createPool, type Pool, type RunningService, type Tick } from '@papergate/service-kit';
import { startTestDatabase, testContext, until, type TestDatabase } from '@papergate/service-kit/testing';
import { buildObservabilityApi } from './build.ts';
import { storeTicks } from './storage/copy.ts';
import { storageStats, type EpochStats } from './storage/queries.ts';
import { startDatabaseProxy, type DatabaseProxy } from './testing/database-proxy.ts';
import { someTicks, startMarketDataDouble, type MarketDataDouble } from './testing/market-data-double.ts';

// Generous: two cores that others use as well must not make a test fail.
jest.setTimeout(60_000);

let database: TestDatabase;
let proxy: DatabaseProxy;
let pool: Pool;
let market: MarketDataDouble;
let service: RunningService | undefined;

beforeAll(async () => {
  database = await startTestDatabase();
  proxy = await startDatabaseProxy(database.url);
  pool = createPool({ url: database.url, poolSize: 2, applicationName: 'test' });
}, 60_000);

afterAll(async () => {
  await pool.end();
  await proxy.close();
  await database.close();
});

beforeEach(async () => {
  proxy.mend();
  await pool.query('TRUNCATE ticks');
  market = await startMarketDataDouble();
});

afterEach(async () => {
  await stop();
  await market.close();
});

async function start(options: { maxHeldTicks?: number } = {}) {
  const context = testContext('observability-api', {
    databaseUrl: proxy.url,
    system: ({ services }) => {
      services['market-data'].http_port = market.httpPort;
      services['market-data'].bus_port = market.busPort;
      services['signal-bridge'].bus_port = market.busPort;
      services['execution-engine'].bus_port = market.busPort;
    },
  });
  service = await buildObservabilityApi(context, options);
  await service.start?.();
  await until('the bus to be heard', async () => {
    await market.heartbeat();
    const { collectors } = (await service!.app.inject('/health/ready')).json();
    return collectors.ticks.ok === true;
  });
  return { context, app: service.app };
}

async function stop() {
  await service?.stop?.();
  await service?.app.close();
  service = undefined;
}

async function storedNumbers(): Promise<number[]> {
  const { rows } = await pool.query<{ n: string }>('SELECT n FROM ticks WHERE epoch = $1 ORDER BY n', [market.epoch]);
  return rows.map(({ n }) => Number(n));
}

const count = async (): Promise<number> => (await storedNumbers()).length;
const stats = async (): Promise<EpochStats[]> => (await service!.app.inject('/api/storage/stats')).json().by_epoch;

/** The sums that docs/architecture.md defines, worked out a second time from what was sent. */
function expectedSums(ticks: Tick[]) {
  const sum = (kind: 't' | 'q', pick: (tick: Tick) => number) =>
    String(ticks.filter(({ k }) => k === kind).reduce((total, tick) => total + BigInt(pick(tick)), 0n));
  const side = (kind: 't' | 'q', price: (tick: Tick) => number, size: (tick: Tick) => number) => ({
    count: ticks.filter(({ k }) => k === kind).length,
    price_sum: sum(kind, price),
    size_sum: sum(kind, size),
  });
  return {
    trades: side(
      't',
      (tick) => tick.p ?? 0,
      (tick) => tick.v ?? 0,
    ),
    quotes: side(
      'q',
      (tick) => (tick.b ?? 0) + (tick.a ?? 0),
      (tick) => (tick.bs ?? 0) + (tick.as ?? 0),
    ),
  };
}

describe('ticks from the bus', () => {
  test('are all stored, and counts and sums prove it', async () => {
    await start();
    for (let batch = 0; batch < 20; batch += 1) await market.emit(someTicks(500, batch % 2 === 0 ? 'AAPL' : 'MSFT'));
    await until('10 000 rows', async () => (await count()) === 10_000);
    const [epoch] = await stats();
    expect(epoch).toMatchObject({ epoch: market.epoch, count: 10_000, min_n: 1, max_n: 10_000, missing: 0 });
    expect(epoch?.by_symbol).toEqual({
      AAPL: expectedSums(market.ring.filter(({ s }) => s === 'AAPL')),
      MSFT: expectedSums(market.ring.filter(({ s }) => s === 'MSFT')),
    });
  });

  test('come back to the bit as they were sent', async () => {
    await start();
    const odd = [
      { s: 'BRK.B', k: 't', t: 1_700_000_000_000_001, p: 123_456_789, v: 0.5, i: 'a\tb\\c', x: true },
      { s: 'BRK.B', k: 'q', t: 1_700_000_000_000_002, b: 1, bs: 0, a: 9_007_199_254_740_991, as: 1.25 },
    ] as const;
    await market.emit([...odd]);
    await until('two rows', async () => (await count()) === 2);
    const { rows } = await pool.query('SELECT * FROM ticks ORDER BY n');
    expect(rows).toMatchObject([
      {
        symbol: 'BRK.B',
        kind: 't',
        event_time: '1700000000000001',
        price: '123456789',
        size: '0.5',
        source_id: 'a\tb\\c',
        posted: true,
      },
      {
        kind: 'q',
        price: null,
        bid: '1',
        bid_size: '0',
        ask: '9007199254740991',
        ask_size: '1.25',
        source_id: null,
        posted: false,
      },
    ]);
  });

  test('that were sent before the service started are fetched', async () => {
    await market.emit(someTicks(2_500));
    await start();
    await market.emit(someTicks(10));
    await until('all rows', async () => (await count()) === 2_510);
    expect((await stats())[0]).toMatchObject({ min_n: 1, max_n: 2_510, missing: 0 });
  });

  test('that were lost on the bus are repaired, also where no later tick shows the gap', async () => {
    const { context } = await start();
    await market.emit(someTicks(100));
    await market.emit(someTicks(12_345), { publish: false });
    await market.emit(someTicks(100));
    await market.emit(someTicks(50), { publish: false });
    await until('the tail, by heartbeats alone', async () => {
      await market.heartbeat();
      return (await count()) === 12_595;
    });
    expect((await stats())[0]).toMatchObject({ missing: 0, max_n: 12_595 });
    const repaired = await context.metrics.registry.getSingleMetricAsString('papergate_gaps_repaired_total');
    expect(repaired).toMatch(/ 12395$/m);
  });

  test('that market-data no longer keeps are counted as lost, and the rest is stored', async () => {
    const { context } = await start();
    await market.emit(someTicks(100), { publish: false });
    market.forget(60);
    await market.emit(someTicks(10));
    await until('what is left', async () => (await count()) === 50);
    expect((await stats())[0]).toMatchObject({ count: 50, min_n: 61, max_n: 110, missing: 60 });
    expect(await context.metrics.registry.getSingleMetricAsString('papergate_ticks_lost_total')).toMatch(/ 60$/m);
  });

  test('are repaired once market-data can be asked again', async () => {
    await start();
    await market.emit(someTicks(10));
    market.broken = true;
    await market.emit(someTicks(10), { publish: false });
    await market.emit(someTicks(10));
    await until('the first try', () => market.requests.some((url) => url.startsWith('/api/v1/ticks')));
    market.broken = false;
    await until('all rows', async () => (await count()) === 30);
  });

  test('are not stored twice after a restart in the middle of an epoch, and its gap is closed', async () => {
    await start();
    await market.emit(someTicks(300));
    await until('300 rows', async () => (await count()) === 300);
    await stop();
    await market.emit(someTicks(200));
    await start();
    await market.emit(someTicks(100));
    await until('600 rows', async () => (await count()) === 600);
    expect((await stats())[0]).toMatchObject({ count: 600, missing: 0 });
  });

  test('wait while the database is down, with bounded memory, and none is lost', async () => {
    const { context, app } = await start({ maxHeldTicks: 2_000 });
    await market.emit(someTicks(100));
    await until('100 rows', async () => (await count()) === 100);
    proxy.cut();
    for (let batch = 0; batch < 30; batch += 1) await market.emit(someTicks(500));
    const held = await until('the store to be full', async () => {
      const { collectors } = (await app.inject('/health/ready')).json();
      return collectors.database.ok === false && gauge(await context.metrics.registry.metrics()) >= 2_000;
    });
    expect(held).toBe(true);
    // A batch may overshoot the bound by one message, never by more.
    expect(gauge(await context.metrics.registry.metrics())).toBeLessThanOrEqual(2_500);
    expect((await app.inject('/health/ready')).statusCode).toBe(503);
    proxy.mend();
    await until('all rows', async () => (await count()) === 15_100, 30_000);
    expect((await stats())[0]).toMatchObject({ count: 15_100, missing: 0 });
    expect((await stats())[0]?.by_symbol['AAPL']).toEqual(expectedSums(market.ring));
  }, 60_000);

  test('that are held when the service is stopped are committed first', async () => {
    await start();
    await market.emit(someTicks(1_000));
    await until('some to have arrived', async () =>
      (await service!.app.inject('/metrics')).payload.includes('ticks_stored_total'),
    );
    await until('the last to have arrived', async () => (await count()) > 0);
    await stop();
    expect(await count()).toBe(1_000);
  });
});

function gauge(text: string): number {
  return Number(/^papergate_storage_held_ticks\{[^}]*\} (\d+)/m.exec(text)?.[1] ?? 0);
}

test('rows that are there already, as after a commit whose answer was lost, are not stored twice and keep no other out', async () => {
  const ticks = someTicks(1_000).map((tick, at): Tick => ({ ...tick, n: at + 1, r: at }));
  expect(await storeTicks(pool, 'again', ticks.slice(0, 600))).toBe(600);
  expect(await storeTicks(pool, 'again', ticks.slice(400))).toBe(400);
  expect(await storeTicks(pool, 'again', ticks)).toBe(0);
  const [stats] = await storageStats(pool, 'again');
  expect(stats).toMatchObject({ count: 1_000, missing: 0, by_symbol: { AAPL: expectedSums(ticks) } });
});

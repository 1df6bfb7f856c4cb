import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createPool, createSubscriber, type Envelope, type Pool, type Signal } from '@papergate/service-kit';
import { startTestDatabase, until, type TestDatabase } from '@papergate/service-kit/testing';
import { startBundle } from './testing/bundle.ts';
import { pluginConfig, strategyConfig } from './testing/tape.ts';

// A busy machine is no failure: each wait below has its own, shorter bound.
jest.setTimeout(60_000);

let database: TestDatabase;
let pool: Pool;
const cleanups: (() => Promise<unknown> | void)[] = [];

beforeAll(async () => {
  database = await startTestDatabase();
  pool = createPool({ url: database.url, poolSize: 1, applicationName: 'test' });
}, 120_000);

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
}, 60_000);

afterAll(async () => {
  await pool.end();
  await database.close();
}, 60_000);

describe('exchange, market-data and signal-bridge as processes', () => {
  test('a moving market becomes signals that are in the database and on the bus, and SIGTERM ends it with 0', async () => {
    const symbols = ['AAPL', 'MSFT'];
    const bundle = await startBundle({
      databaseUrl: database.url,
      symbols,
      ticksPerSecond: 1_000,
      strategies: [
        strategyConfig({ name: 'mover', kind: 'momentum', bar_ms: 50, window: 2, threshold: 0.0001, symbols }),
        strategyConfig({ name: 'reverter', bar_ms: 50, window: 5, threshold: 1, symbols }),
        pluginConfig({
          name: 'breaker',
          plugin: './breakout',
          parameters: { window: 2, margin_percent: 0 },
          bar_ms: 50,
          symbols,
        }),
      ],
    });
    cleanups.push(() => bundle.close());
    const heard: Signal[] = [];
    const subscriber = createSubscriber({
      endpoints: [`tcp://127.0.0.1:${bundle.signalPort}`],
      topics: ['signal'],
      onMessage: (_topic, { data }: Envelope<unknown>) => void heard.push(data as Signal),
    });
    cleanups.push(() => subscriber.close());

    await until('signals of all three strategies on both sides', () => kinds(heard).size === 6, 30_000);
    expect(await bundle.stopSignalBridge()).toBe(0);

    const { rows } = await pool.query<{ signal_id: string; strategy: string; quantity: string }>(
      'SELECT * FROM signals',
    );
    const stored = new Set(rows.map(({ signal_id: id }) => id));
    expect(heard.every(({ id }) => stored.has(id))).toBe(true);
    expect(new Set(heard.map(({ id }) => id)).size).toBe(heard.length);
    expect(bundle.output()).not.toContain('"level":50');
  }, 120_000);
});

const kinds = (signals: Signal[]): Set<string> => new Set(signals.map(({ strategy, side }) => `${strategy}/${side}`));

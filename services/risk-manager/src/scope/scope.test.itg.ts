import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createPool, type Pool } from '@papergate/service-kit';
import { startTestDatabase, testContext, until, type TestDatabase } from '@papergate/service-kit/testing';
import { buildRiskManager, type RiskManager } from '../build.ts';

jest.setTimeout(30_000);

let database: TestDatabase;
let pool: Pool;
const opened: RiskManager[] = [];

beforeAll(async () => {
  database = await startTestDatabase();
  pool = createPool({ url: database.url, poolSize: 2, applicationName: 'test' });
}, 60_000);
afterAll(async () => {
  await pool.end();
  await database.close();
});
afterEach(async () => {
  for (const risk of opened.splice(0)) {
    await risk.stop();
    await risk.app.close();
  }
  await pool.query('TRUNCATE order_scopes, order_scope_changes, risk_events');
});

const clock = { offset: 0 };

async function start(): Promise<RiskManager> {
  clock.offset = 0;
  const context = testContext('risk-manager', {
    databaseUrl: database.url,
    system: ({ services }) => {
      // Nobody is there: this is about the database alone.
      for (const service of ['execution-engine', 'market-data'] as const) {
        services[service].http_port = 1;
        services[service].bus_port = 1;
      }
    },
  });
  const risk = await buildRiskManager(context, {
    now: () => Date.now() + clock.offset,
    settings: { firstSyncRetryMs: 20, scopeIntervalMs: 20 },
  });
  opened.push(risk);
  await risk.start();
  return risk;
}

const checks = async ({ app }: RiskManager): Promise<Record<string, { ok: boolean }>> =>
  (await app.inject('/health/ready')).json<{ checks: Record<string, { ok: boolean }> }>().checks;
const known = (risk: RiskManager) =>
  until('the scope', async () => (await risk.app.inject('/api/v1/scope')).statusCode === 200);
const put = ({ app }: RiskManager, body: Record<string, unknown>) =>
  app.inject({
    method: 'PUT',
    url: '/api/v1/scope',
    payload: { release: 'test', reason: 'why', set_by: 'me', ...body },
  });
const gauge = async ({ app }: RiskManager) =>
  /papergate_order_scope_symbols\{.*\} (\d+)/.exec((await app.inject('/metrics')).body)?.[1];

describe('the order scope of a running risk-manager', () => {
  test('is waited for: it is not ready before, and tries again until the database tells', async () => {
    await pool.query('ALTER TABLE order_scopes RENAME TO hidden');
    const risk = await start();
    await until('all else to be known', async () => JSON.stringify((await checks(risk))['exposure']).includes('true'));
    expect(JSON.stringify((await checks(risk))['order scope'])).toContain('has not been read yet');
    expect((await risk.app.inject('/api/v1/scope')).json()).toMatchObject({ code: 'SCOPE_UNKNOWN' });
    await pool.query('ALTER TABLE hidden RENAME TO order_scopes');
    await known(risk);
    expect((await risk.app.inject('/health/ready')).statusCode).toBe(200);
    expect(await gauge(risk)).toBe('5');
  });

  test('is stored with who and why, renewed without a new line, and found again by the next process', async () => {
    const risk = await start();
    await known(risk);
    const share = { stage: 'share', symbols: ['SPY', 'AAPL'], ttl_seconds: 600 };
    const set = await put(risk, share);
    expect((await put(risk, share)).statusCode).toBe(200);
    expect((await put(risk, { stage: 'all', symbols: 'all' })).statusCode).toBe(200);
    expect((await put(risk, { ...share, symbols: [] })).statusCode).toBe(200);
    const { rows } = await pool.query('SELECT * FROM order_scope_changes ORDER BY change_id');
    expect(rows).toEqual([
      expect.objectContaining({
        release: 'test',
        stage: 'share',
        symbols: ['SPY', 'AAPL'],
        reason: 'why',
        set_by: 'me',
      }),
      expect.objectContaining({ stage: 'all', symbols: null, expires_at: null }),
      expect.objectContaining({ stage: 'share', symbols: [] }),
    ]);
    expect([rows[0].set_at.toISOString(), rows[0].expires_at.toISOString()]).toEqual([
      set.json<{ set_at: string }>().set_at,
      set.json<{ expires_at: string }>().expires_at,
    ]);
    const next = await start();
    await known(next);
    expect((await next.app.inject('/api/v1/scope')).json()).toEqual((await risk.app.inject('/api/v1/scope')).json());
    expect(await gauge(next)).toBe('0');
  });

  test('closes by itself once nobody renews it, and that is written down', async () => {
    const risk = await start();
    await known(risk);
    await put(risk, { stage: 'all', symbols: 'all', ttl_seconds: 5 });
    expect(await gauge(risk)).toBe('5');
    clock.offset = 5_000;
    await until(
      'the warning',
      async () => (await pool.query(`SELECT 1 FROM risk_events WHERE code = 'SCOPE_EXPIRED'`)).rowCount === 1,
    );
    expect(await gauge(risk)).toBe('0');
    expect((await risk.app.inject('/api/v1/scope')).json()).toMatchObject({ stage: 'expired', effective: [] });
  });
});

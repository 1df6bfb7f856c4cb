import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { SERVICE_NAMES } from '@papergate/config';
import { createPool, type Pool } from '../../database/pool.ts';
import { until } from '../until.ts';
import { startProduction, type Production } from './production.ts';

jest.setTimeout(120_000);

let production: Production;
let pool: Pool;

beforeAll(async () => {
  production = await startProduction();
  pool = createPool({ url: production.database.url, poolSize: 2, applicationName: 'test' });
}, 60_000);

afterAll(async () => {
  await pool.end();
  await production.close();
});

const LIVE = SERVICE_NAMES.filter((name) => name !== 'paper-exchange');

type Answer = { status: number; body: unknown };
const scope = (): Promise<Answer> => production.client('risk-manager').get('/api/v1/scope');
const open = (stage: string, symbols: 'all' | string[], more: Record<string, unknown> = {}): Promise<Answer> =>
  production.client('risk-manager').send('PUT', '/api/v1/scope', {
    release: production.release,
    stage,
    symbols,
    reason: 'a test of the roll-out',
    set_by: 'roll-out run 1',
    ...more,
  });
let orders = 0;
const order = (symbol: string, side = 'buy'): Promise<Answer> => {
  orders += 1;
  const body = { symbol, side, type: 'market', quantity: 1, client_order_id: `live-${orders}-${symbol}-${side}` };
  return production.client('orchestrator').send('POST', '/api/v1/orders', body);
};
const sent = async (): Promise<string[]> => {
  const { entries } = (await production.alpaca.sim('GET', '/sim/ledger')) as {
    entries: { kind: string; client_order_id: string }[];
  };
  return entries.filter(({ kind }) => kind === 'order').map(({ client_order_id: id }) => id);
};

const PROBE = `import { probeCredentials, Secret } from '@papergate/config';
const { KEY, SECRET } = process.env;
const ask = async (key) => {
  const input = { environment: 'production', baseUrl: 'https://api.alpaca.markets', key: new Secret(key), secret: new Secret(SECRET) };
  return (await probeCredentials(input)).findings.map(({ rule }) => rule);
};
process.stdout.write(JSON.stringify([await ask(KEY), await ask(KEY.slice(0, -1) + (KEY.endsWith('A') ? 'B' : 'A'))]));`;

describe('the stand-in for the live account', () => {
  test('passes the probe of credentials, with its one key: the live host opens, the paper host refuses', async () => {
    const { env, key, secret } = production.alpaca;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', PROBE], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      env: { ...env, KEY: key.reveal(), SECRET: secret.reveal() },
    });
    expect(JSON.parse(stdout)).toEqual([[], ['probe-account']]);
    const asked = production.alpaca.seen.splice(0).map(({ host }) => host);
    expect([...new Set(asked)].toSorted()).toEqual(['api.alpaca.markets', 'paper-api.alpaca.markets']);
  });
});

describe('a production', () => {
  test('starts whole, without the simulator, and asks nobody but Alpaca’s live hosts', async () => {
    await production.start(LIVE);
    for (const service of LIVE) await production.ready(service);
    for (const service of LIVE) {
      const { body } = await production.client(service).get('/api/v1/config');
      expect(body).toMatchObject({
        environment: 'production',
        trading_mode: 'live',
        release: { sha: production.release },
      });
    }
    const account = await production.client('orchestrator').get('/api/v1/account');
    expect(account.body).toMatchObject({ account_number: expect.stringMatching(/^\d+$/) });
    const hosts = new Set(production.alpaca.seen.map(({ host }) => host));
    expect([...hosts].toSorted()).toEqual(['api.alpaca.markets', 'stream.data.alpaca.markets']);
    const body = await until('the front door to see all of them', async () => {
      const status = (await production.client('orchestrator').get('/api/v1/orchestration/status')).body;
      return (status as { overall: string }).overall === 'healthy' ? status : undefined;
    });
    expect(body).toMatchObject({ environment: 'production', trading: { state: 'ACTIVE', known: true } });
    expect(Object.keys((body as { services: object }).services)).not.toContain('paper-exchange');
    expect(await production.refused('paper-exchange')).toBe(2);
    expect(production.log('paper-exchange')).toContain('EXCHANGE_NOT_FOR_LIVE');
  });

  test('begins with no order flow', async () => {
    expect((await scope()).body).toMatchObject({
      environment: 'production',
      stage: 'unset',
      symbols: [],
      effective: [],
    });
    expect(await order('AAPL')).toMatchObject({ status: 400, body: { code: 'OUTSIDE_ROLLOUT' } });
    expect(await sent()).toEqual([]);
  });

  test('sends to the live account what is within the scope, and nothing else', async () => {
    expect((await open('share', ['AAPL'], { ttl_seconds: 600 })).status).toBe(200);
    const inside = await order('AAPL');
    expect(inside.status).toBe(200);
    const outside = await order('MSFT');
    expect(outside).toMatchObject({ status: 400, body: { code: 'OUTSIDE_ROLLOUT' } });
    await until('the order at the live account', async () => (await sent()).length > 0);
    expect(await sent()).toEqual(['live-2-AAPL-buy']);
    expect(production.alpaca.seen).toContainEqual({ host: 'api.alpaca.markets', method: 'POST', path: '/v2/orders' });
    await until(
      'the fill',
      async () => (await pool.query('SELECT 1 FROM positions WHERE quantity = 1')).rowCount === 1,
    );
    const changes = await pool.query('SELECT release, stage, symbols, reason, set_by FROM order_scope_changes');
    expect(changes.rows).toEqual([
      {
        release: production.release,
        stage: 'share',
        symbols: ['AAPL'],
        reason: 'a test of the roll-out',
        set_by: 'roll-out run 1',
      },
    ]);
    const { body: metrics } = await production.client('risk-manager').get('/metrics');
    expect(metrics).toContain('papergate_order_scope_symbols{service="risk-manager"} 1');
    const { rows } = await until('the refusal to be stored', async () => {
      const found = await pool.query(
        `SELECT symbol FROM risk_events WHERE code = 'OUTSIDE_ROLLOUT' ORDER BY risk_event_id`,
      );
      return found.rowCount === 2 ? found : undefined;
    });
    expect(rows).toEqual([{ symbol: 'AAPL' }, { symbol: 'MSFT' }]);
  });

  test('keeps its scope over a restart of risk-manager, and still lets a position outside it be closed', async () => {
    expect((await open('no-order-flow', [])).status).toBe(200);
    const before = (await scope()).body;
    expect(await production.stop('risk-manager', 'SIGKILL')).toBeNull();
    await production.start(['risk-manager']);
    await production.ready('risk-manager');
    await production.ready('execution-engine');
    expect((await scope()).body).toEqual(before);
    expect(await order('AAPL')).toMatchObject({ status: 400, body: { code: 'OUTSIDE_ROLLOUT' } });
    expect((await order('AAPL', 'sell')).status).toBe(200);
    await until(
      'the sale',
      async () => (await pool.query('SELECT 1 FROM positions WHERE quantity <> 0')).rowCount === 0,
    );
  });

  test('begins with none again as the next release, and finds its own again when it comes back', async () => {
    expect((await open('all', 'all')).status).toBe(200);
    await production.stop('risk-manager');
    const next = 'b'.repeat(40);
    await production.start(['risk-manager'], await production.as(next));
    await production.ready('risk-manager');
    expect((await scope()).body).toMatchObject({ release: next, stage: 'unset', effective: [] });
    expect(await open('all', 'all')).toMatchObject({ status: 409, body: { code: 'SCOPE_RELEASE' } });
    await production.stop('risk-manager');
    await production.start(['risk-manager']);
    await production.ready('risk-manager');
    expect((await scope()).body).toMatchObject({ release: production.release, stage: 'all', effective: 'all' });
  });

  test('writes nothing of its key, secret or token into a log', () => {
    const { key, secret } = production.alpaca;
    for (const service of SERVICE_NAMES) {
      for (const value of [key, secret, production.token])
        expect(production.log(service)).not.toContain(value.reveal());
    }
  });
});

import { randomBytes } from 'node:crypto';
import { spawn, type ChildProcess } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { Secret } from '@papergate/config';
import { createPublisher, type Tick } from '@papergate/service-kit';
import { freePorts, requiredRoles, testContext, until, WITH_ROLES } from '@papergate/service-kit/testing';
import { buildPaperExchange } from '../service.ts';
import { makeLeanZip } from './lean-zip.ts';
import { officialClient } from './official-client.ts';
import type { RunningExchange } from './start-exchange.ts';

jest.setTimeout(60_000);

const SOURCE = fileURLToPath(new URL('..', import.meta.url));
const CONFIG = fileURLToPath(new URL('../../../../config', import.meta.url));
const KEY = `PK${'TEST'.repeat(5)}`.slice(0, 20);
const SECRET = 's'.repeat(40);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function service(options: Parameters<typeof testContext>[1] = {}) {
  const context = testContext('paper-exchange', options);
  const { app, start, stop } = await buildPaperExchange(context);
  cleanups.push(async () => {
    await stop?.();
    await app.close();
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  await start?.();
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  return { context, app, url, alpaca: officialClient({ url, key: KEY, secret: SECRET } as RunningExchange) };
}

describe('the exchange as a service', () => {
  test('answers health, metrics and configuration like every service, and Alpaca’s client beside them', async () => {
    const { url, alpaca } = await service();
    expect((await alpaca.trading.account.getAccount()).cash).toBe('1000000');
    const order = await alpaca.trading.orders.market({ symbol: 'AAPL', qty: 1, side: 'buy' });
    await until(
      'the fill',
      async () => (await alpaca.trading.orders.getOrderByOrderID({ orderId: String(order.id) })).status === 'filled',
    );
    const get = async (path: string) => (await fetch(`${url}${path}`)).text();
    expect(JSON.parse(await get('/health'))).toMatchObject({ status: 'healthy', service: 'paper-exchange' });
    expect(JSON.parse(await get('/health/ready'))).toMatchObject({ ready: true });
    expect(JSON.parse(await get('/api/v1/config'))).toMatchObject({ dry_run: true, alpaca_paper: true });
    expect(await get('/metrics')).toMatch(/papergate_exchange_orders\{service="paper-exchange"\} 1/);
    expect(JSON.parse(await get('/sim/status'))).toMatchObject({ source: 'synthetic', running: true });
  });

  test('the token guards the service’s own paths; Alpaca’s have their key', async () => {
    const { url, alpaca } = await service({ apiToken: 'a-token-of-some-length' });
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
    expect((await fetch(`${url}/sim/status`)).status).toBe(200);
    expect((await fetch(`${url}/v2/account`)).status).toBe(401);
    expect((await alpaca.trading.account.getAccount()).status).toBe('ACTIVE');
    const data = alpaca.marketData.stockStream({ url: `${url.replace('http', 'ws')}/v2/iex`, reconnect: false });
    cleanups.push(() => data.disconnect());
    data.connect();
    expect(await data.waitForAuthentication(5000)).toBe(true);
  });

  test('off loopback its controls need the token, whoever asks', async () => {
    const token = 'a-token-of-some-length';
    const { url } = await service({ apiToken: token, listenHost: '0.0.0.0' });
    const ask = async (headers: Record<string, string>) => (await fetch(`${url}/sim/status`, { headers })).status;
    expect(await ask({})).toBe(401);
    expect(await ask({ authorization: 'Bearer another-token-of-some-length' })).toBe(401);
    expect(await ask({ authorization: `Bearer ${token}` })).toBe(200);
    const body = JSON.stringify([{ symbol: 'AAPL', price: '1', size: '1' }]);
    const headers = { 'content-type': 'application/json' };
    expect((await fetch(`${url}/sim/ticks`, { method: 'POST', headers, body })).status).toBe(401);
    expect((await fetch(`${url}/sim/reset`, { method: 'POST' })).status).toBe(401);
  });

  test('between containers its controls are used with the token, under its configured name', async () => {
    const token = 'a-token-of-some-length';
    const { app } = await service({
      apiToken: token,
      listenHost: '0.0.0.0',
      system: (system) => {
        system.services['paper-exchange'].host = 'paper-exchange';
      },
    });
    const ask = async (host: string, headers: Record<string, string> = {}) =>
      (await app.inject({ url: '/sim/status', remoteAddress: '172.30.0.9', headers: { host, ...headers } })).statusCode;
    const authorization = `Bearer ${token}`;
    expect(await ask('paper-exchange:5600', { authorization })).toBe(200);
    expect(await ask('paper-exchange:5600')).toBe(401);
    expect(await ask('evil.example', { authorization })).toBe(403);
    expect(await ask('paper-exchange:5600', { authorization, origin: 'http://evil.example' })).toBe(403);
  });

  test('a page of another origin gets nowhere', async () => {
    const { url } = await service();
    expect((await fetch(`${url}/sim/status`, { headers: { origin: 'http://evil.example' } })).status).toBe(403);
  });

  test('on the bus source, orders fill against market-data’s book', async () => {
    const publisher = await createPublisher({ service: 'market-data', host: '127.0.0.1', port: 0 });
    cleanups.push(() => publisher.close());
    const { alpaca, url } = await service({
      system: (system) => {
        system.exchange.source = 'bus';
        system.services['market-data'].bus_port = publisher.port;
      },
    });
    let n = 0;
    const tick = (rest: Partial<Tick>): Tick => {
      n += 1;
      return { n, s: 'AAPL', k: 'q', t: Date.now() * 1000, r: Date.now() * 1000, ...rest };
    };
    await until('the first tick', async () => {
      await publisher.publish('tick', [
        tick({ b: 99_000_000, bs: 100, a: 101_000_000, as: 7 }),
        tick({ k: 't', p: 100_000_000, v: 5 }),
      ]);
      return ((await (await fetch(`${url}/sim/status`)).json()) as { running: boolean }).running;
    });
    const { id } = await alpaca.trading.orders.market({ symbol: 'AAPL', qty: 10, side: 'buy' });
    const order = () => alpaca.trading.orders.getOrderByOrderID({ orderId: String(id) });
    expect(await order()).toMatchObject({ status: 'partially_filled', filledQty: '7', filledAvgPrice: '101' });
    await publisher.publish('tick', [tick({ b: 99_000_000, bs: 100, a: 102_000_000, as: 100 })]);
    await until('the rest', async () => (await order()).status === 'filled');
  });

  test('on the replay source it waits to be told, and stamps orders with the present', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'px-service-'));
    cleanups.push(() => rm(folder, { recursive: true, force: true }));
    const rows = Array.from({ length: 1000 }, (_, index) => `${34_200_000 + index},1000000,100,P,0,0`);
    await writeFile(join(folder, 'zzz_20131007_trade.zip'), makeLeanZip(rows));
    const begun = Date.now();
    const { alpaca, url } = await service({
      system: (system) => {
        system.exchange.source = 'replay';
        system.exchange.replay_paths = [folder];
        system.exchange.speed = 0;
      },
    });
    const data = alpaca.marketData.stockStream({ url: `${url.replace('http', 'ws')}/v2/iex`, reconnect: false });
    cleanups.push(() => data.disconnect());
    let trades = 0;
    data.onTrade(() => (trades += 1));
    data.subscribeForTrades(['*']);
    data.connect();
    expect(await data.waitForAuthentication(5000)).toBe(true);
    const status = async () => (await (await fetch(`${url}/sim/status`)).json()) as Record<string, unknown>;
    expect(await status()).toMatchObject({ source: 'replay', running: false, waiting: 'start' });
    expect((await fetch(`${url}/sim/replay/start`, { method: 'POST' })).status).toBe(202);
    await until('every trade', () => trades === 1000);
    expect(await status()).toMatchObject({ finished: true, sent: { total: 1000 } });
    const { id } = await alpaca.trading.orders.market({ symbol: 'ZZZ', qty: 1, side: 'buy' });
    const order = await alpaca.trading.orders.getOrderByOrderID({ orderId: String(id) });
    expect(order).toMatchObject({ status: 'filled', filledAvgPrice: '100' });
    expect(order.filledAt?.getTime()).toBeGreaterThanOrEqual(begun);
  });

  test('refuses to start where real orders are meant, or without a key', async () => {
    const context = testContext('paper-exchange');
    const build = (env: Partial<typeof context.env>) =>
      buildPaperExchange({ ...context, env: { ...context.env, ...env } });
    await expect(build({ environment: 'staging', dryRun: false })).rejects.toMatchObject({
      code: 'EXCHANGE_NOT_FOR_LIVE',
      exitCode: 2,
    });
    await expect(build({ alpacaApiKey: new Secret('') })).rejects.toMatchObject({
      code: 'EXCHANGE_KEY_MISSING',
      exitCode: 2,
    });
    const replay = testContext('paper-exchange', {
      system: (system) => {
        system.exchange.source = 'replay';
        system.exchange.replay_paths = ['/nowhere/spy_20131007_trade.zip'];
      },
    });
    await expect(buildPaperExchange(replay)).rejects.toMatchObject({ code: 'REPLAY_UNREADABLE', exitCode: 2 });
  });
});

interface Child {
  child: ChildProcess;
  out: () => string;
  err: () => string;
  exit: Promise<number | null>;
}

function run(script: string, args: string[] = [], env: Record<string, string> = {}): Child {
  const child = spawn(process.execPath, [join(SOURCE, script), ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: 'pipe',
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  cleanups.push(() => child.kill('SIGKILL'));
  return { child, out: () => out, err: () => err, exit };
}

describe('the processes', () => {
  test('main.ts serves by its configuration alone and stops on SIGTERM with 0', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'px-config-'));
    cleanups.push(() => rm(folder, { recursive: true, force: true }));
    await cp(CONFIG, folder, {
      recursive: true,
      filter: (path) => !path.includes('node_modules') && !path.endsWith('.ts'),
    });
    const file = join(folder, 'system.development.json');
    const system = JSON.parse(await readFile(file, 'utf8')) as { services: Record<string, { http_port: number }> };
    const [port = 0] = await freePorts(1);
    (system.services['paper-exchange'] as { http_port: number }).http_port = port;
    await writeFile(file, JSON.stringify(system));

    const key = `PK${randomBytes(9).toString('hex').toUpperCase()}`;
    const secret = randomBytes(20).toString('hex');
    const { child, err, exit } = run('main.ts', [], {
      CONFIG_DIR: folder,
      DRY_RUN: 'true',
      ALPACA_PAPER: 'true',
      ALPACA_API_KEY: key,
      ALPACA_SECRET_KEY: secret,
      ALPACA_BASE_URL: `http://127.0.0.1:${port}`,
    });
    const url = `http://127.0.0.1:${port}`;
    await until(
      'health',
      () => {
        if (child.exitCode !== null) throw new Error(err());
        return fetch(`${url}/health`).then(
          ({ ok }) => ok,
          () => undefined,
        );
      },
      30_000,
    );
    const alpaca = officialClient({ url, key, secret } as RunningExchange);
    expect((await alpaca.trading.account.getAccount()).accountNumber).toMatch(/^PA/);
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
  });

  test('standalone.ts prints where it is and its keys as one JSON line, and ends with its input', async () => {
    const { child, out, exit } = run('standalone.ts', ['--port', '0', '--json', '--watch-stdin', '--seed', '5']);
    await until('the announcement', () => out().includes('\n'), 30_000);
    expect(out().trim().split('\n')).toHaveLength(1);
    const told = JSON.parse(out()) as {
      url: string;
      key: string;
      secret: string;
      trading_stream_url: string;
      data_stream_url: string;
    };
    expect(told).toMatchObject({ source: 'synthetic', symbols: ['AAPL', 'AMZN', 'MSFT', 'NVDA', 'SPY'] });
    expect(told.key).toMatch(/^PK[A-Z2-7]{18}$/);
    const account = await officialClient(told as unknown as RunningExchange).trading.account.getAccount();
    expect(account).toMatchObject({ cash: '100000' });
    child.stdin?.end();
    expect(await exit).toBe(0);
  });

  test('a person gets text; Ctrl-C ends it with 0', async () => {
    const { child, out, exit } = run('standalone.ts', ['--port', '0']);
    await until('the text', () => out().includes('Ctrl-C ends it.'), 30_000);
    expect(out()).toMatch(/Alpaca simulator on http:\/\/127\.0\.0\.1:\d+ \(synthetic: AAPL, AMZN, MSFT, NVDA, SPY\)/);
    child.kill('SIGINT');
    expect(await exit).toBe(0);
  });

  test.each<[string, string[], number, string]>([
    ['a wrong flag', ['--speed', 'fast'], 2, 'USAGE: --speed is "fast"'],
    [
      'a missing file',
      ['--replay', '/nowhere/spy_20131007_trade.zip'],
      2,
      'REPLAY_UNREADABLE: replay file /nowhere/spy_20131007_trade.zip cannot be read: it does not exist',
    ],
  ])(
    '%s is one clear message',
    async (_what, args, code, message) => {
      const { err, exit } = run('standalone.ts', ['--port', '0', ...args]);
      expect(await exit).toBe(code);
      expect(err()).toContain(message);
      expect(err()).toContain('fix: ');
      expect(err()).not.toContain('    at ');
    },
    45_000,
  );

  test('a port in use is exit 3 and names the port', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => new Promise((resolve) => server.close(resolve)));
    const { port } = server.address() as AddressInfo;
    const { err, exit } = run('standalone.ts', ['--port', String(port)]);
    expect(await exit).toBe(3);
    expect(err()).toContain(
      `PORT_IN_USE: the exchange cannot listen on 127.0.0.1:${port}: another process holds the port`,
    );
  });
});

test('each control asks for the role that its description says; Alpaca’s own paths have Alpaca’s key', async () => {
  const { app } = await service({ ...WITH_ROLES, listenHost: '0.0.0.0' });
  const { none, ...others } = await requiredRoles(app);
  expect(none.filter((route) => !/^[A-Z]+ \/v[23]\//.test(route))).toEqual([]);
  expect(others).toEqual({
    trader: ['POST /sim/ticks'],
    operator: [
      'POST /sim/replay/start',
      'POST /sim/faults',
      'DELETE /sim/faults',
      'DELETE /sim/faults/{id}',
      'POST /sim/reset',
    ],
  });
});

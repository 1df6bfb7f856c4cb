import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { checkHealth } from './check.ts';

let configDir: string;
let server: Server | undefined;
let asked: { url: string | undefined; host: string | undefined }[];

beforeEach(() => {
  configDir = mkdtempSync(join(tmpdir(), 'papergate-health-'));
  asked = [];
});
afterEach(async () => {
  rmSync(configDir, { recursive: true, force: true });
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
});

const configure = (port: unknown, environment = 'development'): void =>
  writeFileSync(
    join(configDir, `system.${environment}.json`),
    JSON.stringify({ services: { dashboard: { host: 'dashboard', http_port: port } } }),
  );

async function serve(answer: RequestListener): Promise<number> {
  server = createServer((request, response) => {
    asked.push({ url: request.url, host: request.headers.host });
    answer(request, response);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server?.once('listening', resolve));
  return (server.address() as AddressInfo).port;
}
const answering =
  (status: number, body: unknown): RequestListener =>
  (_request, response) =>
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));

const check = (env: Record<string, string> = {}, args: string[] = []) =>
  checkHealth({
    env: { PAPERGATE_SERVICE: 'dashboard', CONFIG_DIR: configDir, LISTEN_HOST: '0.0.0.0', ...env },
    args,
    configDir: '/nonexistent',
    timeoutMs: 500,
  });

describe('a container’s health check', () => {
  test('is healthy where the service is ready, asked at its configured port as loopback', async () => {
    const port = await serve(answering(200, { ready: true, checks: {} }));
    configure(port);
    expect(await check()).toEqual({ healthy: true, line: 'dashboard: ready' });
    expect(asked).toEqual([{ url: '/health/ready', host: `127.0.0.1:${port}` }]);
  });

  test('takes the environment’s own configuration, and the service from the argument', async () => {
    configure('not this one');
    configure(await serve(answering(200, {})), 'staging');
    expect(await check({ ENVIRONMENT: 'staging', PAPERGATE_SERVICE: 'nobody' }, ['dashboard'])).toMatchObject({
      healthy: true,
    });
  });

  test.each<[string, number, unknown, string]>([
    [
      'names the checks that fail, with their words',
      503,
      { ready: false, checks: { database: { ok: false, detail: 'no connection' }, bus: { ok: true } } },
      'dashboard: 503 database: no connection',
    ],
    [
      'reads collectors too',
      503,
      { collectors: { ticks: { ok: false, detail: 'silent' } } },
      'dashboard: 503 ticks: silent',
    ],
    ['takes a plain false', 503, { checks: { a: false, b: true } }, 'dashboard: 503 a: no'],
    ['tells what is no JSON in one line', 500, 'it\n  broke', 'dashboard: 500 it broke'],
    ['does not follow a redirect', 302, '', 'dashboard: 302'],
  ])('%s', async (_what, status, body, line) => {
    configure(await serve(answering(status, body)));
    const { healthy, line: said } = await check();
    expect(healthy).toBe(false);
    expect(said.trim()).toBe(line);
  });

  test('bounds what it says', async () => {
    configure(await serve(answering(503, 'x'.repeat(100_000))));
    expect((await check()).line.length).toBeLessThan(400);
  });

  test('says when nobody answers, and when nobody answers in time', async () => {
    const port = await serve(() => {});
    configure(port);
    expect(await check()).toEqual({
      healthy: false,
      line: `dashboard: no answer within 500 ms on port ${port}`,
    });
    configure(1);
    expect((await check()).line).toContain('dashboard: port 1 does not answer: ');
  });

  test('says when an answer breaks off', async () => {
    configure(
      await serve((_request, response) => {
        response.writeHead(200, { 'content-length': '10' });
        response.write('x');
        setImmediate(() => response.destroy());
      }),
    );
    expect(await check()).toMatchObject({ healthy: false });
  });

  test.each<[string, Record<string, string>, string]>([
    ['no service', { PAPERGATE_SERVICE: '' }, 'no service is named'],
    ['an unknown service', { PAPERGATE_SERVICE: 'nobody' }, 'services.nobody.http_port is not a port'],
    ['a name from the prototype', { PAPERGATE_SERVICE: 'constructor' }, 'services.constructor.http_port is not a port'],
    ['no configuration', { CONFIG_DIR: '/nonexistent' }, '/nonexistent/system.development.json names no port'],
  ])('with %s says so', async (_what, env, line) => {
    configure(3000);
    const answer = await check(env);
    expect(answer.healthy).toBe(false);
    expect(answer.line).toContain(line);
  });

  test.each([0, 65_536, 1.5, '3000', null])('does not take %j for a port', async (port) => {
    configure(port);
    expect((await check()).line).toContain('is not a port');
  });
});

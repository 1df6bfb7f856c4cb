import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Secret } from '@papergate/config';
import { simManifest, ORDER } from '../deliver/testing/bundle.ts';
import type { Observed } from '../deliver/types.ts';
import { parseMetrics } from './exposition.ts';
import { looker } from './look.ts';

const manifest = simManifest(1);
const TOKEN = 'a-token-of-a-test-bundle';
const METRICS: Readonly<Record<string, string>> = {
  'market-data': 'papergate_market_upstream_connected{service="market-data"} 1\npapergate_market_staleness_seconds 0.5',
  'execution-engine': `papergate_orders_total{status="rejected"} 2
papergate_orders_total{status="filled"} 9
papergate_order_refusals_total{code="OUTSIDE_ROLLOUT"} 40
papergate_order_refusals_total{code="RISK_PRICE"} 3
papergate_reconciliation_rounds_total{result="failed"} 1
papergate_reconciliation_rounds_total{result="ok"} 8
papergate_reconciliation_differences_total{kind="a"} 1
papergate_reconciliation_differences_total{kind="b"} 2`,
  orchestrator: `papergate_front_door_order_seconds_bucket{le="0.5"} 9
papergate_front_door_order_seconds_bucket{le="+Inf"} 10`,
};

let server: Server;
let url: string;
let answers: Record<string, unknown>;
let away: string;
let metrics: Record<string, string>;
beforeEach(async () => {
  away = '';
  metrics = { ...METRICS };
  answers = {
    '/api/v1/circuit-breaker/status': { state: 'ACTIVE', known: true },
    '/api/v1/scope': {
      release: manifest.commit,
      environment: 'production',
      stage: 'share',
      symbols: ['AAPL'],
      reason: 'a test',
      set_by: 'a test',
      set_at: '2026-01-05T12:00:00Z',
      expires_at: null,
      effective: ['AAPL'],
    },
  };
  server = createServer((request, response) => {
    const [, service = '', ...rest] = (request.url ?? '').split('/');
    const path = `/${rest.join('/')}`;
    const found = answers[path];
    if (request.headers.authorization !== `Bearer ${TOKEN}`) response.writeHead(401).end();
    else if (service === away) response.destroy();
    else if (path === '/metrics') {
      response.end(`# HELP it is a test\npapergate_log_lines_total{level="error"} 1
papergate_log_lines_total{level="info"} 99
papergate_process_start_time_seconds 100.5\n${metrics[service] ?? ''}\n`);
    } else response.writeHead(found === undefined ? 404 : 200).end(JSON.stringify(found ?? {}));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

const observed = (change: Partial<Observed> = {}): Observed => ({
  manifestDigest: manifest.digest,
  services: ORDER.map((service) => ({ service, digest: undefined, state: 'running', ready: true, restarts: 1 })),
  ...change,
});
const look = (seen: Observed = observed(), alerts?: () => Promise<string[]>) =>
  looker({
    target: { order: ORDER, observe: () => Promise.resolve(seen) },
    manifest,
    urls: Object.fromEntries(ORDER.map((name) => [name, `${url}/${name}`])),
    token: new Secret(TOKEN),
    alerts,
  })(new AbortController().signal);

describe('a look at a bundle', () => {
  test('gathers what every service says of itself', async () => {
    const { lacking, facts } = await look(observed(), () => Promise.resolve(['ServiceDown']));
    expect(lacking).toEqual([]);
    expect(facts).toMatchObject({
      restarts: ORDER.length,
      counters: {
        error_log_lines: ORDER.length,
        orders_rejected: 2,
        orders_refused: 3,
        orders_unknown: 0,
        reconciliation_differences: 3,
        reconciliations_failed: 1,
      },
      staleness: 0.5,
      tradingState: 'ACTIVE',
      scope: { stage: 'share', effective: ['AAPL'] },
      alerts: ['ServiceDown'],
    });
    expect([...(facts?.orderSeconds ?? [])]).toEqual([
      [0.5, 9],
      [Infinity, 10],
    ]);
    expect(facts?.starts['dashboard']).toBe(100.5);
  });

  test.each<[string, () => Promise<unknown>, RegExp]>([
    ['a service that does not answer', () => ((away = 'signal-bridge'), look()), /metrics of signal-bridge/],
    [
      'a scrape that is none',
      () => ((metrics['dashboard'] = 'half a li'), look()),
      /metrics of dashboard: no line of metrics/,
    ],
    [
      'a trading state that nobody knows',
      () => ((answers['/api/v1/circuit-breaker/status'] = { state: 'HALTED', known: false }), look()),
      /trading state: the front door does not know it/,
    ],
    ['a scope that is none', () => ((answers['/api/v1/scope'] = {}), look()), /order scope: risk-manager does not say/],
    [
      'services of two releases',
      () => look(observed({ manifestDigest: undefined })),
      /not all services are of this release/,
    ],
    ['a Prometheus that is away', () => look(observed(), () => Promise.reject(new Error('gone'))), /Prometheus: gone/],
    ['no market data', () => ((metrics['market-data'] = ''), look()), /connection to the exchange is down/],
  ])('says what is missing: %s', async (_what, ask, words) => {
    const { lacking, facts } = (await ask()) as Awaited<ReturnType<typeof look>>;
    expect(lacking.join('; ')).toMatch(words);
    if (!/releases/.test(_what)) expect(facts).toBeUndefined();
  });

  test('says that a service is not ready, and why', async () => {
    const seen = observed();
    const services = seen.services.map((one) =>
      one.service === 'dashboard' ? { ...one, ready: false, detail: 'no answer' } : one,
    );
    expect((await look({ ...seen, services })).lacking).toEqual(['dashboard is not ready: no answer']);
  });

  test('says that another release runs, by the place or by risk-manager', async () => {
    expect(await look(observed({ manifestDigest: simManifest(2).digest }))).toHaveProperty('foreign');
    answers['/api/v1/scope'] = { ...(answers['/api/v1/scope'] as object), release: 'b'.repeat(40) };
    expect(await look()).toHaveProperty('foreign');
  });
});

test('metrics are read with their labels, escapes and infinities, or not at all', () => {
  const [one, two] = parseMetrics(
    '# TYPE a counter\na{b="x\\"y",c="z\\\\"} 1e3\nb_bucket{le="+Inf"} +Inf 1700000000\n',
  );
  expect([one?.value, one?.labels.get('b'), one?.labels.get('c')]).toEqual([1000, 'x"y', 'z\\']);
  expect([two?.name, two?.value]).toEqual(['b_bucket', Infinity]);
  expect(() => parseMetrics('a 1\nb')).toThrow(/no line of metrics: b/);
});

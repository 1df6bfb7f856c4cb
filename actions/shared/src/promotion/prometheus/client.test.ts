import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Secret } from '@papergate/config';
import { openPrometheus, type PrometheusOptions } from './client.ts';

type Handle = (request: IncomingMessage, response: ServerResponse, form: URLSearchParams, asked: number) => void;
type Open = ReturnType<typeof openPrometheus>;

let server: Server | undefined;
let open: Open | undefined;
afterEach(async () => {
  await open?.close();
  server?.closeAllConnections();
  await new Promise((done) => (server === undefined ? done(undefined) : server.close(done)));
  server = undefined;
  open = undefined;
});

const TOKEN = ['token', 'of', 'a', 'test'].join('-');
async function against(
  handle: Handle,
  more: Partial<PrometheusOptions> = {},
): Promise<{ reader: Open; asked: () => number }> {
  let asked = 0;
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => (body += String(part)));
    request.on('end', () => handle(request, response, new URLSearchParams(body), ++asked));
  });
  await new Promise<void>((listening) => server?.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  open = openPrometheus({ url: `http://127.0.0.1:${port}/of/ours`, env: {}, waitsMs: [0, 0], timeoutMs: 400, ...more });
  return { reader: open, asked: () => asked };
}

const json = (response: ServerResponse, value: unknown, status = 200): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
};
const matrix = (values: [number, string][], metric: object = { service: 'market-data' }) => ({
  status: 'success',
  data: { resultType: 'matrix', result: [{ metric, values }] },
});
const RANGE = { from: 0, to: 120_000, step: 60_000 };

describe('a reader of Prometheus', () => {
  test('asks for a range with the token, below the path of the address', async () => {
    let seen: unknown;
    const handle: Handle = ({ method, url, headers }, response, form) => {
      seen = { method, url, authorization: headers.authorization, ...Object.fromEntries(form) };
      json(
        response,
        matrix([
          [0, '1'],
          [60, 'NaN'],
          [120, '+Inf'],
        ]),
      );
    };
    const { reader } = await against(handle, { token: new Secret(TOKEN) });
    expect(await reader.range('up', RANGE)).toEqual([
      {
        labels: { service: 'market-data' },
        points: [
          { t: 0, value: 1 },
          { t: 60_000, value: Number.NaN },
          { t: 120_000, value: Infinity },
        ],
      },
    ]);
    expect(seen).toEqual({
      method: 'POST',
      url: '/of/ours/api/v1/query_range',
      authorization: `Bearer ${TOKEN}`,
      query: 'up',
      start: '0',
      end: '120',
      step: '60',
    });
  });

  test('asks for a long range in parts and puts the series together', async () => {
    const { reader, asked } = await against((_request, response, form) => {
      const [start, end] = [Number(form.get('start')), Number(form.get('end'))];
      if ((end - start) / 60 > 11_000)
        return json(response, { status: 'error', error: 'exceeded maximum resolution' }, 400);
      json(response, matrix(Array.from({ length: (end - start) / 60 + 1 }, (_, index) => [start + index * 60, '1'])));
    });
    const [series, ...others] = await reader.range('up', { from: 0, to: 12_000 * 60_000, step: 60_000 });
    expect(others).toEqual([]);
    expect(series?.points.map(({ t }) => t)).toEqual(Array.from({ length: 12_001 }, (_, index) => index * 60_000));
    expect(asked()).toBe(3);
  });

  test('knows Prometheus’ own time and its alerts', async () => {
    const { reader } = await against(({ url }, response) =>
      url?.endsWith('/query') === true
        ? json(response, {
            status: 'success',
            data: { resultType: 'scalar', result: [1_700_000_000.25, '1700000000.25'] },
          })
        : json(response, {
            status: 'success',
            data: {
              groups: [
                {
                  rules: [
                    { type: 'alerting', name: 'Down', labels: { severity: 'critical' } },
                    { type: 'recording', name: 'job:up' },
                    { type: 'alerting', name: 'Slow' },
                  ],
                },
              ],
            },
          }),
    );
    expect(await reader.now()).toBe(1_700_000_000_250);
    expect(await reader.alertRules()).toEqual([
      { name: 'Down', severity: 'critical' },
      { name: 'Slow', severity: undefined },
    ]);
  });

  test('tries again what may go away', async () => {
    const { reader, asked } = await against((request, response, _form, number) => {
      if (number === 1) return void request.socket.destroy();
      if (number === 2) return json(response, { status: 'error', error: 'loading' }, 503);
      json(response, matrix([[0, '1']]));
    });
    expect(await reader.range('up', RANGE)).toHaveLength(1);
    expect(asked()).toBe(3);
  });

  const BAD: [string, string, number, Handle][] = [
    ['does not answer', 'PROMETHEUS_UNREACHABLE', 3, () => {}],
    ['cuts the connection', 'PROMETHEUS_UNREACHABLE', 3, (request) => void request.socket.destroy()],
    ['is not ready', 'PROMETHEUS_UNREACHABLE', 3, (_request, response) => json(response, {}, 503)],
    ['breaks', 'PROMETHEUS_UNREACHABLE', 3, (_request, response) => json(response, 'no', 500)],
    ['wants another token', 'PROMETHEUS_UNAUTHORIZED', 1, (_request, response) => json(response, {}, 401)],
    ['does not allow it', 'PROMETHEUS_UNAUTHORIZED', 1, (_request, response) => json(response, {}, 403)],
    [
      'refuses the query',
      'PROMETHEUS_REFUSED',
      1,
      (_request, response) => json(response, { status: 'error', error: 'parse error' }, 400),
    ],
    [
      'leads elsewhere',
      'PROMETHEUS_REFUSED',
      1,
      (_request, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    ],
    ['is a page', 'PROMETHEUS_ANSWER_INVALID', 1, (_request, response) => void response.end('<html>')],
    [
      'is no matrix',
      'PROMETHEUS_ANSWER_INVALID',
      1,
      (_request, response) => json(response, { status: 'success', data: [] }),
    ],
    [
      'has an error and 200',
      'PROMETHEUS_ANSWER_INVALID',
      1,
      (_request, response) => json(response, { ...matrix([]), status: 'error' }),
    ],
    [
      'is only a part',
      'PROMETHEUS_PARTIAL',
      1,
      (_request, response) => json(response, { ...matrix([[0, '1']]), warnings: ['a store is away'] }),
    ],
  ];
  test.each(BAD)('where the answer %s: %s', async (_title, code, tries, handle) => {
    const { reader, asked } = await against(handle, { token: new Secret(TOKEN), timeoutMs: 100 });
    const error: unknown = await reader.range('up', RANGE).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect(String((error as Error).stack)).not.toContain(TOKEN);
    expect(asked()).toBe(tries);
  });

  test.each(['prometheus:9090', 'ftp://example.com', 'https://a:b@example.com', 'https://example.com/?x=1', ''])(
    'refuses the address %p',
    (url) => {
      expect(() => openPrometheus({ url, env: {} })).toThrow(
        expect.objectContaining({ code: 'PROMETHEUS_URL_INVALID' }),
      );
    },
  );

  test('gives up when it is told to', async () => {
    const stop = new AbortController();
    const { reader } = await against(() => stop.abort(new Error('stopped')), { signal: stop.signal, timeoutMs: 5_000 });
    await expect(reader.now()).rejects.toThrow('stopped');
  });
});

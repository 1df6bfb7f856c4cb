import { readFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { SERVICE_NAMES, type ServiceName } from '@papergate/config';
import fc from 'fast-check';
import { WebSocket } from 'ws';
import { Dealer } from 'zeromq';
import { startBundle, type StartedBundle } from '../bundle/start.ts';
import { operationsOf, type Operation } from './document.ts';
import { requestsOf } from './requests.ts';
import { HOSTILE } from './values.ts';
import { closeConnections, send, sendBytes, type FuzzAnswer } from './send.ts';

jest.setTimeout(240_000);

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const RUNS = Number(process.env['PAPERGATE_FUZZ_RUNS'] ?? 60);
const SEED = Number(process.env['PAPERGATE_FUZZ_SEED'] ?? 20_131_007);
/** What breaks the simulator on purpose, or begins it anew. */
const LEVERS = /^\/sim\/(?:faults|reset|replay)/;
/** These end trading; what comes after them would only be told so. */
const LAST = /circuit-breaker\/trip|emergency|trading-state|scope/;

let home: string;
let bundle: StartedBundle;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'papergate-fuzz-'));
  bundle = await startBundle({ root: ROOT, home });
});
afterAll(async () => {
  closeConnections();
  await bundle?.stop();
  rmSync(home, { recursive: true, force: true });
});

async function documented(service: ServiceName): Promise<Operation[]> {
  const { status, body } = await send(bundle.urls[service], {
    method: 'GET',
    path: '/openapi.json',
    headers: {},
    body: undefined,
  });
  expect(status).toBe(200);
  return operationsOf(JSON.parse(body)).filter(({ path }) => !LEVERS.test(path));
}

/** An answer that a client can work with: it was done, refused with a code, or cannot be done now, with a code. */
function verdictOn({ status, body }: FuzzAnswer, method: string): string {
  if (status >= 200 && status < 400) return 'done';
  if (method === 'HEAD' && status < 500) return 'refused';
  const said = parsed(body);
  const hasReason = ['code', 'ready', 'message'].some((name) => name in said);
  if (status >= 400 && status < 500 && hasReason) return 'refused';
  if ((status === 503 || status === 504) && hasReason) return 'not now';
  return `${status} ${body.slice(0, 300)}`;
}

function parsed(body: string): object {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

async function expectAlive(): Promise<void> {
  for (const service of SERVICE_NAMES) {
    const answer = await fetch(`${bundle.urls[service]}/health`);
    expect({ service, status: answer.status }).toEqual({ service, status: 200 });
  }
}

/** Lines of the services' logs that tell of what nobody foresaw. */
function unforeseen(): string[] {
  const files = readdirSync(home, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.log'));
  expect(files.length).toBeGreaterThanOrEqual(SERVICE_NAMES.length);
  const bad = /"msg":"request failed"|uncaught|unhandled|"level":60|    at .*\(.*\.ts:/i;
  return files.flatMap((file) =>
    readFileSync(join(home, file), 'utf8')
      .split('\n')
      .filter((line) => bad.test(line))
      .map((line) => `${file}: ${line.slice(0, 600)}`),
  );
}

describe.each(SERVICE_NAMES)('%s', (service) => {
  test('answers whatever is asked of it by its OpenAPI document, and never with an error of its own', async () => {
    const operations = await documented(service);
    expect(operations.length).toBeGreaterThanOrEqual(4);
    const ordered = [
      ...operations.filter(({ path }) => !LAST.test(path)),
      ...operations.filter(({ path }) => LAST.test(path)),
    ];
    const { key, secret } = bundle.credentials;
    const keys =
      service === 'paper-exchange' ? { 'apca-api-key-id': key.reveal(), 'apca-api-secret-key': secret.reveal() } : {};
    for (const operation of ordered) {
      const seen = new Set<string>();
      await fc.assert(
        fc.asyncProperty(requestsOf(operation, undefined), async (request) => {
          const answer = await send(bundle.urls[service], { ...request, headers: { ...keys, ...request.headers } });
          const verdict = verdictOn(answer, operation.method);
          seen.add(verdict);
          expect(['done', 'refused', 'not now']).toContain(verdict);
        }),
        { numRuns: operation.body === undefined && operation.parameters.length === 0 ? 8 : RUNS, seed: SEED },
      );
      // What only ever refuses has not been looked at. Alpaca's own routes have no schema to make a good request of.
      const isKnown = service !== 'paper-exchange' && !operation.path.includes('{');
      if (operation.method === 'GET' && isKnown) expect([...seen]).toContain('done');
    }
    await expectAlive();
  });

  test('outlives what is no HTTP, and a body that is too large', async () => {
    const url = bundle.urls[service];
    const long = 'x'.repeat(70_000);
    const bytes = [
      Buffer.from(Array.from({ length: 2_000 }, (_, at) => (at * 7919) % 256)),
      `GET / HTTP/1.1\r\nHost: a\r\n${'A: b\r\n'.repeat(5_000)}\r\n`,
      `GET /${long} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
      'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n',
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde',
      'GET /health HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    ];
    await Promise.all(bytes.map((sent) => sendBytes(url, sent, 500)));
    const writes = (await documented(service)).find(({ method }) => method === 'POST' || method === 'PUT');
    if (writes !== undefined) {
      const body = `"${'x'.repeat(33 * 1024 * 1024)}"`;
      const headers = { 'content-type': 'application/json' };
      // Either it says so, or it hangs up while the rest is still on its way.
      const answer = await send(url, { method: writes.method, path: writes.path, headers, body }).catch(
        () => undefined,
      );
      expect([400, 401, 403, 404, 413, undefined]).toContain(answer?.status);
    }
    await expectAlive();
  });
});

const SOCKETS: readonly (readonly [ServiceName, string])[] = [
  ['orchestrator', '/ws/market_data'],
  ['observability-api', '/ws/metrics'],
  ['market-data', '/stream'],
  ['dashboard', '/ws/market_data'],
  ['paper-exchange', '/stream'],
  ['paper-exchange', '/v2/iex'],
];

test.each(SOCKETS)('a WebSocket of %s at %s outlives whatever is sent to it', async (service, path) => {
  const url = `${bundle.urls[service].replace('http', 'ws')}${path}`;
  const messages = [
    ...HOSTILE.map((value) => JSON.stringify({ action: value, symbols: value, data: { streams: value } }) ?? ''),
    ...HOSTILE.map((value) => JSON.stringify({ action: 'subscribe', symbols: value, trades: value }) ?? ''),
    '{',
    '',
    Buffer.alloc(1_000, 0xff),
    'x'.repeat(2 * 1024 * 1024),
  ];
  // A refusal may be to hang up: the next message then comes by a new connection.
  for (let sent = 0; sent < messages.length;) {
    const socket = new WebSocket(url);
    socket.on('error', () => {});
    const closed = new Promise<false>((resolve) => socket.once('close', () => resolve(false)));
    const opened = new Promise<true>((resolve) => socket.once('open', () => resolve(true)));
    if (!(await Promise.race([opened, closed]))) break;
    while (sent < messages.length && socket.readyState === WebSocket.OPEN) {
      socket.send(messages[sent] ?? '');
      sent += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.close();
    await closed;
  }
  await expectAlive();
});

test('a flood of bad orders is refused, each of them, and a good one is still answered', async () => {
  const url = bundle.urls.orchestrator;
  const order = (body: unknown) => ({
    method: 'POST',
    path: '/api/v1/orders',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, (_, at) => send(url, order({ symbol: 'AAPL', side: 'buy', quantity: -at }))),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([400]));
  const good = await send(url, order({ symbol: 'AAPL', side: 'buy', type: 'market', quantity: 1 }));
  expect(['done', 'refused', 'not now']).toContain(verdictOn(good, 'POST'));
});

test('frames that nobody of ours sent are not taken for requests', async () => {
  const { host, bus_port: port } = bundle.system.services['risk-manager'];
  const socket = new Dealer({ linger: 0, receiveTimeout: 5_000 });
  socket.connect(`tcp://${host}:${port}`);
  const frames: (string | Buffer)[][] = [
    [''],
    ['one'],
    ['id', 'no json'],
    ['id', '{}'],
    ['id', 'null'],
    ['id', '[]'],
    ['id', '{"kind":"check","order":{"symbol":"AAPL","side":"buy","quantity":"NaN"}}'],
    ['id', Buffer.alloc(200_000, 0xff)],
    ['id', '{}', 'more', 'and more'],
  ];
  for (const sent of frames) await socket.send(sent);
  await socket.send(['last', '{"kind":"nothing"}']);
  for (let id = ''; id !== 'last';) id = String((await socket.receive())[0]);
  socket.close();
  await expectAlive();
});

test('none of it left a trace of what nobody had foreseen', () => {
  expect(unforeseen()).toEqual([]);
});

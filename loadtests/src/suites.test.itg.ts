import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { startDouble, type Double, type Faults } from './testing/double.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SUITES = ['market-data-flood', 'order-stress', 'database-throughput', 'websocket-concurrency'] as const;
type SuiteName = (typeof SUITES)[number];

// k6 measures, and a neighbour on the same cores can cross a threshold of its own; it does not do so each time.
jest.retryTimes(2);

/** k6 says by its exit code: 99 a threshold was crossed, 107 the script threw. */
const HELD = 0;
const TOO_SLOW = 99;

interface Outcome {
  code: number | null;
  output: string;
  metrics: Record<string, Record<string, number>>;
  double: Double;
}

/** A tenth of the load for two seconds: enough to see which way a threshold falls. */
const SMALL = { PROFILE: 'quick', WARMUP_SECONDS: '1', MAIN_SECONDS: '2', RATE_SCALE: '0.1' };

describe('the load suites', () => {
  let k6: string;
  let dir: string;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'papergate-load-test-'));
    // Builds it where it is not there yet, which takes minutes once on a machine.
    const tools = join(ROOT, 'actions', 'shared', 'src', 'tools', 'main.ts');
    k6 = (await promisify(execFile)(process.execPath, [tools, 'k6'])).stdout.trim();
  }, 900_000);
  afterAll(() => rmSync(dir, { recursive: true }));

  async function run(suite: SuiteName, faults: Faults = {}, env: Record<string, string> = {}): Promise<Outcome> {
    const double = await startDouble(faults);
    const summary = join(dir, 'summary.json');
    rmSync(summary, { force: true });
    try {
      const { code, output } = await new Promise<Pick<Outcome, 'code' | 'output'>>((resolve, reject) => {
        const script = join(ROOT, 'loadtests', 'src', `${suite}.ts`);
        const child = spawn(
          k6,
          ['run', '--quiet', '--no-color', '--no-usage-report', '--summary-export', summary, script],
          {
            env: {
              PATH: process.env['PATH'],
              HOME: dir,
              ORCHESTRATOR_URL: double.url,
              OBSERVABILITY_URL: double.url,
              ...SMALL,
              // Its probes stop a second before its end, and k6 wants a second of them at least.
              ...(suite === 'websocket-concurrency' ? { MAIN_SECONDS: '3' } : {}),
              ...env,
            },
          },
        );
        let text = '';
        child.stdout.on('data', (chunk) => (text += String(chunk)));
        child.stderr.on('data', (chunk) => (text += String(chunk)));
        child.on('error', reject);
        child.on('close', (exit) => resolve({ code: exit, output: text }));
      });
      return { code, output, double, metrics: metricsOf(summary) };
    } finally {
      await double.close();
    }
  }

  function metricsOf(summary: string): Outcome['metrics'] {
    try {
      return (JSON.parse(readFileSync(summary, 'utf8')) as { metrics: Outcome['metrics'] }).metrics;
    } catch {
      return {};
    }
  }

  const count = (outcome: Outcome, metric: string) => outcome.metrics[metric]?.['count'];

  test.each(SUITES)(
    '%s holds where the bundle answers at once',
    async (suite) => {
      const { code, output } = await run(suite);
      expect(output).not.toMatch(/level=error/);
      expect(code).toBe(HELD);
    },
    60_000,
  );

  test('what the suites send is what the plan says', async () => {
    const flood = await run('market-data-flood');
    // 100 a second for two seconds; what the double saw includes the warm-up of 50 in one second.
    expect(count(flood, 'ticks_sent')).toBeGreaterThanOrEqual(199);
    expect(count(flood, 'ticks_sent')).toBeLessThanOrEqual(201);
    expect(flood.double.calls.get('POST /api/v1/market_data')).toBeGreaterThanOrEqual(248);
    const orders = await run('order-stress');
    expect(count(orders, 'orders_sent')).toBe(20);
    expect(count(orders, 'rounds_settled')).toBe(2);
    const sockets = await run('websocket-concurrency', {}, { RATE_SCALE: '0.2' });
    expect(count(sockets, 'ws_connected')).toBe(20);
    expect(count(sockets, 'ws_stayed')).toBe(20);
  }, 60_000);

  const FAILING: Array<{ title: string; suite: SuiteName; faults: Faults; crossed: RegExp }> = [
    {
      title: 'ticks are accepted too slowly',
      suite: 'market-data-flood',
      faults: { delayMs: 150 },
      crossed: /✗ 'med<=100'/,
    },
    {
      title: 'ticks are refused',
      suite: 'market-data-flood',
      faults: { status: 500 },
      crossed: /✗ 'count>=198' count=0/,
    },
    {
      title: 'tick connections are cut',
      suite: 'market-data-flood',
      faults: { dropConnections: true },
      crossed: /✗ 'count>=198' count=0/,
    },
    {
      title: 'orders are acknowledged too slowly',
      suite: 'order-stress',
      faults: { delayMs: 150 },
      crossed: /✗ 'avg<=100'/,
    },
    {
      title: 'the slowest orders are too slow',
      suite: 'order-stress',
      faults: { delayMs: 600 },
      crossed: /✗ 'p\(99\)<=500'/,
    },
    { title: 'orders are refused', suite: 'order-stress', faults: { status: 503 }, crossed: /✗ 'count>=19' count=0/ },
    {
      title: 'order connections are cut',
      suite: 'order-stress',
      faults: { dropConnections: true },
      crossed: /✗ 'count>=19' count=0/,
    },
    { title: 'orders never fill', suite: 'order-stress', faults: { neverFill: true }, crossed: /rounds_settled\n\s+✗/ },
    {
      title: 'rows are written too slowly',
      suite: 'database-throughput',
      faults: { delayMs: 70 },
      crossed: /✗ 'med<=50'/,
    },
    {
      title: 'rows are read too slowly',
      suite: 'database-throughput',
      faults: { delayMs: 150 },
      crossed: /read_latency\n\s+✗ 'med<=100'/,
    },
    {
      title: 'writes are refused',
      suite: 'database-throughput',
      faults: { status: 503 },
      crossed: /writes_succeeded\n\s+✗ .*count=0/,
    },
    {
      title: 'store connections are cut',
      suite: 'database-throughput',
      faults: { dropConnections: true },
      crossed: /reads_succeeded\n\s+✗ .*count=0/,
    },
    {
      title: 'pongs and ticks come too slowly',
      suite: 'websocket-concurrency',
      faults: { socketDelayMs: 150 },
      crossed: /ws_pong_latency\n\s+✗[^]*ws_tick_latency\n\s+✗/,
    },
    {
      title: 'connections are closed early',
      suite: 'websocket-concurrency',
      faults: { sockets: 'close' },
      crossed: /ws_stayed\n\s+✗ .*count=0/,
    },
    {
      title: 'nothing is received',
      suite: 'websocket-concurrency',
      faults: { sockets: 'mute' },
      crossed: /ws_pongs\n\s+✗ .*count=0/,
    },
  ];

  test.each(FAILING)(
    '$suite fails as too slow when $title',
    async ({ suite, faults, crossed }) => {
      const { code, output } = await run(suite, faults, {
        MAIN_SECONDS: suite === 'websocket-concurrency' ? '3' : '2',
      });
      expect(output).toMatch(crossed);
      expect(code).toBe(TOO_SLOW);
    },
    60_000,
  );

  test('a suite breaks, and is not merely too slow, where the front door takes no WebSocket', async () => {
    const { code, output } = await run('websocket-concurrency', { sockets: 'refuse' });
    expect(code).not.toBe(HELD);
    expect(code).not.toBe(TOO_SLOW);
    expect(output).toMatch(/\/ws\/market_data does not answer/);
  }, 60_000);

  test('latency counts from when a tick was due, not from when a VU was free', async () => {
    const { metrics } = await run('market-data-flood', { delayMs: 700 }, { RATE_SCALE: '1' });
    // 1000/s × 0.7 s = 700 > 500 VUs: what is due waits or is dropped, and either is seen.
    expect(metrics['dropped_iterations']?.['count']).toBeGreaterThan(0);
    expect(metrics['tick_latency']?.['med']).toBeGreaterThanOrEqual(700);
  }, 60_000);

  test.each([
    ['a URL that is missing', { ORCHESTRATOR_URL: '' }, /ORCHESTRATOR_URL is not set/],
    ['a profile that does not exist', { PROFILE: 'huge' }, /PROFILE is .*huge.*allowed: quick, full/],
    ['a rate that is no number', { RATE_SCALE: 'fast' }, /RATE_SCALE is .*fast.*allowed: a number above 0/],
  ])('a suite ends before it loads anything on %s', async (_title, env: Record<string, string>, message) => {
    const { code, output, double } = await run('market-data-flood', {}, env);
    expect(output).toMatch(message);
    expect(code).not.toBe(HELD);
    expect(code).not.toBe(TOO_SLOW);
    expect(double.calls.size).toBe(0);
  });
});

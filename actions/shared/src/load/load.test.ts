import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Secret } from '@papergate/config';
import type { Progress } from '../evidence/index.ts';
import { isPidTaken } from '../process/facts.ts';
import { waitFor } from '../process/wait.ts';
import { runLoad, SUITES, suitesOf, type RunLoadOptions } from './index.ts';
import { fakeK6, fakeRelease, passingSummary, PLAN } from './testing.ts';

const SUMMARY = JSON.stringify(passingSummary());
const GOOD = `fs.writeFileSync(summary, ${JSON.stringify(SUMMARY)}); console.log('k6 was here: ' + suite);`;

describe('the load stage', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'papergate-load-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const load = (script: string, over: Partial<RunLoadOptions> = {}) =>
    runLoad({
      releaseDir: fakeRelease(dir),
      urls: { orchestrator: 'http://127.0.0.1:1', 'observability-api': 'http://127.0.0.1:2' },
      profile: 'quick',
      token: undefined,
      outDir: join(dir, 'run'),
      env: { PATH: process.env['PATH'] },
      k6: fakeK6(dir, script),
      ...over,
    });

  test('passes where k6 held and every figure holds, and keeps what k6 said', async () => {
    const result = await load(GOOD);
    expect(result.checks.filter(({ status }) => status === 'failed')).toEqual([]);
    expect(result.status).toBe('passed');
    expect(result.files).toHaveLength(2 * SUITES.length);
    expect(readFileSync(join(dir, 'run', 'load', 'order-stress.log'), 'utf8')).toBe('k6 was here: order-stress\n');
  });

  test.each([
    ['k6 says too slow', `${GOOD} return 99;`, /too slow \(exit 99\)/],
    ['the test broke', `${GOOD} console.error('boom'); return 107;`, /broke \(exit 107\).*boom/],
    [
      'k6 was killed',
      `${GOOD} process.kill(process.pid, 'SIGKILL'); await new Promise(() => setInterval(() => {}, 1000));`,
      /SIGKILL/,
    ],
    ['k6 exits 0 and leaves no summary', '', /k6 left no summary/],
    ['k6 exits 0 and leaves an empty file', `fs.writeFileSync(summary, '');`, /k6 left no summary/],
    [
      'k6 exits 0 and leaves no metrics',
      `fs.writeFileSync(summary, '{"metrics":{}}');`,
      /k6 reported no value of ticks_sent/,
    ],
    ['k6 exits 0 and leaves text', `fs.writeFileSync(summary, '{"metrics":"none"}');`, /has no metrics/],
    [
      'k6 exits 0 and leaves null where numbers belong',
      `fs.writeFileSync(summary, ${JSON.stringify(SUMMARY.replaceAll(/"(avg|med|p\(99\))":\d+/g, '"$1":null'))});`,
      /k6 reported no value of tick_latency/,
    ],
    [
      'k6 exits 0 above a floor',
      `fs.writeFileSync(summary, ${JSON.stringify(SUMMARY.replaceAll('"med":1', '"med":101'))});`,
      /"observed":101/,
    ],
  ])('blocks when %s', async (_title, script, message) => {
    const result = await load(script);
    expect(result.status).toBe('failed');
    const failed = result.checks.filter(({ status }) => status === 'failed');
    expect(JSON.stringify(failed)).toMatch(message);
  });

  test('does not take the leavings of an earlier run for this one’s', async () => {
    expect((await load(GOOD)).status).toBe('passed');
    expect((await load('')).status).toBe('failed');
  });

  test('runs the other suites when one fails', async () => {
    const result = await load(`${GOOD} return suite === 'order-stress' ? 99 : 0;`);
    const failed = result.checks.filter(({ status }) => status === 'failed').map(({ name }) => name);
    expect(failed).toEqual(['order-stress: k6 verdict']);
  });

  test('gives k6 the URLs, the profile and the token, and nothing of its own environment', async () => {
    const script = `${GOOD} console.log(JSON.stringify(process.env));`;
    const env = { PATH: process.env['PATH'], HTTP_PROXY: 'http://proxy', K6_VUS: '1', ALPACA_SECRET_KEY: 'x' };
    await load(script, { token: new Secret('the-token'), env });
    const log = readFileSync(join(dir, 'run', 'load', 'order-stress.log'), 'utf8');
    const seen = JSON.parse(log.trim().split('\n').at(-1)!) as Record<string, string>;
    expect(seen).toMatchObject({
      ORCHESTRATOR_URL: 'http://127.0.0.1:1',
      OBSERVABILITY_URL: 'http://127.0.0.1:2',
      PROFILE: 'quick',
      API_TOKEN: 'the-token',
    });
    expect(seen).not.toHaveProperty('HTTP_PROXY');
    expect(seen).not.toHaveProperty('K6_VUS');
    expect(seen).not.toHaveProperty('ALPACA_SECRET_KEY');
  });

  test('leaves the token out of everything that it returns', async () => {
    const result = await load(`${GOOD} return 99;`, { token: new Secret('the-token') });
    expect(JSON.stringify(result)).not.toContain('the-token');
  });

  test('tells how far it is, from 0 upwards and never beyond 1', async () => {
    const seen: Progress[] = [];
    await load(GOOD, { onProgress: (progress) => seen.push(progress) });
    const fractions = seen.map(({ fraction }) => fraction ?? -1);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.at(0)).toBeCloseTo(0, 2);
    expect(fractions.at(-1)).toBeGreaterThanOrEqual(0.75);
    expect(Math.max(...fractions)).toBeLessThanOrEqual(1);
    expect(seen.map(({ message }) => message).join('\n')).toContain('Order stress: 0 s of 3 s');
  });

  test('makes one point a second of k6’s samples of the main phase', async () => {
    const at = passingSummary().metrics['main_started_at']!['value']!;
    const rows = [
      'metric_name,timestamp,metric_value,scenario,extra_tags',
      `order_latency,${at - 500},999,main_round,`,
      `order_latency,${at + 100},999,warmup_round,`,
      `orders_succeeded,${at + 10},1,main_round,`,
      `orders_succeeded,${at + 990},1,main_round,`,
      `orders_succeeded,${at + 1000},1,main_round,`,
      `order_latency,${at + 10},5,main_round,`,
      `order_latency,${at + 20},7,main_round,`,
      `order_latency,${at + 2700},20,main_round,`,
      `order_latency,nonsense,NaN,main_round,`,
    ].join('\n');
    const result = await load(`${GOOD} fs.writeFileSync(csv, ${JSON.stringify(`${rows}\n`)});`);
    const suite = suitesOf({ data: result.data } as Parameters<typeof suitesOf>[0]).find(
      ({ name }) => name === 'order-stress',
    );
    expect(suite?.series.rates[0]?.points).toEqual([
      { t: 0, count: 2 },
      { t: 1, count: 1 },
    ]);
    // What is answered after the end belongs to the last second.
    expect(suite?.series.latencies[0]?.points).toEqual([
      { t: 0, p50: 5, p95: 7, max: 7 },
      { t: 1, p50: 20, p95: 20, max: 20 },
    ]);
    expect(readdirSync(join(dir, 'run', 'load')).filter((file) => file.endsWith('.csv'))).toEqual([]);
  });

  test('ends k6 and what k6 started when it is interrupted, however deaf they are', async () => {
    const pids = join(dir, 'pids');
    const script = `
      process.on('SIGINT', () => {});
      const { spawn } = await import('node:child_process');
      const child = spawn(process.execPath, ['-e', 'process.on("SIGINT", () => {}); setInterval(() => {}, 1000)']);
      fs.writeFileSync(${JSON.stringify(pids)} + '.new', process.pid + ' ' + child.pid);
      fs.renameSync(${JSON.stringify(pids)} + '.new', ${JSON.stringify(pids)});
      await new Promise(() => setInterval(() => {}, 1000));`;
    const aborter = new AbortController();
    const run = load(script, { signal: aborter.signal });
    run.catch(() => undefined);
    expect(await waitFor(() => existsSync(pids), { timeoutMs: 10_000 })).toBe(true);
    aborter.abort(new Error('interrupted'));
    await expect(run).rejects.toThrow('interrupted');
    const started = readFileSync(pids, 'utf8').split(' ').map(Number);
    expect(await waitFor(() => started.every((pid) => !isPidTaken(pid)), { timeoutMs: 10_000 })).toBe(true);
  }, 30_000);

  test.each([
    ['is missing', { orchestrator: 'http://127.0.0.1:1' }, /URL of observability-api, found: none/],
    [
      'is no URL',
      { orchestrator: 'nowhere', 'observability-api': 'http://127.0.0.1:2' },
      /URL of orchestrator, found: nowhere/,
    ],
  ])('refuses to start when a URL %s', async (_title, urls: Record<string, string>, message) => {
    await expect(load(GOOD, { urls })).rejects.toThrow(message);
  });

  test.each([
    ['is not there', undefined, /plan.json is no load plan: .*ENOENT/],
    ['is no JSON', '{', /plan.json is no load plan/],
    ['has no full profile', { ...PLAN, profiles: { quick: PLAN.profiles.quick } }, /profiles/],
    ['has a load of text', { ...PLAN, load: { 'order-stress': { orders_per_round: 'many' } } }, /orders_per_round/],
  ])('says so when the plan %s', async (_title, plan: unknown, message) => {
    const releaseDir = plan === undefined ? join(dir, 'none') : fakeRelease(join(dir, 'other'), plan);
    await expect(load(GOOD, { releaseDir })).rejects.toThrow(message);
  });

  test('blocks and says how to get k6 where there is none', async () => {
    const result = await runLoad({
      releaseDir: fakeRelease(dir),
      urls: { orchestrator: 'http://127.0.0.1:1', 'observability-api': 'http://127.0.0.1:2' },
      profile: 'quick',
      token: undefined,
      outDir: join(dir, 'run'),
      // No PATH, an empty cache, no network.
      env: { PATH: '', XDG_CACHE_HOME: join(dir, 'cache') },
      findTool: { fetch: () => Promise.reject(new Error('no network')) },
    });
    expect(result.status).toBe('failed');
    expect(result.checks[0]).toMatchObject({ name: 'k6', status: 'failed' });
    expect(result.checks[0]?.detail).toMatch(
      /PATH: no k6 on it[^]*cache:[^]*download: .*no network[^]*go: go is not on the PATH[^]*fix: put k6 2\.2\.0/,
    );
  });
});

describe('the floors', () => {
  test('are the ones that the suites carry as thresholds', () => {
    const file = new URL('../../../../loadtests/plan.json', import.meta.url);
    const plan = JSON.parse(readFileSync(file, 'utf8')) as {
      floors: Record<string, Record<string, number>>;
      load: Record<string, Record<string, number>>;
    };
    const bound = (suite: string, name: string) => {
      const floor = SUITES.find((each) => each.name === suite)?.floors.find((each) => each.name === name);
      return floor?.kind === 'share' ? floor.min : floor?.max;
    };
    expect(plan.floors).toEqual({
      'market-data-flood': {
        accepted_percent: bound('market-data-flood', 'ticks accepted'),
        median_ms: bound('market-data-flood', 'tick latency, median'),
      },
      'order-stress': {
        success_percent: bound('order-stress', 'orders accepted'),
        mean_ms: bound('order-stress', 'order latency, mean'),
        p99_ms: bound('order-stress', 'order latency, p99'),
        settled_percent: bound('order-stress', 'rounds whose order filled'),
      },
      'database-throughput': {
        write_success_percent: bound('database-throughput', 'rows written'),
        write_median_ms: bound('database-throughput', 'write latency, median'),
        read_success_percent: bound('database-throughput', 'reads answered'),
        read_median_ms: bound('database-throughput', 'read latency, median'),
      },
      'websocket-concurrency': {
        connect_percent: bound('websocket-concurrency', 'clients connected'),
        stay_percent: bound('websocket-concurrency', 'clients that stayed'),
        message_percent: bound('websocket-concurrency', 'pings answered'),
        message_median_ms: bound('websocket-concurrency', 'ping to pong, median'),
      },
    });
    for (const { name, atLeast } of SUITES) expect(plan.load[name]).toMatchObject(atLeast);
  });
});

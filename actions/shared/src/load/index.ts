import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError, ExternalError, UserError, type Secret } from '@papergate/config';
import type { Check, OnProgress, ServiceUrls, StageResult } from '../evidence/index.ts';
import { findTool, runProgram, type FindToolOptions, type FoundTool } from '../tools/index.ts';
import type { LatencyData, Series, SuiteData } from './data.ts';
import { judge, verdictOf } from './judge.ts';
import { readPlan, type LoadPlan, type LoadProfile } from './plan.ts';
import { readSeries } from './series.ts';
import { SUITES, type Suite } from './suites.ts';
import { readSummary, type Summary, type SummaryOrReason } from './summary.ts';

export { suitesOf, type LatencyData, type SuiteData } from './data.ts';
export type { LoadProfile } from './plan.ts';
export { SUITES } from './suites.ts';

export interface RunLoadOptions {
  /** The release that is loaded: its own suites run, `loadtests/src/*.ts`. */
  releaseDir: string;
  /** `orchestrator` and `observability-api`. */
  urls: ServiceUrls;
  profile: LoadProfile;
  token: Secret | undefined;
  /** The run's folder; k6's output and summaries go to `load/` in it, and `files` are relative to it. */
  outDir: string;
  /** For finding k6: PATH, HOME, XDG_CACHE_HOME. k6 itself gets none of it but the PATH. */
  env: Readonly<Record<string, string | undefined>>;
  onProgress?: OnProgress;
  signal?: AbortSignal | undefined;
  /** For tests: another k6, or another network to look for it in. */
  k6?: FoundTool;
  findTool?: Pick<FindToolOptions, 'fetch'>;
}

/**
 * Runs the four suites one after the other and judges them twice: by k6's exit code, and by the numbers that k6
 * left, against floors that the release cannot change. Where k6 cannot be had, the result is `failed`.
 */
export async function runLoad(options: RunLoadOptions): Promise<StageResult> {
  const { releaseDir, profile, outDir, onProgress = () => undefined, signal } = options;
  const plan = await readPlan(releaseDir);
  const targets = targetsOf(options);
  const folder = join(outDir, 'load');
  await mkdir(folder, { recursive: true, mode: 0o700 });

  let k6: FoundTool;
  try {
    k6 =
      options.k6 ??
      (await findTool('k6', { ...options.findTool, env: options.env, root: releaseDir, onProgress, signal }));
  } catch (error) {
    if (!(error instanceof ExternalError)) throw error;
    const check: Check = { name: 'k6', status: 'failed', observed: 'not found', limit: 'the pinned version' };
    return { status: 'failed', checks: [{ ...check, detail: describeError(error) }] };
  }

  const checks: Check[] = [{ name: 'k6', status: 'passed', observed: `${k6.version} (${k6.source})` }];
  const suites: SuiteData[] = [];
  for (const [index, suite] of SUITES.entries()) {
    const done = await runSuite({ suite, index, k6, plan, profile, folder, targets, releaseDir, options });
    checks.push(...done.checks);
    suites.push(done.data);
  }
  const status = checks.every((check) => check.status === 'passed') ? 'passed' : 'failed';
  const files = suites.flatMap(({ name, log }) => [log, `load/${name}.summary.json`]);
  return { status, checks, data: { profile, k6: k6.version, suites }, files: await existing(outDir, files) };
}

interface SuiteRun {
  suite: Suite;
  index: number;
  k6: FoundTool;
  plan: LoadPlan;
  profile: LoadProfile;
  folder: string;
  targets: Record<string, string>;
  releaseDir: string;
  options: RunLoadOptions;
}

async function runSuite(run: SuiteRun): Promise<{ checks: Check[]; data: SuiteData }> {
  const { suite, plan, profile, folder, k6, targets, releaseDir, options } = run;
  const { warmup_s: warmup, main_s: seconds } = plan.profiles[profile];
  const file = (suffix: string) => join(folder, `${suite.name}.${suffix}`);
  // Leavings of an earlier run must not pass for this one's.
  for (const suffix of ['csv', 'summary.json', 'log']) await rm(file(suffix), { force: true });

  const started = performance.now();
  const stopProgress = reportProgress(run, warmup + seconds, started);
  try {
    const result = await runProgram({
      command: k6.path,
      args: [
        'run',
        '--quiet',
        '--no-color',
        '--no-usage-report',
        `--summary-export=${file('summary.json')}`,
        `--out=csv=${file('csv')}`,
        join(releaseDir, 'loadtests', 'src', `${suite.name}.ts`),
      ],
      cwd: releaseDir,
      // Nothing of the caller's own k6 settings or proxies may change what is measured.
      env: {
        PATH: options.env['PATH'],
        HOME: folder,
        XDG_CONFIG_HOME: folder,
        ...targets,
        K6_CSV_TIME_FORMAT: 'unix_milli',
        PROFILE: profile,
        API_TOKEN: options.token?.reveal(),
      },
      logFile: file('log'),
      signal: options.signal,
    });
    const duration = (performance.now() - started) / 1000;
    const summary = await readSummary(file('summary.json'));
    const load = plan.load[suite.name] ?? {};
    const { code: exitCode, endedBy, stderrTail } = result;
    return {
      checks: judge({ suite, load, seconds, exitCode, endedBy, stderrTail, summary }),
      data: {
        name: suite.name,
        title: suite.title,
        describes: suite.describes,
        verdict: verdictOf(exitCode),
        exit_code: exitCode ?? null,
        duration_s: Math.round(duration * 10) / 10,
        latencies: 'reason' in summary ? [] : latenciesOf(suite, summary),
        series: await seriesOf(file('csv'), suite, seconds, summary),
        log: `load/${suite.name}.log`,
      },
    };
  } finally {
    stopProgress();
    await rm(file('csv'), { force: true });
  }
}

/** Nothing where k6 left nothing: the checks say so, and the report shows what there is. */
async function seriesOf(csv: string, suite: Suite, seconds: number, summary: SummaryOrReason): Promise<Series> {
  const startMs = 'reason' in summary ? undefined : summary.get('main_started_at')?.['value'];
  if (startMs === undefined) return { rates: [], latencies: [] };
  return await readSeries(csv, suite, { startMs, seconds }).catch(() => ({ rates: [], latencies: [] }));
}

function reportProgress({ suite, index, options }: SuiteRun, seconds: number, started: number): () => void {
  const tell = () => {
    const elapsed = Math.min(seconds, (performance.now() - started) / 1000);
    options.onProgress?.({
      message: `${suite.title}: ${Math.floor(elapsed)} s of ${seconds} s`,
      fraction: (index + elapsed / seconds) / SUITES.length,
    });
  };
  tell();
  const timer = setInterval(tell, 500);
  return () => clearInterval(timer);
}

function latenciesOf(suite: Suite, summary: Summary): LatencyData[] {
  return suite.latencies.flatMap(({ metric, label }) => {
    const stats = summary.get(metric);
    if (stats === undefined || !(stats['count']! > 0)) return [];
    const at = (name: string) => stats[name] ?? 0;
    const floors = suite.floors.flatMap((floor) =>
      floor.kind === 'latency' && floor.metric === metric ? [{ stat: floor.stat, max: floor.max }] : [],
    );
    const [p50, p90, p95, p99] = [at('med'), at('p(90)'), at('p(95)'), at('p(99)')];
    return [{ metric, label, count: at('count'), avg: at('avg'), p50, p90, p95, p99, max: at('max'), floors }];
  });
}

function targetsOf({ urls }: RunLoadOptions): Record<string, string> {
  const targets: Record<string, string> = {};
  for (const [service, name] of [
    ['orchestrator', 'ORCHESTRATOR_URL'],
    ['observability-api', 'OBSERVABILITY_URL'],
  ] as const) {
    const url = urls[service];
    if (url === undefined || !URL.canParse(url)) {
      throw new UserError({
        code: 'LOAD_URL_MISSING',
        message: `the load stage needs the URL of ${service}, found: ${url ?? 'none'}`,
        fix: 'deploy the bundle first, or name the URL',
      });
    }
    targets[name] = url;
  }
  return targets;
}

async function existing(dir: string, files: string[]): Promise<string[]> {
  const found = await Promise.all(
    files.map((file) =>
      stat(join(dir, file)).then(
        () => [file],
        () => [],
      ),
    ),
  );
  return found.flat();
}

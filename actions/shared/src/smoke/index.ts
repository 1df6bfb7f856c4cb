import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXIT, UserError, type Environment, type Secret } from '@papergate/config';
import type { Check, OnProgress, ServiceUrls, StageResult } from '../evidence/index.ts';
import { runProgram, type RunResult } from '../tools/run.ts';
import { parseLine, type CheckLine } from './lines.ts';
import { requiredSmokeChecks, SMOKED_SERVICES } from './required.ts';

export { PRODUCTION_SMOKE_CHECKS, REQUIRED_SMOKE_CHECKS, requiredSmokeChecks, SMOKED_SERVICES } from './required.ts';

export interface RunSmokeOptions {
  /** The release that is looked at: its own smoke test runs, `smoke/src/main.ts`. */
  releaseDir: string;
  /** Of all services; `paper-exchange` only where the market is simulated. */
  urls: ServiceUrls;
  token: Secret | undefined;
  /** Only the PATH of it is passed on. */
  env: Readonly<Record<string, string | undefined>>;
  /** In production it only looks: no order, no tick, no trip of the breaker. Left out: any other. */
  environment?: Environment | undefined;
  /** How long anything that has to happen may take, s. */
  timeoutS?: number;
  onProgress?: OnProgress;
  signal?: AbortSignal | undefined;
}

/** A smoke test that is interrupted still has to reset the breaker and to close its position. */
const PATIENCE_MS = 10_000;

/**
 * Runs the release's smoke test against its deployed services.
 * @returns `failed` where a check failed, one that is required is missing, or the test did not come to its end
 */
export async function runSmoke(options: RunSmokeOptions): Promise<StageResult> {
  const { releaseDir, token, env, environment, onProgress = () => undefined, signal } = options;
  const args = [join(releaseDir, 'smoke', 'src', 'main.ts'), ...flagsOf(options), '--json'];
  const watch = watchSmoke(onProgress, environment);

  // The token goes by file: arguments are for everybody on the machine to read.
  const dir = await mkdtemp(join(tmpdir(), 'papergate-smoke-'));
  try {
    if (token !== undefined) {
      const file = join(dir, 'token');
      await writeFile(file, token.reveal(), { mode: 0o600 });
      args.push('--token-file', file);
    }
    const result = await runProgram({
      command: process.execPath,
      args: ['--disable-warning=ExperimentalWarning', ...args],
      cwd: releaseDir,
      env: { PATH: env['PATH'] },
      onLine: watch.onLine,
      signal,
      patienceMs: PATIENCE_MS,
    });
    return watch.judge(result);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

export interface SmokeWatch {
  onLine: (line: string, stream: 'stdout' | 'stderr') => void;
  /** What its lines and its end come to. */
  judge: (end: RunResult) => StageResult;
}

/** Reads the lines of a smoke test's `--json` as they come, wherever it runs. */
export function watchSmoke(onProgress: OnProgress, environment?: Environment): SmokeWatch {
  const lines: CheckLine[] = [];
  let ended = false;
  const required = requiredSmokeChecks(environment);
  const total = required.length;
  return {
    onLine: (line, stream) => {
      const parsed = stream === 'stdout' ? parseLine(line) : undefined;
      if (parsed === 'end') ended = true;
      else if (parsed !== undefined) {
        lines.push(parsed);
        const fraction = Math.min(1, lines.length / total);
        onProgress({ message: `${parsed.status === 'passed' ? '✔' : '✖'} ${parsed.name}`, fraction });
      }
    },
    judge: (end) => judge(lines, ended, end, required),
  };
}

function judge(
  lines: CheckLine[],
  ended: boolean,
  { code, endedBy, stderrTail }: RunResult,
  required: readonly string[],
): StageResult {
  const checks = lines.map(({ name, status, expected, found, duration_ms }): Check => ({
    name,
    status,
    observed: found,
    limit: expected,
    detail: `${duration_ms} ms`,
  }));
  if (!ended || (code !== EXIT.ok && code !== EXIT.blocked)) {
    const end = code === undefined ? `ended by ${endedBy ?? 'a signal'}` : `exit ${code}`;
    const why = code === EXIT.external ? 'no service could be reached' : 'the smoke test did not come to its end';
    const detail = [why, ...stderrTail.slice(-3)].join(': ');
    checks.push({ name: 'smoke test', status: 'failed', observed: end, limit: 'exit 0', detail });
  } else if (code === EXIT.blocked && checks.every(({ status }) => status === 'passed')) {
    checks.push({
      name: 'smoke test',
      status: 'failed',
      observed: 'exit 1',
      limit: 'exit 0',
      detail: 'it does not say why',
    });
  }
  for (const name of required) {
    if (checks.some((check) => check.name === name)) continue;
    checks.push({
      name,
      status: 'failed',
      observed: 'missing',
      limit: 'to be checked',
      detail: 'the smoke test did not come to it',
    });
  }
  const status = checks.every((check) => check.status === 'passed') ? 'passed' : 'failed';
  return { status, checks, data: { duration_ms: lines.reduce((sum, { duration_ms }) => sum + duration_ms, 0) } };
}

function flagsOf({ urls, timeoutS, environment }: RunSmokeOptions): string[] {
  const flags: string[] = environment === 'production' ? ['--production'] : [];
  for (const service of SMOKED_SERVICES) {
    const url = urls[service];
    if (url === undefined) {
      throw new UserError({
        code: 'SMOKE_URL_MISSING',
        message: `the smoke stage needs the URL of ${service}, found: none`,
        fix: 'deploy the bundle first, or name the URL',
      });
    }
    flags.push(`--${service}`, url);
  }
  const exchange = urls['paper-exchange'];
  if (exchange !== undefined) flags.push('--exchange', exchange);
  if (timeoutS !== undefined) flags.push('--timeout', String(timeoutS));
  return flags;
}

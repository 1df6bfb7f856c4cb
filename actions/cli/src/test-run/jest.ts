import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EnvSource } from '@papergate/config';
import { Guard, identify } from '@papergate/delivery';
import { endWhatIsLeft } from './left.ts';

/** What `jest/reporter.mjs` leaves. */
export interface JestOutcome {
  passed: number;
  failed: number;
  files: number;
  /** `file › title` of tests that did not run here. */
  skipped: string[];
  /** Files that broke before a test of theirs ran, and jest itself. */
  broken: string[];
  /** What every failing file said, without colours, and how many of its tests passed. */
  failures: { file: string; passed: number; message: string }[];
  /** Commands of processes that tests left running; they have been ended. */
  left: string[];
}

const own = (name: string): string => fileURLToPath(new URL(`../../jest/${name}`, import.meta.url));

export type Suite = 'tests' | 'tests again' | 'container tests' | 'container tests alone' | 'container tests again';

const LONGEST_FIRST = `--testSequencer=${own('sequencer.mjs')}`;

/** Of all runs, where jest's default would be within the temporary folder of one. */
const CACHE = `--cacheDirectory=${join(tmpdir(), 'papergate-jest-cache')}`;

/** Those of containers wait for the engine half of the time, so that two go together; what measures goes alone. */
const ARGUMENTS: Record<Suite, (repository: string) => string[]> = {
  tests: () => ['--maxWorkers=2', LONGEST_FIRST],
  'tests again': () => ['-i', '--runTestsByPath'],
  'container tests': (repository) => [...containerTests(repository), '--maxWorkers=2', LONGEST_FIRST],
  'container tests alone': (repository) => [...containerTests(repository), '-i', '--testMatch=**/*.alone.ctr.ts'],
  'container tests again': (repository) => [
    ...containerTests(repository),
    '-i',
    '--testMatch=**/*.{test,alone}.ctr.ts',
    '--runTestsByPath',
  ],
};

const containerTests = (repository: string): string[] => [
  `--config=${own('containers.config.mjs')}`,
  `--rootDir=${repository}`,
  // Of the files that somebody names, one of the two suites may have none.
  '--passWithNoTests',
];

/** Runs jest over the repository, or over paths; its reporter writes to our stdout as it goes. */
export async function runJest(options: {
  suite: Suite;
  repository: string;
  env: EnvSource;
  paths: string[];
  signal: AbortSignal;
}): Promise<JestOutcome> {
  const { suite, repository, env, paths, signal } = options;
  // Everything that tests make lies in it; its name is short, since there are sockets in there.
  const folder = mkdtempSync(join(tmpdir(), 'pt-'));
  // PostgreSQL does not run as root; its user has to pass through.
  chmodSync(folder, 0o711);
  const result = join(folder, 'result.json');
  try {
    const code = await spawnJest(
      repository,
      // Paths first: jest takes what stands behind `--reporters` for further reporters.
      [...paths, ...ARGUMENTS[suite](repository), CACHE, `--reporters=${own('reporter.mjs')}`],
      signal,
      {
        ...env,
        NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning',
        PAPERGATE_JEST_RESULT: result,
        TMPDIR: folder,
      },
    );
    const left = await endWhatIsLeft(folder);
    return { ...readOutcome(result, code), left };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

// In a process group of its own: an interrupt has to reach its workers, which may be in the middle of a test.
function spawnJest(cwd: string, args: string[], signal: AbortSignal, env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve) => {
    const jest = join(cwd, 'node_modules', 'jest', 'bin', 'jest.js');
    const child = spawn(process.execPath, [jest, ...args], {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const guard = new Guard({ patienceMs: 1_000 });
    const id = child.pid === undefined ? undefined : identify(child.pid);
    if (id !== undefined) guard.add(id);
    const stop = (): void => endGroup(child.pid);
    signal.addEventListener('abort', stop, { once: true });
    const end = (code: number): void => {
      signal.removeEventListener('abort', stop);
      if (id !== undefined) guard.drop(id.pid);
      void guard.close().then(() => resolve(code));
    };
    child.once('error', () => end(1));
    child.once('exit', (code) => end(code ?? 1));
  });
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself in this moment.
  }
}

function readOutcome(path: string, code: number): Omit<JestOutcome, 'left'> {
  let outcome: Omit<JestOutcome, 'left'>;
  try {
    outcome = JSON.parse(readFileSync(path, 'utf8')) as typeof outcome;
  } catch {
    const broken = [`jest ended with ${code} and left no result`];
    return { passed: 0, failed: 0, files: 0, skipped: [], broken, failures: [] };
  }
  const nothingWrong = outcome.failed === 0 && outcome.broken.length === 0;
  if (code !== 0 && nothingWrong) outcome.broken.push(`jest ended with ${code}`);
  return outcome;
}

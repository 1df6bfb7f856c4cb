import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { EnvSource } from '@papergate/config';

export interface CheckOutcome {
  name: string;
  passed: boolean;
  durationMs: number;
  /** What it said; shown where it failed. */
  output: string;
}

/** Name and command of every check that is no test; the programs are those of the lock file. */
export const CHECKS: readonly { name: string; command: string; args: string[] }[] = [
  { name: 'format', command: 'oxfmt', args: ['--check', '.'] },
  { name: 'lint', command: 'oxlint', args: ['--type-aware', '--deny-warnings'] },
  { name: 'types', command: 'tsc', args: ['--noEmit', '--pretty', 'false'] },
  { name: 'boundaries', command: 'turbo', args: ['boundaries'] },
];

export function runCheck(
  check: (typeof CHECKS)[number],
  { repository, env, signal }: { repository: string; env: EnvSource; signal: AbortSignal },
): Promise<CheckOutcome> {
  const begun = performance.now();
  return new Promise((resolve) => {
    const program = join(repository, 'node_modules', '.bin', check.command);
    const end = (passed: boolean, output: string): void =>
      resolve({ name: check.name, passed, durationMs: performance.now() - begun, output });
    if (!existsSync(program)) return end(false, `${program} is missing; run "npm run setup"`);
    const child = spawn(program, check.args, {
      cwd: repository,
      env: { ...env, CI: 'true', NO_COLOR: '1', TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    child.on('error', (error) => end(false, error.message));
    child.on('close', (code) => end(code === 0, output));
  });
}

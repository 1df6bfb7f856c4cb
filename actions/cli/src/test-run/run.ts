import { EXIT, type EnvSource } from '@papergate/config';
import type { Output } from '../output.ts';
import { table } from '../output.ts';
import { duration } from '../view/format.ts';
import { CHECKS, runCheck, type CheckOutcome } from './checks.ts';
import { runJest, type JestOutcome } from './jest.ts';

export interface TestOptions {
  repository: string;
  env: EnvSource;
  output: Output;
  /** Empty: everything. */
  paths: string[];
  signal: AbortSignal;
}

/** Runs everything, tells what failed and what could not run, and ends with the line `N passed, N failed`. */
export async function runTests(options: TestOptions): Promise<number> {
  const { output, paths, signal } = options;
  const begun = performance.now();
  const checks: CheckOutcome[] = [];
  for (const check of paths.length === 0 ? CHECKS : []) {
    signal.throwIfAborted();
    output.out(`${check.name} …`);
    const outcome = await runCheck(check, options);
    checks.push(outcome);
    if (!outcome.passed) output.out(indent(outcome.output.trim() || 'it failed and said nothing'));
  }
  signal.throwIfAborted();
  output.out('tests …');
  const jestBegun = performance.now();
  const jest = await runJest(options);
  signal.throwIfAborted();
  output.out(`\n${summary(checks, jest, performance.now() - jestBegun)}`);
  output.out(`in ${duration(performance.now() - begun)}`);
  const passed = checks.filter((check) => check.passed).length + jest.passed;
  const failed = checks.filter((check) => !check.passed).length + jest.failed + jest.broken.length;
  output.out(`${passed} passed, ${failed} failed`);
  return failed === 0 ? EXIT.ok : EXIT.blocked;
}

function summary(checks: CheckOutcome[], jest: JestOutcome, jestMs: number): string {
  const rows = [
    ...checks.map(({ name, passed, durationMs }) => [passed ? '✔' : '✖', name, duration(durationMs)]),
    [
      jest.failed + jest.broken.length === 0 ? '✔' : '✖',
      'tests',
      duration(jestMs),
      `${jest.passed} of ${jest.passed + jest.failed} in ${jest.files} files`,
    ],
  ];
  const lines = [table(rows)];
  if (jest.broken.length > 0) lines.push('', 'broken:', ...jest.broken.map((text) => `  ${text}`));
  if (jest.skipped.length > 0) {
    lines.push(
      '',
      `${jest.skipped.length} tests could not run on this machine:`,
      ...jest.skipped.map((text) => `  ${text}`),
    );
  }
  return lines.join('\n');
}

const indent = (text: string): string =>
  text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');

import { EXIT, ExternalError, type EnvSource } from '@papergate/config';
import { CONTAINERS_VARIABLE, type Containers, type EnsureOptions } from '@papergate/delivery';
import type { Output } from '../output.ts';
import { table } from '../output.ts';
import { duration } from '../view/format.ts';
import { CHECKS, runCheck, type CheckOutcome } from './checks.ts';
import { runJest, type JestOutcome, type Suite } from './jest.ts';

/** Whether the tests that need a Docker Engine run: not at all; where one can be had; or else it is a failure; nothing but these. */
export type ContainerTests = 'none' | 'possible' | 'required' | 'only';

export interface TestOptions {
  repository: string;
  env: EnvSource;
  output: Output;
  /** Empty: everything. */
  paths: string[];
  containers: ContainerTests;
  ensureContainers: (options: EnsureOptions) => Promise<Pick<Containers, 'env' | 'registry' | 'engine' | 'stop'>>;
  signal: AbortSignal;
}

interface SuiteOutcome extends JestOutcome {
  suite: Suite;
  durationMs: number;
  /** What failed at first, and passed when its file was run again alone. */
  unsteady?: JestOutcome['failures'];
}

/** Runs everything, tells what failed and what could not run, and ends with the line `N passed, N failed`. */
export async function runTests(options: TestOptions): Promise<number> {
  const { output, paths, signal, containers } = options;
  const begun = performance.now();
  const checks: CheckOutcome[] = [];
  for (const check of paths.length === 0 && containers !== 'only' ? CHECKS : []) {
    signal.throwIfAborted();
    output.out(`${check.name} …`);
    const outcome = await runCheck(check, options);
    checks.push(outcome);
    if (!outcome.passed) output.out(indent(outcome.output.trim() || 'it failed and said nothing'));
  }
  const suites: SuiteOutcome[] = [];
  if (containers !== 'only') suites.push(...demandTests([await withSecondTry('tests', options, options.env)]));
  if (containers !== 'none') suites.push(...(await runContainerTests(options)));
  output.out(`\n${summary(checks, suites)}`);
  output.out(`in ${duration(performance.now() - begun)}`);
  const passed = checks.filter((check) => check.passed).length + sum(suites, (suite) => suite.passed);
  const failed =
    checks.filter((check) => !check.passed).length + sum(suites, (suite) => suite.failed + suite.broken.length);
  output.out(`${passed} passed, ${failed} failed`);
  return failed === 0 ? EXIT.ok : EXIT.blocked;
}

async function runSuite(suite: Suite, options: TestOptions, env: EnvSource): Promise<SuiteOutcome> {
  const { output, signal } = options;
  signal.throwIfAborted();
  output.out(`${suite} …`);
  const begun = performance.now();
  const outcome = await runJest({ ...options, suite, env });
  signal.throwIfAborted();
  return { ...outcome, suite, durationMs: performance.now() - begun };
}

/** Of more files than this, nobody would believe that the machine was at fault. */
const TRIED_AGAIN_AT_MOST = 3;

/**
 * A suite; and where a few files with real processes and servers failed, these once more, alone: what a busy machine
 * broke passes then, and is told. Never a unit test, nor chaos, nor one whose cases are drawn at random: a second draw
 * would hide what the first one found.
 */
async function withSecondTry(
  suite: 'tests' | 'container tests' | 'container tests alone',
  options: TestOptions,
  env: EnvSource,
): Promise<SuiteOutcome> {
  const first = await runSuite(suite, options, env);
  const { failures } = first;
  const files = failures.map(({ file }) => file);
  if (files.length === 0 || files.length > TRIED_AGAIN_AT_MOST || !failures.every(mayGoAgain)) return first;
  const elsewhere = first.broken.filter((text) => !files.some((file) => text.startsWith(`${file}: `)));
  if (elsewhere.length > 0) return first;
  const suiteAgain = suite === 'tests' ? 'tests again' : 'container tests again';
  const again = await runSuite(suiteAgain, { ...options, paths: files }, env);
  if (again.failed + again.broken.length > 0 || again.files < files.length) return first;
  const passed = first.passed - failures.reduce((total, file) => total + file.passed, 0) + again.passed;
  const durationMs = first.durationMs + again.durationMs;
  const left = [...first.left, ...again.left];
  return { ...first, passed, failed: 0, broken: [], failures: [], left, unsteady: failures, durationMs };
}

const mayGoAgain = ({ file, message }: JestOutcome['failures'][number]): boolean =>
  /\.(test\.itg|(test|alone)\.ctr)\.[a-z]+$/.test(file) &&
  !/(^|\/)chaos\./.test(file) &&
  !message.includes('Property failed after');

/** Without an engine a line says so; it counts as broken where the tests were asked for. */
async function runContainerTests(options: TestOptions): Promise<SuiteOutcome[]> {
  const { env, output, signal, containers: wanted } = options;
  const onProgress = ({ message }: { message: string }): void => output.out(`  ${message}`);
  let containers: Awaited<ReturnType<TestOptions['ensureContainers']>>;
  try {
    containers = await options.ensureContainers({ env, onProgress, signal });
  } catch (error) {
    if (!(error instanceof ExternalError)) throw error;
    const why = `${error.message}; container tests were not run`;
    output.out(why);
    if (wanted === 'possible') return [];
    const none = { passed: 0, failed: 0, files: 0, skipped: [], failures: [], left: [], durationMs: 0 };
    return [{ ...none, suite: 'container tests', broken: [`${why}; ${error.fix ?? ''}`] }];
  }
  try {
    const { version, started } = containers.engine;
    output.out(`Docker Engine ${version}${started ? ', started for these tests' : ''}`);
    const { env: docker, registry } = containers;
    const variables = { ...docker, [CONTAINERS_VARIABLE]: JSON.stringify({ env: docker, registry }) };
    const outcomes: SuiteOutcome[] = [];
    for (const suite of ['container tests', 'container tests alone'] as const) {
      outcomes.push(await withSecondTry(suite, options, { ...env, ...variables }));
    }
    return demandTests(outcomes);
  } finally {
    await containers.stop();
  }
}

/** A run in which nothing ran is no proof of anything. */
function demandTests(suites: SuiteOutcome[]): SuiteOutcome[] {
  const [first] = suites;
  const ran = sum(suites, ({ passed, failed, broken }) => passed + failed + broken.length);
  if (ran === 0) first?.broken.push('no test was run');
  return suites.filter(({ files, broken }) => files > 0 || broken.length > 0);
}

const sum = (suites: SuiteOutcome[], of: (suite: SuiteOutcome) => number): number =>
  suites.reduce((total, suite) => total + of(suite), 0);

function summary(checks: CheckOutcome[], suites: SuiteOutcome[]): string {
  const rows = [
    ...checks.map(({ name, passed, durationMs }) => [passed ? '✔' : '✖', name, duration(durationMs)]),
    ...suites.map(({ suite, passed, failed, broken, files, durationMs }) => [
      failed + broken.length === 0 ? '✔' : '✖',
      suite,
      duration(durationMs),
      `${passed} of ${passed + failed} in ${files} files`,
    ]),
  ];
  const lines = [table(rows)];
  const broken = suites.flatMap((suite) => suite.broken);
  const skipped = suites.flatMap((suite) => suite.skipped);
  if (broken.length > 0) lines.push('', 'broken:', ...broken.map((text) => `  ${text}`));
  const unsteady = suites.flatMap((suite) => suite.unsteady ?? []);
  if (unsteady.length > 0) {
    lines.push('', 'failed at first, passed when run again alone:', ...unsteady.map(shortened));
  }
  const left = suites.flatMap((suite) => suite.left);
  if (left.length > 0) lines.push('', 'still ran after the tests, and were ended:', ...left.map((text) => `  ${text}`));
  const failures = suites.flatMap((suite) => suite.failures);
  if (failures.length > 0) lines.push('', 'failed:', ...failures.slice(0, FAILURES_TOLD).map(shortened));
  if (skipped.length > 0) {
    lines.push('', `${skipped.length} tests could not run on this machine:`, ...skipped.map((text) => `  ${text}`));
  }
  return lines.join('\n');
}

/** Told again at the end, where a reader of a long log looks first. */
const FAILURES_TOLD = 10;
const LINES_TOLD = 40;

function shortened({ file, message }: { file: string; message: string }): string {
  const lines = message.split('\n');
  const rest = lines.length - LINES_TOLD;
  const more = rest > 0 ? [`… and ${rest} lines more above`] : [];
  return `  ${file}\n${indent([...lines.slice(0, LINES_TOLD), ...more].join('\n'))}`;
}

const indent = (text: string): string =>
  text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');

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
  if (containers !== 'only') suites.push(...demandTests([await runSuite('tests', options, options.env)]));
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
    const none = { passed: 0, failed: 0, files: 0, skipped: [], durationMs: 0 };
    return [{ ...none, suite: 'container tests', broken: [`${why}; ${error.fix ?? ''}`] }];
  }
  try {
    const { version, started } = containers.engine;
    output.out(`Docker Engine ${version}${started ? ', started for these tests' : ''}`);
    const { env: docker, registry } = containers;
    const variables = { ...docker, [CONTAINERS_VARIABLE]: JSON.stringify({ env: docker, registry }) };
    const outcomes: SuiteOutcome[] = [];
    for (const suite of ['container tests', 'container tests alone'] as const) {
      outcomes.push(await runSuite(suite, options, { ...env, ...variables }));
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
  if (skipped.length > 0) {
    lines.push('', `${skipped.length} tests could not run on this machine:`, ...skipped.map((text) => `  ${text}`));
  }
  return lines.join('\n');
}

const indent = (text: string): string =>
  text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');

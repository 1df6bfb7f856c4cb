import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A job of a workflow as far as actions can see it: folders, variables, and nothing else of this machine. */
export interface TestJob {
  /** RUNNER_TEMP, and everything that belongs to the test. */
  dir: string;
  /** Set for every action of the job. */
  env: Record<string, string | undefined>;
  act(verb: string, inputs: Readonly<Record<string, string>>, options?: ActOptions): Promise<ActionEnd>;
  remove(): void;
}

export interface ActOptions {
  env?: Readonly<Record<string, string | undefined>>;
  /** The step after the job, with what the step itself has saved. */
  post?: ActionEnd;
  /** With every piece of its output. */
  onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
}

export interface ActionEnd {
  code: number | null;
  output: string;
  outputs: Record<string, string>;
  state: Record<string, string>;
  summary: string;
}

export interface TestJobOptions {
  /** The checkout. */
  workspace: string;
  sha: string;
  repository?: string;
  runId?: string;
  env?: Readonly<Record<string, string | undefined>>;
}

export function testJob(options: TestJobOptions): TestJob {
  const { workspace, sha, repository = 'acme/trading', runId = '4711' } = options;
  const dir = mkdtempSync(join(tmpdir(), 'papergate-job-'));
  const env: TestJob['env'] = {
    PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter),
    HOME: join(dir, 'home'),
    TMPDIR: process.env['TMPDIR'],
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_ACTOR: 'ana',
    GITHUB_EVENT_NAME: 'workflow_dispatch',
    GITHUB_REF: 'refs/heads/main',
    GITHUB_REPOSITORY: repository,
    GITHUB_RUN_ID: runId,
    GITHUB_RUN_ATTEMPT: '1',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_SHA: sha,
    GITHUB_WORKSPACE: workspace,
    RUNNER_TEMP: join(dir, 'temp'),
    // Taking types out of some hundred files is most of what a step takes.
    NODE_COMPILE_CACHE: join(dir, 'compiled'),
    RUNNER_TRACKING_ID: 'github_4711',
    PAPERGATE_HOME: join(dir, 'state'),
    ...options.env,
  };
  for (const name of ['home', 'temp']) mkdirSync(join(dir, name));
  let number = 0;
  return {
    dir,
    env,
    act: (verb, inputs, more = {}) => runMain({ verb, inputs, env, more, dir: join(dir, `step-${++number}`) }),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

interface Step {
  verb: string;
  inputs: Readonly<Record<string, string>>;
  env: TestJob['env'];
  more: ActOptions;
  dir: string;
}

async function runMain({ verb, inputs, env, more, dir }: Step): Promise<ActionEnd> {
  const { onOutput, post } = more;
  mkdirSync(dir);
  const files = ['GITHUB_OUTPUT', 'GITHUB_STATE', 'GITHUB_STEP_SUMMARY'].map(
    (name) => [name, join(dir, name)] as const,
  );
  for (const [, path] of files) writeFileSync(path, '');
  const given = Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value] as const);
  const saved = Object.entries(post?.state ?? {}).map(([name, value]) => [`STATE_${name}`, value] as const);
  const main = fileURLToPath(new URL(`../../../../${verb}/src/main.ts`, import.meta.url));
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main], {
    env: { ...env, ...more.env, ...Object.fromEntries([...files, ...given, ...saved]) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      onOutput?.(output, (signal) => child.kill(signal));
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  const [outputs = {}, state = {}] = files.slice(0, 2).map(([, path]) => parsed(readFileSync(path, 'utf8')));
  return { code, output, outputs, state, summary: readFileSync(files[2]?.[1] ?? '', 'utf8') };
}

/** `name<<delimiter`, lines, `delimiter`: as the toolkit writes a value into the runner's files. */
function parsed(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [, name = '', , value = ''] of text.matchAll(/^(.+?)<<(\S+)\n([\s\S]*?)\n?\2$/gm)) found[name] = value;
  return found;
}

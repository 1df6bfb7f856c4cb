import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inputVariable } from '../inputs/read.ts';

export interface DistRun {
  /** The file to run: dist/index.cjs of an action. */
  bundle: string;
  /** The job's workspace, which the step runs in. */
  workspace: string;
  inputs?: Readonly<Record<string, string>>;
  /** Beside what a job of GitHub's always has; nothing of the caller's own environment is handed on. */
  env?: Readonly<Record<string, string>>;
  /** The job is cancelled when the action has said this. */
  cancelAt?: string;
  /** State of the main step: then the step after the job is run. */
  state?: ReadonlyMap<string, string>;
}

export interface DistResult {
  code: number | null;
  stdout: string;
  stderr: string;
  outputs: ReadonlyMap<string, string>;
  state: ReadonlyMap<string, string>;
  summary: string;
  /** Everything that came out, but for the lines that tell the runner what to mask. */
  said: string;
  masked: readonly string[];
  /** `::error …` lines: properties and text, as the runner understands them. */
  annotations: readonly { kind: string; properties: Readonly<Record<string, string>>; text: string }[];
  ms: number;
}

const FILES = {
  GITHUB_OUTPUT: 'output',
  GITHUB_STATE: 'state',
  GITHUB_STEP_SUMMARY: 'summary',
  GITHUB_ENV: 'env',
  GITHUB_PATH: 'path',
};
const PATIENCE_MS = 60_000;

/** Runs a bundle as GitHub's runner does: files for outputs, state and summary in a folder of their own. */
export async function runDist(run: DistRun): Promise<DistResult> {
  const folder = mkdtempSync(join(tmpdir(), 'papergate-runner-'));
  try {
    const files = Object.fromEntries(Object.entries(FILES).map(([variable, name]) => [variable, join(folder, name)]));
    for (const path of Object.values(files)) writeFileSync(path, '');
    const started = performance.now();
    const { code, stdout, stderr } = await runProcess(run, { ...files, RUNNER_TEMP: folder });
    const ms = performance.now() - started;
    const [outputText, stateText, summary] = ['output', 'state', 'summary'].map((name) =>
      readFileSync(join(folder, name), 'utf8'),
    );
    const lines = stdout.split('\n');
    const masks = lines.filter((line) => line.startsWith('::add-mask::'));
    const rest = lines.filter((line) => !line.startsWith('::add-mask::'));
    return {
      code,
      stdout,
      stderr,
      outputs: readFileCommands(outputText ?? ''),
      state: readFileCommands(stateText ?? ''),
      summary: summary ?? '',
      said: [...rest, stderr, outputText, stateText, summary].join('\n'),
      masked: masks.map((line) => unescapeData(line.slice('::add-mask::'.length))),
      annotations: rest.flatMap(readAnnotation),
      ms,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runProcess(
  { bundle, workspace, inputs = {}, env = {}, state = new Map<string, string>(), cancelAt }: DistRun,
  runner: Readonly<Record<string, string>>,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [bundle], {
    cwd: workspace,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'] ?? '',
      GITHUB_REPOSITORY: 'someone/something',
      GITHUB_SHA: '0123456789abcdef0123456789abcdef01234567',
      GITHUB_REF: 'refs/heads/main',
      GITHUB_RUN_ID: '1',
      GITHUB_WORKSPACE: workspace,
      ...runner,
      ...env,
      ...Object.fromEntries(Object.entries(inputs).map(([name, value]) => [inputVariable(name), value])),
      ...Object.fromEntries([...state].map(([name, value]) => [`STATE_${name}`, value])),
    },
  });
  const patience = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const before = stdout;
    stdout += text;
    if (cancelAt !== undefined && stdout.includes(cancelAt) && !before.includes(cancelAt)) child.kill('SIGINT');
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(patience);
  return { code, stdout, stderr };
}

/** `name<<delimiter`, the value, `delimiter`: as the runner reads its files. */
function readFileCommands(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name = '', , value = ''] of text.matchAll(/^([^\n]+?)<<(\S+)\n([\s\S]*?)\n?\2$/gm))
    found.set(name, value);
  return found;
}

function readAnnotation(line: string): DistResult['annotations'][number][] {
  const [, kind, list = '', text = ''] = /^::(error|warning|notice)(?: ([^:]*))?::(.*)$/.exec(line) ?? [];
  if (kind === undefined) return [];
  const pairs = list.split(',').flatMap((pair) => {
    const at = pair.indexOf('=');
    return at < 0 ? [] : [[pair.slice(0, at), unescapeData(pair.slice(at + 1))] as const];
  });
  return [{ kind, properties: Object.fromEntries(pairs), text: unescapeData(text) }];
}

const unescapeData = (text: string): string =>
  text
    .replaceAll('%2C', ',')
    .replaceAll('%3A', ':')
    .replaceAll('%0A', '\n')
    .replaceAll('%0D', '\r')
    .replaceAll('%25', '%');

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { run } from '@papergate/delivery';
import { parse } from 'yaml';
import { foreignActions } from '../act/workflow.ts';
import { STANDS_IN_FOR } from '../act/stand-ins.ts';
import { toolForTests } from '../test-run/tools.ts';
import { problemsOf, versionsOf } from './checks.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const WORKFLOWS = join(ROOT, '.github', 'workflows');
const names = readdirSync(WORKFLOWS).filter((file) => file.endsWith('.yml'));
const composites = readdirSync(join(ROOT, '.github', 'actions')).map((name) =>
  join('.github', 'actions', name, 'action.yml'),
);
const files = [...names.map((name) => join('.github', 'workflows', name)), ...composites];
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const tools = {
  act: await toolForTests('act', process.env, ROOT),
  actionlint: await toolForTests('actionlint', process.env, ROOT),
  zizmor: await toolForTests('zizmor', process.env, ROOT),
};
type Tool = keyof typeof tools;
const tool = (name: Tool): string => tools[name] ?? '';
const where = (name: Tool): typeof describe.skip => (tools[name] === undefined ? describe.skip : describe);
let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-workflows-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const env = { PATH: process.env['PATH'], HOME: tmpdir(), NO_COLOR: '1' };

test('there are the workflows that there have to be', () => {
  expect(names.toSorted()).toEqual([
    'ci.yml',
    'deploy-production.yml',
    'deploy-staging.yml',
    'release.yml',
    'rollback.yml',
    'scheduled.yml',
  ]);
});

describe.each(files)('%s', (path) => {
  test('keeps the rules', () => {
    expect(problemsOf(read(path), ROOT)).toEqual([]);
  });

  test('uses no action of others that a run on this machine cannot stand in for', () => {
    const uses = foreignActions(ROOT, path).map((name) => name.split('@')[0]);
    expect(uses.filter((name) => !STANDS_IN_FOR.includes(name ?? ''))).toEqual([]);
  });
});

test('an action of others is there in one version', () => {
  const several = [...versionsOf(files.map(read))].filter(([, commits]) => commits.size > 1);
  expect(several).toEqual([]);
});

where('actionlint')('actionlint', () => {
  const lint = (args: string[], input?: string): ReturnType<typeof run> =>
    run(tool('actionlint'), ['-no-color', '-shellcheck=', '-pyflakes=', ...args], {
      cwd: ROOT,
      env,
      ...(input === undefined ? {} : { input }),
    });

  test('finds nothing, also not an input that an action does not have', async () => {
    expect(await lint(names.map((name) => join(WORKFLOWS, name)))).toMatchObject({ code: 0, stdout: '' });
  });

  test('would find an input that an action of ours does not have', async () => {
    const text = read('.github/workflows/rollback.yml').replace('reason: ${{', 'because: ${{');
    const { code, stdout } = await lint(['-stdin-filename=.github/workflows/rollback.yml', '-'], text);
    expect(code).toBe(1);
    expect(stdout).toContain('input "because" is not defined in action');
  });
});

where('zizmor')('zizmor', () => {
  const audit = (paths: string[]): ReturnType<typeof run> =>
    run(tool('zizmor'), ['--offline', '--no-progress', '--persona=pedantic', '--format=json', ...paths], {
      cwd: ROOT,
      env,
    });

  test('finds nothing as a pedant', async () => {
    const { code, stdout } = await audit(['.github']);
    expect(JSON.parse(stdout)).toEqual([]);
    expect(code).toBe(0);
  });

  test('would find a template that is filled in by a stranger', async () => {
    const path = join(dir, 'bad.yml');
    const script = 'echo ${{ github.event.issue.title }}';
    writeFileSync(
      path,
      `name: a\non: [issues]\npermissions: {}\njobs: { a: { runs-on: ubuntu-latest, steps: [{ run: '${script}' }] } }\n`,
    );
    const { stdout } = await audit([path]);
    expect((JSON.parse(stdout) as { ident: string }[]).map(({ ident }) => ident)).toContain('template-injection');
  });

  test('has no finding switched off without a word why', () => {
    const config = read('.github/zizmor.yml');
    const { rules } = parse(config) as { rules: Record<string, unknown> };
    const documented = read('docs/workflows.md');
    const ignored = [
      ...files
        .map(read)
        .join('\n')
        .matchAll(/zizmor: ignore\[([\w-]+)\]/g),
    ].map(([, name]) => name ?? '');
    for (const name of [...Object.keys(rules), ...ignored]) expect(documented).toContain(`\`${name}\``);
  });
});

where('act')('act', () => {
  const reads = async (path: string): Promise<string | undefined> => {
    const { code, stderr } = await run(tool('act'), ['--validate', '--strict', '--workflows', path], { cwd: dir, env });
    return code === 0 ? undefined : stderr;
  };

  test.each(names)('reads all keys of %s', async (name) => {
    expect(await reads(join(WORKFLOWS, name))).toBeUndefined();
  });

  // Each is fine by GitHub, and would take the run on this machine away.
  test.each([
    ['concurrency.queue', 'concurrency: { group: a, queue: max }', ''],
    ['environment.deployment', '', 'environment: { name: a, deployment: false }'],
  ])('does not read %s, and is asked by this test', async (_key, ofWorkflow, ofJob) => {
    const folder = mkdtempSync(join(dir, 'key-'));
    mkdirSync(folder, { recursive: true });
    const path = join(folder, 'key.yml');
    writeFileSync(
      path,
      `on: push\n${ofWorkflow}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    ${ofJob}\n    steps:\n      - run: true\n`,
    );
    expect(await reads(path)).toEqual(expect.any(String));
  });
});

describe('a file that breaks a rule is told so', () => {
  const job = (body: string): string =>
    `on: push\npermissions: {}\nconcurrency: a\njobs:\n  a:\n    runs-on: ubuntu-latest\n    timeout-minutes: 5\n    permissions: {}\n${body}\n`;
  const step = (body: string): string => job(`    steps:\n      - ${body}`);
  const pinned = `actions/checkout@${'a'.repeat(40)}`;

  test.each([
    [
      'on: pull_request_target',
      job('').replace('on: push', 'on: pull_request_target'),
      'it is triggered by pull_request_target',
    ],
    ['on: workflow_run', job('').replace('on: push', 'on: [workflow_run]'), 'it is triggered by workflow_run'],
    [
      'a secret for pull requests',
      step("run: true\n        env: { KEY: '${{ secrets.A }}' }").replace('on: push', 'on: [push, pull_request]'),
      'the job a hands secrets to pull requests',
    ],
    [
      'all secrets for pull requests',
      job('    secrets: inherit').replace('on: push', 'on: { pull_request: {} }'),
      'the job a hands secrets to pull requests',
    ],
    ['permissions for all', job('').replace('permissions: {}', 'permissions: read-all'), 'it gives permissions to all'],
    ['no permissions at all', job('').replace('permissions: {}', ''), 'it gives permissions to all'],
    ['no concurrency', job('').replace('concurrency: a\n', ''), 'it says nothing about concurrency'],
    [
      'a job without permissions',
      job('').replace('    permissions: {}', ''),
      'the job a does not list its permissions',
    ],
    ['a job without an end', job('').replace('    timeout-minutes: 5', ''), 'the job a has no timeout-minutes'],
    ['a script with an expression', step('run: echo ${{ inputs.a }}'), 'a script is written by an expression: echo'],
    ['a tag', step('uses: actions/setup-node@v6'), 'actions/setup-node@v6 is not pinned'],
    ['a short commit', step('uses: actions/setup-node@abcdef1'), 'is not pinned'],
    [
      'a pin without a version',
      step(`uses: ${pinned}\n        with: { persist-credentials: false }`),
      'a pin without its version',
    ],
    ['a token left behind', step(`uses: ${pinned} # v1.2.3`), 'persist-credentials: false'],
    ['what act reads only to fail at it', step('uses: $/actions/deploy'), 'act cannot read $/actions/deploy'],
    ['an action that is not there', step('uses: ./actions/nothing'), './actions/nothing does not exist'],
    [
      'a permission without a reason',
      job('').replace('    permissions: {}', '    permissions:\n      contents: write'),
      'without its reason',
    ],
    [
      'a live key in staging',
      step("run: true\n        env: { KEY: '${{ secrets.ALPACA_LIVE_KEY }}' }"),
      'names a live key',
    ],
  ])('%s', (_what, text, problem) => {
    expect(problemsOf(text, ROOT).join('\n')).toContain(problem);
  });

  test('and a job with secrets that pull requests do not reach is not', () => {
    const delivers = job("    if: github.event_name == 'push'\n    secrets: inherit");
    expect(problemsOf(delivers.replace('on: push', 'on: [push, pull_request]'), ROOT)).toEqual([]);
    expect(problemsOf(delivers.replace('== ', '!= ').replace('on: push', 'on: [pull_request]'), ROOT)).not.toEqual([]);
  });

  test('and one that keeps them all is not', () => {
    expect(problemsOf(step(`uses: ${pinned} # v1.2.3\n        with: { persist-credentials: false }`), ROOT)).toEqual(
      [],
    );
  });
});

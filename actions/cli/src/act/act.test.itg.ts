import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { startGitHub, type LocalGitHub } from './github.ts';
import { runWorkflow } from './run.ts';
import type { ActOutcome, ActRequest } from './types.ts';
import { toolForTests } from '../test-run/tools.ts';

jest.setTimeout(120_000);

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url)).replace(/\/$/, '');
const CHECKOUT = `actions/checkout@${'a'.repeat(40)}`;
const UPLOAD = `actions/upload-artifact@${'b'.repeat(40)}`;
const DOWNLOAD = `actions/download-artifact@${'c'.repeat(40)}`;
const NODE = `actions/setup-node@${'d'.repeat(40)}`;

const TALK = `
name: talk
on:
  push:
  workflow_dispatch:
    inputs:
      ref: { type: string, required: false }
jobs:
  first:
    runs-on: ubuntu-latest
    outputs:
      said: \${{ steps.say.outputs.said }}
    steps:
      - uses: ${CHECKOUT}
        with: { ref: '\${{ inputs.ref }}', fetch-depth: '\${{ vars.DEPTH || 1 }}' }
      - uses: ${NODE}
      - id: say
        uses: ./say
        with: { word: '\${{ secrets.WORD }}' }
      - run: node -e "console.log(JSON.stringify(process.env))" > env.json && git rev-list --count HEAD && mkdir -p out/deep && cp env.json out/deep/
      - uses: ${UPLOAD}
        with: { name: env, path: out, if-no-files-found: error }
  second:
    needs: first
    runs-on: ubuntu-latest
    steps:
      - env: { SAID: '\${{ needs.first.outputs.said }}', API: '\${{ github.api_url }}' }
        run: echo "heard $SAID at $API as $GITHUB_REPOSITORY on $GITHUB_REF"
      - uses: ${DOWNLOAD}
        with: { name: env, path: got }
      - run: cat got/deep/env.json
`;
const SAY = `
const { appendFileSync } = require('node:fs');
appendFileSync(process.env.GITHUB_OUTPUT, 'said=' + process.env.INPUT_WORD.length + '\\n');
console.log('the word is ' + process.env.INPUT_WORD);
`;

const act = await toolForTests('act', process.env, ROOT);
const withAct = act === undefined ? describe.skip : describe;

let dir: string;
let home: string;
let second: string;
let github: LocalGitHub;

function write(path: string, text: string): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), text);
}
const git = (...args: string[]): string =>
  execFileSync('git', ['-C', dir, '-c', 'user.name=Test', '-c', 'user.email=test@localhost', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
function commit(message: string): string {
  git('add', '-A');
  git('commit', '-q', '-m', message);
  return git('rev-parse', 'HEAD');
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-act-'));
  home = mkdtempSync(join(tmpdir(), 'papergate-act-home-'));
  git('init', '-q', '-b', 'main');
  write('first.txt', 'first');
  commit('zero');
  write('.github/workflows/talk.yml', TALK);
  write(
    'say/action.yml',
    'name: say\ninputs: { word: {} }\noutputs: { said: {} }\nruns: { using: node24, main: main.cjs }\n',
  );
  write('say/main.cjs', SAY);
  commit('one');
  write('late.txt', 'late');
  second = commit('two');
  github = await startGitHub({ repository: dir, name: 'local/papergate', home, secretNames: ['WORD'] });
});
afterAll(async () => {
  await github.close();
  for (const folder of [dir, home]) rmSync(folder, { recursive: true, force: true });
});

const run = (request: Partial<ActRequest> = {}, env: Record<string, string> = {}): Promise<ActOutcome> =>
  runWorkflow(
    { repository: dir, workflow: 'talk', secrets: { WORD: 'a word of twenty letters' }, ...request },
    { env: { ...process.env, ...env }, home, github: github.fake, act: act ?? '' },
  );
const words = ({ lines }: ActOutcome): string => lines.map(({ text }) => text).join('\n');

withAct('a workflow on this machine', () => {
  test('goes from checkout to artifact, with outputs, secrets masked, and nothing of the caller', async () => {
    const outcome = await run({ variables: { DEPTH: '0' } }, { GH_TOKEN: 'mine', CLOUD_KEY: 'mine too' });
    expect(words(outcome)).not.toMatch(/level=(error|fatal)/);
    expect(outcome).toMatchObject({
      passed: true,
      commit: second,
      jobs: [
        { id: 'first', result: 'success' },
        { id: 'second', result: 'success' },
      ],
    });
    const said = words(outcome);
    expect(said).toContain(`heard 24 at ${github.url} as local/papergate on refs/heads/main`);
    expect(said).toContain('the word is ***');
    expect(said).not.toContain('a word of twenty letters');
    const printed = outcome.lines.find(({ text }) => text.startsWith('{"'));
    const env = JSON.parse(printed?.text ?? '{}') as Record<string, string>;
    expect(env).toMatchObject({
      ACT: 'true',
      GITHUB_SHA: second,
      GITHUB_EVENT_NAME: 'workflow_dispatch',
      PAPERGATE_HOME: home,
    });
    expect(Object.keys(env)).not.toEqual(expect.arrayContaining(['GH_TOKEN']));
    expect(JSON.stringify(env)).not.toContain('mine');
    expect(env['HOME']).toContain(home);
    expect(said).toMatch(/^3$/m);
  });

  test('checks out what was asked for, as shallow as it was asked for, and what a step started can go on from there', async () => {
    const first = git('rev-parse', 'HEAD~1');
    const outcome = await run({ inputs: { ref: first }, event: 'workflow_dispatch', job: 'first' });
    expect(outcome.passed).toBe(true);
    expect(words(outcome)).toMatch(/^1$/m);
    const checkouts = join(home, 'act', 'runs', outcome.runId, 'checkouts');
    const [place = ''] = readdirSync(checkouts);
    expect(existsSync(join(checkouts, place, 'say', 'main.cjs'))).toBe(true);
    expect(existsSync(join(checkouts, place, 'late.txt'))).toBe(false);
  });

  test('that fails says in which job and step', async () => {
    const outcome = await run({ inputs: { ref: 'f'.repeat(40) } });
    expect(outcome.passed).toBe(false);
    expect(outcome.jobs[0]).toMatchObject({ id: 'first', result: 'failure' });
    expect(outcome.jobs[0]?.steps.find(({ result }) => result === 'failure')?.name).toContain('checkout');
    expect(outcome.jobs.find(({ id }) => id === 'second')?.result).not.toBe('success');
  });

  test.each([
    [{ workflow: 'other' }, 'WORKFLOW_UNKNOWN'],
    [{ event: 'schedule' }, 'EVENT_UNKNOWN'],
    [{ ref: 'nowhere' }, 'REF_UNKNOWN'],
  ])('%j is refused: %s', async (request, code) => {
    await expect(run(request)).rejects.toMatchObject({ code, exitCode: 2 });
  });

  test('that uses an action without a stand-in is refused before it runs', async () => {
    write(
      '.github/workflows/foreign.yml',
      'on: push\njobs: { a: { runs-on: ubuntu-latest, steps: [{ uses: some/thing@v1 }] } }\n',
    );
    commit('three');
    await expect(run({ workflow: 'foreign' })).rejects.toMatchObject({
      code: 'NO_STAND_IN',
      message: expect.stringContaining('some/thing@v1'),
    });
  });
});

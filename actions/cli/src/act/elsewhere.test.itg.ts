import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { LIVE, PAPER, SECRET } from '@papergate/config/testing';
import { toolForTests } from '../test-run/tools.ts';
import { startGitHub, type LocalGitHub } from './github.ts';
import { runWorkflow } from './run.ts';
import { ROOT, words } from './testing.ts';
import type { ActOutcome } from './types.ts';

/* A team with a repository and a workflow of its own, which uses actions of this one: GitHub downloads them, and installs nothing. */
jest.setTimeout(120_000);

const VERSION = execFileSync('git', ['-C', ROOT, 'rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
const use = (verb: string): string => `papergate/papergate/actions/${verb}@${VERSION}`;
const CHECKOUT = `actions/checkout@${'a'.repeat(40)}`;

/** The example of the README, as it stands there; no host is asked. */
const README = readFileSync(join(ROOT, 'actions/validate-credentials/README.md'), 'utf8');
const EXAMPLE = /```yaml\n([\s\S]*?)```/.exec(README)?.[1] ?? '';
const KEYS = `name: keys
on: push
permissions: {}
${EXAMPLE.replace('papergate/papergate/actions/validate-credentials@v1', use('validate-credentials')).replace('- uses: papergate', '- id: keys\n        uses: papergate')}          probe: false
      - if: always()
        env: { VERDICT: '\${{ steps.keys.outputs.verdict }}', CODE: '\${{ steps.keys.outputs.reason-code }}' }
        run: echo "the verdict is $VERDICT for $CODE."
`;

/** The others, in a repository that holds nothing of what they deliver: each has to say what it lacks. */
const OTHERS: [verb: string, inputs: Record<string, string>, code: string][] = [
  ['build-push', { target: 'process', environment: 'development' }, 'INCOMPLETE_RELEASE'],
  ['deploy', { target: 'process', environment: 'development' }, 'INCOMPLETE_RELEASE'],
  ['smoke', { target: 'process', environment: 'development' }, 'NO_STAGING'],
  ['load-test', { target: 'process', environment: 'development' }, 'NO_STAGING'],
  ['gate', { evidence: '.' }, 'EVIDENCE_MISSING'],
  [
    'rollback',
    { target: 'process', environment: 'development', sha: 'a'.repeat(40), reason: 'to see it refused' },
    'HISTORY_SHALLOW',
  ],
];
const OTHERS_FILE = `
name: others
on: push
permissions: {}
jobs:
  others:
    runs-on: ubuntu-latest
    permissions: { contents: read }
    steps:
      - uses: ${CHECKOUT}
${OTHERS.map(
  ([verb, inputs]) => `      - id: ${verb}
        continue-on-error: true
        uses: ${use(verb)}
        with: ${JSON.stringify(inputs)}`,
).join('\n')}
      - env: ${JSON.stringify(
        Object.fromEntries(
          OTHERS.map(([verb]) => [verb.toUpperCase().replace('-', '_'), `\${{ steps.${verb}.outputs.reason-code }}`]),
        ),
      )}
        run: |
${OTHERS.map(([verb]) => `          echo "${verb} says $${verb.toUpperCase().replace('-', '_')}."`).join('\n')}
`;

const act = await toolForTests('act', process.env, ROOT);
const withAct = act === undefined ? describe.skip : describe;

const dir = mkdtempSync(join(tmpdir(), 'papergate-elsewhere-'));
const [team, downloaded, home] = ['team', 'downloaded', 'home'].map((name) => join(dir, name)) as [
  string,
  string,
  string,
];
let github: LocalGitHub;

beforeAll(async () => {
  for (const [path, text] of [
    ['.github/workflows/keys.yml', KEYS],
    ['.github/workflows/others.yml', OTHERS_FILE],
    ['README.md', '# Services of our own\n'],
  ] as const) {
    mkdirSync(dirname(join(team, path)), { recursive: true });
    writeFileSync(join(team, path), text);
  }
  const git = (...args: string[]): Buffer =>
    execFileSync('git', ['-C', team, '-c', 'user.name=Test', '-c', 'user.email=test@localhost', ...args]);
  git('init', '-q', '-b', 'main');
  git('add', '-A');
  git('commit', '-q', '-m', 'ours');
  mkdirSync(downloaded);
  const archive = execFileSync('git', ['-C', ROOT, 'archive', '--format=tar', VERSION], { maxBuffer: 256 * 1024 ** 2 });
  execFileSync('tar', ['-x', '-C', downloaded], { input: archive });
  github = await startGitHub({ repository: team, name: 'local/papergate', home, secretNames: [] });
});
afterAll(async () => {
  await github.close();
  rmSync(dir, { recursive: true, force: true });
});

const run = (workflow: string, secrets: Record<string, string> = {}): Promise<ActOutcome> =>
  runWorkflow(
    { repository: team, workflow, secrets, actions: { [`papergate/papergate@${VERSION}`]: downloaded } },
    { env: process.env, home, github: github.fake, act: act ?? '' },
  );

withAct('a workflow of another repository', () => {
  test.each([
    ['passes with paper keys', {}, true, 'the verdict is pass for .'],
    ['is stopped by a live key', { ALPACA_PAPER_API_KEY: LIVE }, false, 'the verdict is block for KEY_LIVE.'],
    [
      'is stopped by a live key that nothing asks for',
      { OLD: LIVE },
      false,
      'the verdict is block for SMUGGLED_VARIABLE.',
    ],
  ])('that validates credentials %s', async (_title, change, passes, said) => {
    const secrets = { ALPACA_PAPER_API_KEY: PAPER, ALPACA_PAPER_API_SECRET: SECRET, ...change };
    const outcome = await run('keys', secrets);
    expect(words(outcome)).toContain(said);
    expect(outcome.passed).toBe(passes);
    for (const value of Object.values(secrets)) expect(words(outcome)).not.toContain(value);
  });

  test('that uses an action where there is nothing for it to work on is told what is missing', async () => {
    const outcome = await run('others');
    const lines = words(outcome).split('\n');
    expect(lines.filter((line) => / says [A-Z_]*\.$/.test(line))).toEqual(
      OTHERS.map(([verb, , code]) => `${verb} says ${code}.`),
    );
    expect(words(outcome)).not.toMatch(/^\s+at .*\.(?:cjs|ts|js):\d+/m);
  });
});

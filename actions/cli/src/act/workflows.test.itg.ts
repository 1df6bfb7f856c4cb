import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { startGitHub, type LocalGitHub } from './github.ts';
import { runWorkflow } from './run.ts';
import { stopStaging } from './staging.ts';
import type { ActOutcome, ActRequest } from './types.ts';
import { toolForTests } from '../test-run/tools.ts';

/*
 * The workflows of this repository as they are committed, one after the other, over one staging: a push delivers a first
 * commit, somebody delivers a second one by hand, and goes back to the first.
 */
jest.setTimeout(600_000);

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url)).replace(/\/$/, '');
const NAME = 'local/papergate';
/** The whole chain with its load is for the night; here it is about how the workflows hang together. */
const LOAD = process.env['PAPERGATE_NIGHTLY'] === 'true' ? 'quick' : 'none';
const VARIABLES = {
  PAPERGATE_TARGET: 'process',
  PAPERGATE_ENVIRONMENT: 'development',
  PAPERGATE_PORTS: 'free',
  PAPERGATE_LOAD: LOAD,
  PAPERGATE_TEST_PATHS: 'config/src/errors.test.ts',
};

const act = await toolForTests('act', process.env, ROOT);
const withAct = act === undefined ? describe.skip : describe;

let dir: string;
let home: string;
let github: LocalGitHub;
let registry: Server;
let registryUrl: string;
let first: string;
let second: string;

const git = (...args: string[]): string =>
  execFileSync('git', ['-C', dir, '-c', 'user.name=Test', '-c', 'user.email=test@localhost', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-workflows-'));
  home = mkdtempSync(join(tmpdir(), 'papergate-workflows-home-'));
  // PostgreSQL does not run as root; its user has to pass through.
  chmodSync(home, 0o711);
  execFileSync('git', ['clone', '-q', '--shared', ROOT, dir], { stdio: 'pipe' });
  git('checkout', '-q', '-B', 'main');
  git('remote', 'remove', 'origin');
  first = git('rev-parse', 'HEAD');
  const changelog = join(dir, 'CHANGELOG.md');
  const text = readFileSync(changelog, 'utf8').replace('## [Unreleased]', '## [Unreleased]\n\n## [0.9.0]\n\n- To try.');
  writeFileSync(changelog, text);
  git('commit', '-q', '-a', '-m', 'the second commit');
  second = git('rev-parse', 'HEAD');
  git('tag', 'v0.9.0');
  github = await startGitHub({ repository: dir, name: NAME, home, secretNames: [] });
  // npm's audit, of a registry that knows of no vulnerability.
  registry = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(request.url?.includes('/advisories/bulk') === true ? 200 : 404, {
        'content-type': 'application/json',
      });
      response.end('{}');
    });
  });
  await new Promise<void>((resolve) => {
    registry.listen(0, '127.0.0.1', resolve);
  });
  registryUrl = `http://127.0.0.1:${(registry.address() as AddressInfo).port}/`;
});

afterAll(async () => {
  await stopStaging({ home, env: process.env });
  registry.closeAllConnections();
  await new Promise((resolve) => registry.close(resolve));
  await github.close();
  for (const folder of [dir, home]) rmSync(folder, { recursive: true, force: true });
});

const run = (request: Omit<ActRequest, 'repository'>): Promise<ActOutcome> =>
  runWorkflow(
    { repository: dir, packages: ROOT, variables: VARIABLES, ...request },
    { env: { ...process.env, npm_config_registry: registryUrl }, home, github: github.fake, act: act ?? '' },
  );

const results = ({ jobs }: ActOutcome): Record<string, string> =>
  Object.fromEntries(jobs.map(({ id, result }) => [id, result]));
const words = ({ lines }: ActOutcome): string => lines.map(({ text }) => text).join('\n');
const SHOWN = 60;

/** Jobs with their results, as wanted; what a job that failed said last is in the message of a test that fails. */
function expectJobs(outcome: ActOutcome, wanted: Record<string, string>): void {
  const found = results(outcome);
  const said = outcome.jobs
    .filter(({ id, result }) => wanted[id] !== result)
    .map(({ id }) => outcome.lines.filter(({ job }) => job === id).slice(-SHOWN))
    .flatMap((lines) => lines.map(({ job, text }) => `${job}: ${text}`));
  try {
    expect(found).toEqual(expect.objectContaining(wanted));
  } catch (error) {
    throw new Error(`jobs: ${JSON.stringify(found)}\n${said.join('\n')}`, { cause: error });
  }
}

/** What staging serves, asked of its front door by the address that the deployment names. */
async function servedCommit(): Promise<string> {
  const { staging } = JSON.parse(
    execFileSync(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', join(ROOT, 'actions/cli/src/main.ts'), 'status', '--json'],
      {
        encoding: 'utf8',
        env: { ...process.env, NODE_OPTIONS: '', PAPERGATE_HOME: home },
      },
    ),
  ) as { staging: { services: { name: string; url: string }[] } };
  const { url = '' } = staging.services.find(({ name }) => name === 'orchestrator') ?? {};
  const response = await fetch(`${url}/api/v1/config`);
  const { release } = (await response.json()) as { release: { sha: string } };
  return release.sha;
}

const deployments = (): { sha: string; state: string | undefined; digests: boolean }[] =>
  (github.fake.state.repositories[NAME]?.deployments ?? []).map(({ sha, statuses, payload }) => ({
    sha,
    state: statuses.at(-1)?.state,
    digests: typeof payload === 'object',
  }));

withAct('the workflows on this machine', () => {
  test('a push is tested and then delivered to a staging that serves it', async () => {
    const outcome = await run({ workflow: 'ci', event: 'push', ref: first });
    expectJobs(outcome, {
      checks: 'success',
      tests: 'success',
      green: 'success',
      choose: 'success',
      build: 'success',
      deliver: 'success',
    });
    expect(outcome.passed).toBe(true);
    expect(await servedCommit()).toBe(first);
    expect(deployments()).toContainEqual({ sha: first, state: 'success', digests: true });
    const { artifacts } = github.fake.state.repositories[NAME]?.runs.at(-1) ?? { artifacts: [] };
    expect(artifacts.map(({ name }) => name)).toContain(`evidence-${first}`);
  });

  test('a delivery by hand takes the newest green commit, and says what it brings', async () => {
    const outcome = await run({ workflow: 'deploy-staging', ref: second, inputs: { load: 'none' } });
    expectJobs(outcome, { choose: 'success', build: 'success', deliver: 'success' });
    expect(words(outcome)).toContain('it brings 1 commits:');
    expect(await servedCommit()).toBe(second);
  });

  test('a rollback goes back without a build', async () => {
    const outcome = await run({
      workflow: 'rollback',
      ref: second,
      inputs: { sha: first, reason: 'to see it go back', environment: 'staging', 'restore-db': 'false', confirm: '' },
    });
    expectJobs(outcome, { rollback: 'success' });
    expect(await servedCommit()).toBe(first);
  });

  test('a rollback to a commit that was never delivered is refused, and nothing moves', async () => {
    const never = git('rev-parse', `${first}~1`);
    const outcome = await run({
      workflow: 'rollback',
      ref: second,
      inputs: { sha: never, reason: 'to see it refused', environment: 'staging', 'restore-db': 'false', confirm: '' },
    });
    expect(results(outcome)).toEqual({ rollback: 'failure' });
    expect(await servedCommit()).toBe(first);
  });

  test('production stays shut, whatever is asked', async () => {
    const outcome = await run({ workflow: 'deploy-production', ref: second, inputs: { sha: first } });
    expectJobs(outcome, { find: 'success', dependencies: 'success', gate: 'failure' });
    expect(results(outcome)['production']).not.toBe('success');
    expect(words(outcome)).toContain('ACT');
  });

  test('what happens every night happens: a drill of a real backup, the age of keys, an audit', async () => {
    const outcome = await run({ workflow: 'scheduled', event: 'schedule', ref: second });
    expectJobs(outcome, { keys: 'success', restore: 'success', dependencies: 'success', running: 'success' });
    expect(words(outcome)).toMatch(/checkpoint|backup/);
  });

  test('a version tag becomes a release, and its major tag moves there', async () => {
    const outcome = await run({ workflow: 'release', event: 'push', ref: 'v0.9.0' });
    expectJobs(outcome, { bundles: 'success', release: 'success' });
    const repository = github.fake.state.repositories[NAME];
    expect(repository?.releases).toEqual([
      expect.objectContaining({ tag_name: 'v0.9.0', body: expect.stringMatching(/^- To try\./) }),
    ]);
    expect(repository?.tags['v0']).toBe(second);
  });
});

import { execFileSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { toolForTests } from '../test-run/tools.ts';
import { expectJobs, NAME, results, ROOT, startSeries, words, type Series } from './testing.ts';

/*
 * The workflows of this repository as they are committed, one after the other, over one staging: a push delivers a first
 * commit, somebody delivers a second one by hand, and goes back to the first.
 */
jest.setTimeout(600_000);

const VARIABLES = {
  PAPERGATE_TARGET: 'process',
  PAPERGATE_ENVIRONMENT: 'development',
  PAPERGATE_PORTS: 'free',
  // With load: load.alone.ctr.ts. Here it is about how the workflows hang together.
  PAPERGATE_LOAD: 'none',
  PAPERGATE_TEST_PATHS: 'config/src/errors.test.ts',
  // It has a test of its own.
  PAPERGATE_CHAOS_RUNS: '0',
};

const act = await toolForTests('act', process.env, ROOT);
const withAct = act === undefined ? describe.skip : describe;

let series: Series;
let quick: string;
let registry: Server;

beforeAll(async () => {
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
  const url = `http://127.0.0.1:${(registry.address() as AddressInfo).port}/`;
  series = await startSeries(act ?? '', { ...process.env, npm_config_registry: url }, VARIABLES);
  quick = withoutChecks(series);
});

/** A commit beside main as a pull request may bring it: what is checked of the whole repository, the push has shown. */
function withoutChecks({ git, dir }: Series): string {
  git('checkout', '-q', '-b', 'change');
  const path = join(dir, 'package.json');
  const json = JSON.parse(readFileSync(path, 'utf8')) as { scripts: Record<string, string> };
  for (const name of ['check', 'boundaries', 'actions:check']) json.scripts[name] = 'true';
  writeFileSync(path, JSON.stringify(json, null, 2));
  git('commit', '-q', '-a', '-m', 'check nothing');
  const commit = git('rev-parse', 'HEAD');
  git('checkout', '-q', 'main');
  return commit;
}

afterAll(async () => {
  await series?.close();
  registry.closeAllConnections();
  await new Promise((resolve) => registry.close(resolve));
});

/** What staging serves, asked of its front door by the address that the deployment names. */
async function servedCommit(): Promise<string> {
  const { staging } = JSON.parse(
    execFileSync(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', join(ROOT, 'actions/cli/src/main.ts'), 'status', '--json'],
      {
        encoding: 'utf8',
        env: { ...process.env, NODE_OPTIONS: '', PAPERGATE_HOME: series.home },
      },
    ),
  ) as { staging: { services: { name: string; url: string }[] } };
  const { url = '' } = staging.services.find(({ name }) => name === 'orchestrator') ?? {};
  const response = await fetch(`${url}/api/v1/config`);
  const { release } = (await response.json()) as { release: { sha: string } };
  return release.sha;
}

const deployments = (): { sha: string; state: string | undefined; digests: boolean }[] =>
  (series.github.fake.state.repositories[NAME]?.deployments ?? []).map(({ sha, statuses, payload }) => ({
    sha,
    state: statuses.at(-1)?.state,
    digests: typeof payload === 'object',
  }));

withAct('the workflows on this machine', () => {
  test('a push is tested and then delivered to a staging that serves it', async () => {
    const outcome = await series.run({ workflow: 'ci', event: 'push', ref: series.first });
    expectJobs(outcome, {
      checks: 'success',
      tests: 'success',
      green: 'success',
      choose: 'success',
      build: 'success',
      deliver: 'success',
    });
    expect(outcome.passed).toBe(true);
    expect(await servedCommit()).toBe(series.first);
    expect(deployments()).toContainEqual({ sha: series.first, state: 'success', digests: true });
    const { artifacts } = series.github.fake.state.repositories[NAME]?.runs.at(-1) ?? { artifacts: [] };
    expect(artifacts.map(({ name }) => name)).toContain(`evidence-${series.first}`);
  });

  test('a pull request is tested with no secret, and delivers nothing', async () => {
    const before = deployments();
    const outcome = await series.run({ workflow: 'ci', event: 'pull_request', ref: quick });
    expectJobs(outcome, { checks: 'success', tests: 'success', green: 'success' });
    const others = Object.keys(results(outcome)).filter((id) => !['checks', 'tests', 'green', 'staging'].includes(id));
    expect([outcome.passed, others]).toEqual([true, []]);
    expect(deployments()).toEqual(before);
  });

  test('a delivery by hand takes the newest green commit, and says what it brings', async () => {
    const outcome = await series.run({ workflow: 'deploy-staging', ref: series.second, inputs: { load: 'none' } });
    expectJobs(outcome, { choose: 'success', build: 'success', deliver: 'success' });
    expect(words(outcome)).toContain('it brings 1 commits:');
    expect(await servedCommit()).toBe(series.second);
  });

  test('a rollback goes back without a build', async () => {
    const outcome = await series.run({
      workflow: 'rollback',
      ref: series.second,
      inputs: {
        sha: series.first,
        reason: 'to see it go back',
        environment: 'staging',
        'restore-db': 'false',
        confirm: '',
      },
    });
    expectJobs(outcome, { rollback: 'success' });
    expect(await servedCommit()).toBe(series.first);
  });

  test('a rollback to a commit that was never delivered is refused, and nothing moves', async () => {
    const never = series.git('rev-parse', `${series.first}~1`);
    const outcome = await series.run({
      workflow: 'rollback',
      ref: series.second,
      inputs: { sha: never, reason: 'to see it refused', environment: 'staging', 'restore-db': 'false', confirm: '' },
    });
    expect(results(outcome)).toMatchObject({ rollback: 'failure' });
    expect(await servedCommit()).toBe(series.first);
  });

  test('production stays shut, whatever is asked', async () => {
    const outcome = await series.run({
      workflow: 'deploy-production',
      ref: series.second,
      inputs: { sha: series.first },
    });
    expectJobs(outcome, { find: 'success', dependencies: 'success', gate: 'failure' });
    expect(results(outcome)['production']).not.toBe('success');
    expect(words(outcome)).toContain('ACT');
  });

  test('what happens every night happens: a drill of a real backup, the age of keys, an audit', async () => {
    const outcome = await series.run({ workflow: 'scheduled', event: 'schedule', ref: series.second });
    expectJobs(outcome, { keys: 'success', restore: 'success', dependencies: 'success', running: 'success' });
    expect(words(outcome)).toMatch(/checkpoint|backup/);
  });

  test('a version tag becomes a release, and its major tag moves there', async () => {
    const outcome = await series.run({ workflow: 'release', event: 'push', ref: 'v0.9.0' });
    expectJobs(outcome, { bundles: 'success', release: 'success' });
    const repository = series.github.fake.state.repositories[NAME];
    expect(repository?.releases).toEqual([
      expect.objectContaining({ tag_name: 'v0.9.0', body: expect.stringMatching(/^- To try\./) }),
    ]);
    expect(repository?.tags['v0']).toBe(series.second);
  });
});

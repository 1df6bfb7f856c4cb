import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startJob, type FakeDeployment, type GitHubFake } from '../github/fake/index.ts';
import { startWith } from './testing/github.ts';
import { DeploymentRecord, recordGoneBack, type RecordOptions } from './deployment.ts';
import type { GitHub } from '../github/index.ts';
import { sealManifest, type Manifest } from '../release/manifest.ts';

const sha = (digit: string): string => digit.repeat(40);
const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const manifestOf = (digit: string): Manifest =>
  sealManifest({
    commit: sha(digit),
    services: { dashboard: { entry: 'x', digest: digest(digit) } },
    config_digest: digest(digit),
    lockfile_digest: digest(digit),
    schema_version: 'none',
  });

let fake: GitHubFake;
let api: GitHub;
let close: () => Promise<void>;
let warnings: string[];
beforeEach(async () => {
  warnings = [];
  ({ fake, api, close } = await startWith({ commits: ['a', 'b'].map(sha), main: sha('b') }));
});
afterEach(() => close());

const record = (change: Partial<RecordOptions> = {}, runId = '4711'): DeploymentRecord =>
  new DeploymentRecord({
    api,
    required: false,
    log: { info: () => {}, warning: (text) => void warnings.push(text) },
    context: { runId, runUrl: `https://github.com/acme/trading/actions/runs/${runId}` },
    environment: 'staging',
    task: 'deploy',
    ...change,
  });
const deployments = (): FakeDeployment[] => fake.state.repositories['acme/trading']?.deployments ?? [];
const states = (): (string | undefined)[] => deployments().map(({ statuses }) => statuses.at(-1)?.state);

describe('the record of a delivery', () => {
  test('carries the digests, goes from in_progress to success, and makes the one before it inactive', async () => {
    const one = record();
    await one.begin(manifestOf('a'));
    await one.succeeded({ url: 'https://one.example', words: 'delivered' });
    const two = record({}, '4712');
    await two.begin(manifestOf('b'));
    expect(states()).toEqual(['success', 'in_progress']);
    await two.succeeded({ url: undefined, words: 'delivered' });
    expect(states()).toEqual(['inactive', 'success']);
    expect(deployments()[0]).toMatchObject({
      sha: sha('a'),
      task: 'deploy',
      payload: { schema: 1, manifest_digest: manifestOf('a').digest, images: { dashboard: digest('a') }, run_id: 4711 },
    });
    expect(warnings).toEqual([]);
  });

  test('is the deployment that the job made by naming its environment, which then names the manifest', async () => {
    const now = new Date().toISOString();
    startJob(fake, { repository: 'acme/trading', runId: 4711, jobId: 1, environment: 'staging', sha: sha('a'), now });
    const own = record();
    await own.begin(manifestOf('a'));
    await own.succeeded({ url: undefined, words: 'delivered' });
    expect(deployments()).toHaveLength(1);
    expect(deployments()[0]?.statuses.at(-1)?.description).toContain(manifestOf('a').digest);
  });

  test('that fails is told once, and does not make the running one inactive', async () => {
    const one = record();
    await one.begin(manifestOf('a'));
    await one.succeeded({ url: undefined, words: 'delivered' });
    const two = record({}, '4712');
    await two.begin(manifestOf('b'));
    await two.failed('failure', 'undone: SMOKE_FAILED');
    await two.failed('error', 'and once more');
    expect(states()).toEqual(['success', 'failure']);
  });

  test('that GitHub does not take is a warning, and an error where it is required', async () => {
    fake.state.tokens = {};
    const optional = record();
    await optional.begin(manifestOf('a'));
    await optional.succeeded({ url: undefined, words: 'delivered' });
    await optional.failed('error', 'x');
    expect(optional.id).toBeUndefined();
    expect(warnings.join()).toContain('GITHUB_UNAUTHORIZED');
    await expect(record({ required: true }).begin(manifestOf('a'))).rejects.toMatchObject({
      code: 'GITHUB_UNAUTHORIZED',
    });
    expect(deployments()).toEqual([]);
  });

  test('without a token there is none, and nothing is asked', async () => {
    const none = record({ api: undefined });
    await none.begin(manifestOf('a'));
    await none.succeeded({ url: undefined, words: 'delivered' });
    expect(fake.requests).toEqual([]);
  });
});

describe('a release that goes back after it was delivered', () => {
  const gone = (): Promise<void> =>
    recordGoneBack(
      {
        api,
        log: { info: () => {}, warning: (text) => void warnings.push(text) },
        context: { runId: '4712', runUrl: 'https://github.com/acme/trading/actions/runs/4712' },
        environment: 'staging',
      },
      { from: manifestOf('b'), to: manifestOf('a'), why: 'it failed its load test' },
    );

  test('has failed at GitHub too, and what runs again has a deployment of its own', async () => {
    for (const [digit, runId] of [
      ['a', '4711'],
      ['b', '4712'],
    ] as const) {
      const one = record({}, runId);
      await one.begin(manifestOf(digit));
      await one.succeeded({ url: undefined, words: 'delivered' });
    }
    await gone();
    expect(states()).toEqual(['inactive', 'failure', 'success']);
    expect(deployments().at(-1)).toMatchObject({ sha: sha('a'), task: 'rollback' });
  });

  test('goes back all the same where GitHub is away', async () => {
    fake.state.tokens = {};
    await gone();
    expect(warnings.join()).toContain('GitHub still shows');
  });
});

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { leasePlace } from '../deliver/lease.ts';
import { EvidenceStore } from '../evidence/store.ts';
import { learnCommits, startGitHubFake, type FakeDeployment, type GitHubFake } from '../github/fake/index.ts';
import { localHost } from '../host/index.ts';
import { homeOf } from '../home/index.ts';
import { sealManifest, type Manifest } from '../release/manifest.ts';
import { askStatus, askStop } from '../supervisor/client.ts';
import type { TestRepository } from '../testing/repository.ts';
import { testJob, type ActionEnd, type ActOptions, type TestJob } from './testing/action-process.ts';
import { makeTestBundle, pathWithK6, smokeTest } from './testing/bundle.ts';

jest.setTimeout(180_000);

const REPOSITORY = 'acme/trading';
const TOKEN = 'a-token-for-the-fake-of-github';
const MASKS = /^::add-mask::.*$/gm;
const PLACE = { target: 'process', environment: 'development' };
const RECORDED = { ...PLACE, 'github-token': TOKEN };

let repository: TestRepository;
let github: GitHubFake;
let job: TestJob;
/** Two good releases, one whose smoke test fails, one that never was on main. */
let first: string;
let second: string;
let wrong: string;
let aside: string;

beforeAll(async () => {
  repository = makeTestBundle();
  first = repository.git('rev-parse', 'HEAD');
  repository.write('services/dashboard/src/note.ts', 'export const note = 2;');
  second = repository.commit('a second release');
  repository.write('smoke/src/main.ts', smokeTest('order: filled'));
  wrong = repository.commit('a release that does not trade');
  repository.git('checkout', '-q', '-b', 'aside', first);
  aside = repository.commit('never merged');
  repository.git('checkout', '-q', 'main');
  github = await startGitHubFake({ state: { repositories: { [REPOSITORY]: {} } } });
  const known = github.state.repositories[REPOSITORY];
  if (known !== undefined) learnCommits(known, repository.dir);
  job = testJob({ workspace: repository.dir, sha: first, repository: REPOSITORY, env: { GITHUB_API_URL: github.url } });
});
afterAll(async () => {
  await askStop(homeOf('', join(job.dir, 'state')), 'test over');
  job.remove();
  repository.remove();
  await github.close();
});

const deployments = (): FakeDeployment[] => github.state.repositories[REPOSITORY]?.deployments ?? [];
const lastState = ({ statuses }: FakeDeployment): string | undefined => statuses.at(-1)?.state;
const status = () => askStatus(homeOf('', join(job.dir, 'state')));

/** Ends with the verdict, its reason and the exit code that goes with it, and tells no secret. */
async function ends(
  reason: string,
  verb: string,
  inputs: Readonly<Record<string, string>>,
  options: ActOptions = {},
): Promise<ActionEnd> {
  const end = await job.act(verb, inputs, options);
  if (end.outputs['reason-code'] !== reason) throw new Error(`wanted "${reason}", and it said:\n${end.output}`);
  expect(end.code).toBe(reason === '' ? 0 : 1);
  expect(end.outputs['verdict'] === 'pass').toBe(reason === '');
  const told = end.output.replaceAll(MASKS, '') + end.summary + JSON.stringify([end.outputs, end.state]);
  expect(told).not.toContain(TOKEN);
  expect(told).not.toMatch(/^ +at .*\(.*:\d+:\d+\)/m);
  return end;
}
const passes = (verb: string, inputs: Readonly<Record<string, string>>, options?: ActOptions): Promise<ActionEnd> =>
  ends('', verb, inputs, options);

const rollbackTo = (sha: string, more: Readonly<Record<string, string>> = {}) => ({
  ...RECORDED,
  sha,
  reason: 'prices were wrong',
  ...more,
});

describe('from a commit to a staging and back, by the actions alone', () => {
  let manifest: string;
  let evidence: string;

  test('build-push makes the tree and the manifest of the commit', async () => {
    const { outputs, summary } = await passes('build-push', { target: 'process', registry: 'ghcr.io/acme/trading' });
    manifest = outputs['manifest'] ?? '';
    evidence = outputs['evidence'] ?? '';
    expect(outputs).toMatchObject({ sha: first, images: '{}', reference: '', subjects: '' });
    const made = JSON.parse(readFileSync(manifest, 'utf8')) as Manifest;
    expect(made).toMatchObject({ commit: first, digest: outputs['manifest-digest'] });
    expect(summary).toContain('nothing to push');
  });

  test('deploy delivers it, records it at GitHub with its digests, and leaves it running behind', async () => {
    const { outputs, summary, output } = await passes('deploy', { ...RECORDED, manifest, ports: 'free' });
    expect(outputs).toMatchObject({ sha: first, 'previous-sha': '', outcome: 'delivered', evidence, manifest });
    const [made] = deployments();
    expect(outputs['deployment-id']).toBe(String(made?.id));
    expect(made).toMatchObject({ sha: first, environment: 'development', task: 'deploy' });
    const services = (JSON.parse(readFileSync(manifest, 'utf8')) as Manifest).services;
    expect(made?.payload).toMatchObject({
      manifest_digest: outputs['manifest-digest'],
      images: Object.fromEntries(Object.entries(services).map(([name, { digest }]) => [name, digest])),
      run_id: 4711,
    });
    expect(made?.statuses.map(({ state }) => state)).toEqual(['in_progress', 'in_progress', 'success']);
    const proven = EvidenceStore.read(evidence).digest();
    expect(made?.statuses.at(1)?.description).toBe(`evidence ${proven}`);
    expect(made?.statuses.at(-1)).toMatchObject({
      environment_url: outputs['url'],
      log_url: `https://github.com/${REPOSITORY}/actions/runs/4711`,
    });
    expect(summary).toContain('delivered at http://127.0.0.1:');
    expect(output).toContain('::add-mask::');
    const up = await status();
    expect(up).toMatchObject({ commit: first, detached: true });
    // By it a runner finds, and ends, what a job has left.
    expect(readFileSync(`/proc/${up?.pid}/environ`, 'utf8')).not.toMatch(/RUNNER_TRACKING_ID|INPUT_|GITHUB_/);
    for (const stage of ['validate', 'build', 'push', 'deploy', 'smoke']) {
      const found = JSON.parse(readFileSync(join(evidence, `${stage}.json`), 'utf8')) as Record<string, unknown>;
      expect(found).toMatchObject({ stage, manifest_digest: outputs['manifest-digest'], commit: first });
    }
  });

  test('a deploy that is not let at the place leaves a failed one in the place of the one before', async () => {
    const host = localHost({ env: job.env });
    const dir = join(job.dir, 'state', 'places', 'process');
    const place = { kind: 'process' as const, environment: 'development' as const, project: 'process', host, dir };
    const lease = await leasePlace(place, 'somebody else');
    const left = (): unknown => JSON.parse(readFileSync(join(evidence, 'deploy.json'), 'utf8'));
    try {
      await ends('PLACE_TAKEN', 'deploy', { ...PLACE, manifest });
      expect(left()).toMatchObject({ status: 'failed', checks: [{ observed: 'PLACE_TAKEN' }] });
    } finally {
      await lease.release();
      await host.close();
    }
    await passes('deploy', { ...PLACE, manifest });
    expect(left()).toMatchObject({ status: 'passed', data: { outcome: 'unchanged' } });
    await ends('CREDENTIALS_REFUSED', 'deploy', { ...PLACE, manifest, 'alpaca-api-key': 'no key' });
    expect(left()).toMatchObject({ status: 'failed', checks: [{ observed: 'CREDENTIALS_REFUSED' }] });
    await passes('deploy', { ...PLACE, manifest });
  });

  test('smoke that is cancelled leaves evidence that it failed, in the place of that of the deploy', async () => {
    const onOutput: ActOptions['onOutput'] = (text, kill) => {
      if (text.includes('smoke test of')) kill('SIGINT');
    };
    const { outputs } = await ends('ACTION_CANCELLED', 'smoke', PLACE, { onOutput });
    const left = JSON.parse(readFileSync(join(outputs['evidence'] ?? '', 'smoke.json'), 'utf8')) as object;
    expect(left).toMatchObject({ status: 'failed', checks: [{ name: 'it ran to its end', status: 'failed' }] });
  });

  test('smoke and load-test prove it, each with its evidence', async () => {
    const digest = (await status())?.manifest_digest ?? '';
    const smoked = await passes('smoke', { ...PLACE, 'manifest-digest': digest });
    expect(JSON.parse(smoked.outputs['checks'] ?? '')).toMatchObject({ failed: 0 });
    const env = { PATH: pathWithK6(join(job.dir, 'good'), job.env['PATH']) };
    const floors = JSON.stringify({ 'order-stress: order latency, p99': '<= 200' });
    const loaded = await passes('load-test', { ...PLACE, profile: 'quick', floors }, { env });
    expect(loaded.summary).toContain('&lt;= 200 ms');
    expect(loaded.outputs['evidence']).toBe(evidence);
    const load = JSON.parse(readFileSync(join(evidence, 'load.json'), 'utf8')) as Record<string, unknown>;
    expect(load).toMatchObject({ status: 'passed', manifest_digest: digest });
    expect(readFileSync(join(evidence, 'report.html'), 'utf8')).toContain('Order stress');
  });

  test('the next release replaces it, whose deployment goes inactive; once more it is unchanged', async () => {
    const moved = await passes('deploy', { ...RECORDED, sha: second }, { env: { GITHUB_RUN_ID: '4712' } });
    expect(moved.outputs).toMatchObject({ sha: second, 'previous-sha': first, outcome: 'delivered' });
    expect(deployments().map(lastState)).toEqual(['inactive', 'success']);
    const again = await passes('deploy', { ...PLACE, sha: second });
    expect(again.outputs).toMatchObject({ outcome: 'unchanged', 'deployment-id': '' });
  });

  test('a release that fails its smoke test is undone, with the diagnosis in log, annotation and summary', async () => {
    const end = await ends('SMOKE_FAILED', 'deploy', { ...RECORDED, sha: wrong }, { env: { GITHUB_RUN_ID: '4713' } });
    expect(end.outputs).toMatchObject({ verdict: 'block', outcome: 'undone', sha: second, manifest: '' });
    expect(end.output).toMatch(/::error title=deploy%3A SMOKE_FAILED::SMOKE_FAILED: at smoke/);
    expect(end.summary).toContain('order: filled');
    expect(await status()).toMatchObject({ commit: second });
    expect(lastState(deployments().at(-1)!)).toBe('failure');
    expect(deployments().map(lastState)).toEqual(['inactive', 'success', 'failure']);
  });

  test('a deploy that was killed is put right by the next one', async () => {
    const killed = await job.act(
      'deploy',
      { ...PLACE, sha: first },
      {
        onOutput: (text, kill) => {
          if (text.includes('start:paper-exchange')) kill('SIGKILL');
        },
      },
    );
    expect(killed.code).toBeNull();
    const next = await passes('deploy', { ...PLACE, sha: second });
    expect(next.output).toMatch(/::notice title=recovering::/);
    expect(next.summary).toContain('is undone');
    expect(await status()).toMatchObject({ commit: second });
  });

  test('a deploy whose job is cancelled undoes what it had begun', async () => {
    let asked = false;
    const end = await ends(
      'ACTION_CANCELLED',
      'deploy',
      { ...RECORDED, sha: first },
      {
        env: { GITHUB_RUN_ID: '4720' },
        onOutput: (text, kill) => {
          if (asked || !text.includes('start:paper-exchange')) return;
          asked = true;
          kill('SIGINT');
        },
      },
    );
    expect(end.outputs['outcome']).toBe('undone');
    expect(await status()).toMatchObject({ commit: second });
    expect(deployments().at(-1)).toMatchObject({ sha: first });
    expect(lastState(deployments().at(-1)!)).toBe('failure');
  });

  test('rollback goes back to the first release, and says what was and what is', async () => {
    const back = await passes('rollback', rollbackTo(first), { env: { GITHUB_RUN_ID: '4714' } });
    expect(back.outputs).toMatchObject({ sha: first, 'previous-sha': second, outcome: 'delivered' });
    expect(back.output).toContain('by GitHub');
    expect(back.summary).toMatch(/was \| <code>[0-9a-f]{12}/);
    expect(back.summary).toContain('prices were wrong');
    expect(deployments().at(-1)).toMatchObject({ sha: first, task: 'rollback' });
    expect(await status()).toMatchObject({ commit: first });
  });

  test('a release that fails its load test goes back, and its deployment with it', async () => {
    await passes('deploy', { ...RECORDED, sha: second }, { env: { GITHUB_RUN_ID: '4715' } });
    const slow = `for (const one of Object.values(result.metrics)) if ('p(99)' in one) one['p(99)'] = 900;`;
    const env = { PATH: pathWithK6(join(job.dir, 'slow'), job.env['PATH'], slow), GITHUB_RUN_ID: '4715' };
    const inputs = { ...RECORDED, profile: 'quick', 'on-failure': 'roll-back' };
    const end = await ends('LOAD_FAILED', 'load-test', inputs, { env });
    expect(end.output).toMatch(/::error title=Load test%3A order-stress%3A order latency%2C p99::/);
    expect(end.summary).toContain(`${first.slice(0, 12)} runs again`);
    expect(await status()).toMatchObject({ commit: first });
    const [failed, back] = deployments().slice(-2);
    expect(failed).toMatchObject({ sha: second });
    expect(failed?.statuses.map(({ state }) => state)).toContain('failure');
    expect(back).toMatchObject({ sha: first, task: 'rollback' });
    expect(lastState(back!)).toBe('success');
    await ends('NEVER_HEALTHY', 'rollback', rollbackTo(second));
  });
});

describe('what is wrong is refused with its reason, and what runs goes on', () => {
  const file = (value: unknown): string => {
    const path = join(job.dir, 'given.json');
    writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
    return path;
  };
  const running = (): Manifest => {
    const places = join(job.dir, 'state', 'places', 'process', 'history.json');
    const history = JSON.parse(readFileSync(places, 'utf8')) as { releases: { manifest: Manifest }[] };
    const found = history.releases[0]?.manifest;
    if (found === undefined) throw new Error('nothing was delivered');
    return found;
  };
  const resealed = (): Manifest => {
    const { digest: _digest, schema: _schema, ...content } = running();
    return sealManifest({
      ...content,
      services: { ...content.services, dashboard: content.services['orchestrator']! },
    });
  };
  // Put together here: the policy finds such keys in files as well, this one too.
  const live = `${String.fromCodePoint(65, 75)}${'Q7ZL2M9X'.repeat(3)}`.slice(0, 20);

  test.each<[string, string, string, () => Record<string, string>, Record<string, string>?]>([
    ['INPUT_INVALID', 'an environment that is none', 'deploy', () => ({ ...PLACE, environment: 'testing' })],
    ['INPUT_INVALID', 'smoke of production', 'smoke', () => ({ ...PLACE, environment: 'production' })],
    ['INPUT_INVALID', 'a load of production', 'load-test', () => ({ ...PLACE, environment: 'production' })],
    ['INPUT_INVALID', 'a gate where there is none', 'deploy', () => ({ ...PLACE, 'gate-evidence': file('{}') })],
    ['INPUT_INVALID', 'a SHA that is cut off', 'rollback', () => rollbackTo(first.slice(0, 39))],
    ['INPUT_INVALID', 'a rollback without a reason', 'rollback', () => ({ ...PLACE, sha: first })],
    ['INPUT_INVALID', 'a host for the process target', 'smoke', () => ({ ...PLACE, host: 'ssh://a@b' })],
    ['INPUT_INVALID', 'half of a login', 'build-push', () => ({ 'registry-token': 'x'.repeat(20) })],
    ['INPUT_INVALID', 'an attestation of no images', 'build-push', () => ({ target: 'process', attest: 'true' })],
    ['UNKNOWN_COMMIT', 'a commit that nobody knows', 'deploy', () => ({ ...PLACE, sha: 'd'.repeat(40) })],
    ['UNKNOWN_COMMIT', 'a commit that nobody knows', 'build-push', () => ({ target: 'process', sha: 'd'.repeat(40) })],
    ['UNKNOWN_COMMIT', 'a commit that nobody knows', 'rollback', () => rollbackTo('d'.repeat(40))],
    ['MANIFEST_UNREADABLE', 'a manifest that is not there', 'deploy', () => ({ ...PLACE, manifest: 'none.json' })],
    ['MANIFEST_INVALID', 'a manifest that is something else', 'deploy', () => ({ ...PLACE, manifest: file('{}') })],
    [
      'MANIFEST_INVALID',
      'a manifest that was edited',
      'deploy',
      () => ({ ...PLACE, manifest: file({ ...running(), commit: second }) }),
    ],
    [
      'MANIFEST_FOREIGN',
      'the manifest of another commit',
      'deploy',
      () => ({ ...PLACE, manifest: file(running()), sha: second }),
    ],
    ['RELEASE_CHANGED', 'a manifest that was sealed anew', 'deploy', () => ({ ...PLACE, manifest: file(resealed()) })],
    [
      'EVIDENCE_FOREIGN',
      'evidence of another release',
      'deploy',
      () => ({ ...PLACE, sha: second, evidence: evidenceOf(first) }),
    ],
    [
      'CREDENTIALS_REFUSED',
      'a live key in the environment',
      'deploy',
      () => ({ ...PLACE, sha: second }),
      { SOME_SETTING: live },
    ],
    ['CREDENTIALS_REFUSED', 'a live key as a token', 'deploy', () => ({ ...PLACE, sha: second, 'api-token': live })],
    [
      'RECORD_MISSING',
      'a record without a token',
      'deploy',
      () => ({ ...PLACE, sha: second, 'require-record': 'true' }),
    ],
    [
      'GITHUB_URL_INVALID',
      'a record at an address that is none',
      'deploy',
      () => ({ ...RECORDED, sha: second, 'require-record': 'true' }),
      { GITHUB_API_URL: 'http://github.example' },
    ],
    [
      'OTHER_RELEASE',
      'another release than runs',
      'smoke',
      () => ({ ...PLACE, 'manifest-digest': `sha256:${'0'.repeat(64)}` }),
    ],
    ['NO_STAGING', 'a place with nothing in it', 'load-test', () => PLACE, { PAPERGATE_HOME: '' }],
    [
      'FLOOR_LOWERED',
      'a floor that is lowered',
      'load-test',
      () => ({ ...PLACE, floors: '{"order-stress: order latency, p99":"<= 501"}' }),
    ],
    ['NOT_ON_BRANCH', 'a commit that was never merged', 'rollback', () => rollbackTo(aside)],
    [
      'NOT_ON_BRANCH',
      'the same, by the clone alone',
      'rollback',
      () => ({ ...PLACE, sha: aside, reason: 'prices were wrong' }),
    ],
    ['NEVER_HEALTHY', 'a release that failed', 'rollback', () => rollbackTo(wrong)],
    [
      'NOT_CONFIRMED',
      'a restore that nobody confirmed',
      'rollback',
      () => rollbackTo(first, { 'restore-db': '20260101T000000Z-aa' }),
    ],
    ['NOT_CONFIRMED', 'a confirmation of another commit', 'rollback', () => rollbackTo(first, { confirm: second })],
    [
      'BRANCH_UNKNOWN',
      'a branch that is none',
      'rollback',
      () => ({ ...PLACE, sha: first, reason: 'prices were wrong', 'default-branch': 'trunk' }),
    ],
  ])('%s: %s, at %s', async (reason, _what, verb, inputs, env = {}) => {
    const before = await status();
    const end = await ends(reason, verb, inputs(), { env });
    expect(end.output).toContain(`${reason}: `);
    expect(end.output.replaceAll(MASKS, '')).not.toContain(live);
    expect(await status()).toMatchObject({ commit: before?.commit, pid: before?.pid });
  });

  const evidenceOf = (sha: string): string => {
    const dir = join(job.dir, 'state', 'evidence', running().digest.slice(7, 19));
    expect(JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8'))).toMatchObject({ commit: sha });
    return dir;
  };
});

describe('what was not to be kept', () => {
  test('is taken down by the step after the job, and GitHub being away is only a warning', async () => {
    const inputs = { ...RECORDED, sha: first, keep: 'false' };
    const env = { GITHUB_API_URL: 'http://127.0.0.1:9' };
    const done = await passes('deploy', inputs, { env });
    expect(done.output).toMatch(/::warning title=deployment record::.*GITHUB_UNREACHABLE/);
    expect(await status()).toMatchObject({ commit: first });
    const after = await job.act('deploy', inputs, { env, post: done });
    expect(after.code).toBe(0);
    expect(after.output).toContain('was taken down');
    expect(await status()).toBeUndefined();
  });
});

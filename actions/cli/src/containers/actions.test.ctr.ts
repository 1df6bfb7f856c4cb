import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  digestsOfManifest,
  pushManifest,
  startSshd,
  testJob,
  withImages,
  type ActionEnd,
  type ImageRef,
  type Manifest,
  type TestJob,
  type TestSshd,
} from '@papergate/delivery';
import { learnCommits, startGitHubFake, type FakeRepository, type GitHubFake } from '@papergate/delivery/github-fake';
import { dockerEnvironment } from './testing/docker.ts';
import { expectRuns } from './testing/expectations.ts';
import { makeLeanKit, type LeanKit } from './testing/lean.ts';

jest.setTimeout(600_000);

const REPOSITORY = 'acme/trading';
const RUN = 4711;
/** Long ago: what was delivered then is on no record of the place any more. */
const LONG_AGO = 17;

let kit: LeanKit;
let github: GitHubFake;
let known: FakeRepository;
let job: TestJob;
let first: Manifest;
let second: Manifest;
let never: Manifest;
let older: Manifest;
let gone: Manifest;
let replaced: Manifest;

beforeAll(async () => {
  kit = await makeLeanKit('actions');
  first = await kit.lean();
  second = await kit.lean();
  never = await kit.lean();
  older = await kit.lean();
  gone = withOneImage(await kit.lean(), `sha256:${'0'.repeat(64)}`);
  replaced = await kit.lean();
  for (const manifest of [first, second, never, older, gone, replaced]) {
    await pushManifest(manifest, { registry: kit.registry, env: dockerEnvironment() });
  }
  const all = [first, second, never, older, gone, replaced].flatMap(({ commit }) => ['-p', commit]);
  kit.clone.git('branch', '-f', 'main', kit.clone.git('commit-tree', `${first.commit}^{tree}`, ...all, '-m', 'merged'));
  github = await startGitHubFake({ state: { repositories: { [REPOSITORY]: {} } } });
  known = github.state.repositories[REPOSITORY]!;
  learnCommits(known, kit.clone.dir);
  delivered(older, older.digest);
  delivered(gone, gone.digest);
  delivered(replaced, first.digest);
  job = testJob({
    workspace: kit.clone.dir,
    sha: first.commit,
    repository: REPOSITORY,
    runId: String(RUN),
    env: { ...dockerEnvironment(), PAPERGATE_HOME: kit.home, GITHUB_API_URL: github.url },
  });
});
afterAll(async () => {
  job?.remove();
  await kit?.remove();
  await github?.close();
});

function withOneImage(manifest: Manifest, digest: string): Manifest {
  const images = { ...manifest.images } as Record<string, ImageRef>;
  return withImages(manifest, { ...images, dashboard: { ...images['dashboard']!, digest } });
}

/** A deployment of a run long ago that went well. */
function delivered(manifest: Manifest, manifestDigest: string): void {
  const at = '2026-01-05T12:00:00Z';
  const base = { creator: 'github-actions[bot]', created_at: at };
  known.deployments.push({
    ...base,
    id: github.state.next_id++,
    sha: manifest.commit,
    ref: 'main',
    task: 'deploy',
    environment: 'development',
    payload: { schema: 1, manifest_digest: manifestDigest, images: {}, run_id: LONG_AGO },
    description: null,
    production_environment: false,
    transient_environment: false,
    statuses: ['in_progress', 'success', 'inactive'].map((state) => ({
      ...base,
      id: github.state.next_id++,
      state,
      description: '',
      environment_url: '',
      log_url: '',
    })),
  });
}

const place = (): Record<string, string> => ({
  target: 'compose',
  environment: 'development',
  project: kit.project,
  registry: kit.registry,
  'github-token': 'a-token-for-the-fake-of-github',
});

async function ends(reason: string, verb: string, inputs: Readonly<Record<string, string>>): Promise<ActionEnd> {
  const given: Record<string, string> = { ...place(), ...inputs };
  // Only what is fetched or built has to do with a registry.
  if (verb === 'smoke') delete given['registry'];
  const end = await job.act(verb, given);
  if (end.outputs['reason-code'] !== reason) throw new Error(`wanted "${reason}", and it said:\n${end.output}`);
  expect(end.code).toBe(reason === '' ? 0 : 1);
  return end;
}
const back = (sha: string, more: Readonly<Record<string, string>> = {}) => ({
  sha,
  reason: 'prices were wrong',
  ...more,
});

describe('the actions over a Docker Engine', () => {
  test('deploy what a reference or a commit names at the registry, with the digests in the deployment', async () => {
    const one = await ends('', 'deploy', { manifest: `${kit.registry}/release:${first.commit}` });
    expectRuns(kit, first);
    expect(one.outputs).toMatchObject({ sha: first.commit, 'manifest-digest': first.digest });
    expect(known.deployments.at(-1)?.payload).toMatchObject({
      manifest_digest: first.digest,
      images: digestsOfManifest(first),
    });
    const two = await ends('', 'deploy', { sha: second.commit });
    expectRuns(kit, second);
    expect(two.outputs).toMatchObject({ 'previous-sha': first.commit, outcome: 'delivered' });
    const smoked = await ends('', 'smoke', { 'manifest-digest': second.digest });
    const evidence = readFileSync(join(smoked.outputs['evidence'] ?? '', 'smoke.json'), 'utf8');
    expect(JSON.parse(evidence)).toMatchObject({ status: 'passed', manifest_digest: second.digest });
  });

  test('go back by digest: to a release of the place, and to one that only GitHub remembers', async () => {
    await ends('', 'rollback', back(first.commit));
    expectRuns(kit, first);
    const { output, outputs } = await ends('', 'rollback', back(older.commit));
    expect(output).toContain('by deployment');
    expect(outputs['previous-sha']).toBe(first.commit);
    expectRuns(kit, older);
  });

  test.each<[string, string, string, () => Record<string, string>]>([
    ['DIGESTS_GONE', 'images that are away', 'rollback', () => back(gone.commit)],
    ['RELEASE_REPLACED', 'a release that was built anew since', 'rollback', () => back(replaced.commit)],
    ['NEVER_HEALTHY', 'a release that was never delivered', 'rollback', () => back(never.commit)],
    [
      'RESTORE_TOO_OLD',
      'a restore with what only GitHub remembers',
      'rollback',
      () => back(gone.commit, { 'restore-db': 'a-checkpoint', confirm: gone.commit }),
    ],
    ['DEPLOY_REFUSED', 'images that are away', 'deploy', () => ({ sha: gone.commit })],
    ['RELEASE_UNKNOWN', 'a commit that was never pushed', 'deploy', () => ({ sha: kit.clone.head })],
    ['PROJECT_INVALID', 'a project that is none', 'deploy', () => ({ project: '../x' })],
    [
      'SSH_KEY_INVALID',
      'a key that is none',
      'deploy',
      () => ({ host: 'ssh://a@127.0.0.1', 'ssh-key': 'no key at all' }),
    ],
  ])('%s: %s, at %s', async (reason, _what, verb, inputs) => {
    await ends(reason, verb, inputs());
    expectRuns(kit, older);
  });
});

describe('the actions over a Docker Engine behind SSH', () => {
  let sshd: TestSshd;
  let there: string;
  beforeAll(async () => {
    there = mkdtempSync(join(tmpdir(), 'papergate-there-'));
    const { PATH = '', DOCKER_HOST = '', DOCKER_CONFIG = '' } = dockerEnvironment();
    sshd = await startSshd({ env: { PATH, DOCKER_HOST, DOCKER_CONFIG, HOME: there } });
  });
  afterAll(async () => {
    await sshd?.stop();
    rmSync(there, { recursive: true, force: true });
  });
  const host = (change: Partial<Record<'identity' | 'knownHosts', string>> = {}) => ({
    project: `${kit.project}-ssh`,
    host: sshd.url,
    'ssh-key': readFileSync(change.identity ?? sshd.identity, 'utf8'),
    'known-hosts': readFileSync(change.knownHosts ?? sshd.knownHosts, 'utf8'),
  });

  test('let in who has the key, and leave none behind', async () => {
    const end = await ends('NO_STAGING', 'smoke', host());
    expect(end.output).toContain('127.0.0.1');
    expect(() => readFileSync(join(end.state['folder'] ?? '', 'ssh-key'))).toThrow();
    expect(end.output.replaceAll(/^::add-mask::.*$/gm, '')).not.toContain('PRIVATE KEY');
  });

  test.each<[string, string, () => Record<string, string>]>([
    ['SSH_KEY_REFUSED', 'a key that is not let in', () => host({ identity: sshd.stranger })],
    ['HOST_KEY_REFUSED', 'a host with another key than it had', () => host({ knownHosts: sshd.changedHosts })],
  ])('%s: %s', async (reason, _what, inputs) => {
    await ends(reason, 'smoke', inputs());
  });
});

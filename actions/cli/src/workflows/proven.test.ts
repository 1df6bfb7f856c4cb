import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openGitHub, type GitHub } from '@papergate/delivery';
import { Secret } from '@papergate/config';
import { startGitHubFake, type FakeDeployment, type FakeRun, type GitHubFake } from '@papergate/delivery/github-fake';
import { RELEASE } from '@papergate/delivery/gate-testing';
import { baseline, imagesOf, proven } from './proven.ts';

const NAME = 'acme/trading';
const sha = (digit: string): string => digit.repeat(40);
const at = (hour: number): string => `2026-01-05T${String(hour).padStart(2, '0')}:00:00Z`;

let fake: GitHubFake | undefined;
let github: GitHub | undefined;
afterEach(async () => {
  await github?.close();
  await fake?.close();
  [fake, github] = [undefined, undefined];
});

interface Delivery {
  run: number;
  of: string;
  environment?: string;
  workflow?: string;
  artifacts?: Record<string, 'kept' | 'expired'>;
  states?: string[];
  isRunGone?: boolean;
  /** GitHub made it, for a job's `environment:`: it has no payload, and a status names the manifest. */
  isOfJob?: boolean;
}

/** GitHub after these deliveries, oldest first. */
async function after(...deliveries: Delivery[]): Promise<GitHub> {
  const deployments = deliveries.map(
    ({ run, of, environment = 'staging', states = ['success'], isOfJob = false }, index) => ({
      id: 100 + index,
      sha: sha(of),
      ref: 'main',
      task: 'deploy',
      environment,
      payload: isOfJob
        ? ''
        : {
            schema: 1,
            manifest_digest: `sha256:${of.repeat(64)}`,
            images: { a: `ghcr.io/a@sha256:${of}` },
            run_id: run,
          },
      description: '',
      creator: 'github-actions[bot]',
      created_at: at(index),
      production_environment: false,
      transient_environment: false,
      statuses: states.map((state, number) => ({
        id: index * 10 + number,
        state,
        description: isOfJob ? `manifest sha256:${of.repeat(64)} delivered` : '',
        environment_url: '',
        log_url: `https://github.com/${NAME}/actions/runs/${run}/job/1`,
        creator: 'github-actions[bot]',
        created_at: at(index),
      })),
    }),
  ) satisfies FakeDeployment[];
  const runs = deliveries.flatMap(
    ({ run, of, workflow = 'deploy-staging', artifacts = {}, isRunGone = false }): FakeRun[] =>
      isRunGone
        ? []
        : [
            {
              id: run,
              path: `.github/workflows/${workflow}.yml`,
              event: 'workflow_dispatch',
              status: 'completed',
              conclusion: 'success',
              head_sha: sha(of),
              head_branch: 'main',
              actor: 'ana',
              created_at: at(1),
              artifacts: Object.entries(artifacts).map(([name, state], index) => ({
                id: run * 10 + index,
                name,
                size_in_bytes: 1,
                expired: state === 'expired',
                created_at: at(1),
                expires_at: '2099-01-05T12:00:00Z',
              })),
              approvals: [],
              pending: [],
            },
          ],
  );
  const commits = Object.fromEntries(
    ['a', 'b', 'c'].map((of) => [sha(of), { parents: [], message: of, author: 'ana', date: at(0) }]),
  );
  fake = await startGitHubFake({
    state: { users: { ana: { id: 1 } }, repositories: { [NAME]: { commits, deployments, runs } } },
  });
  github = openGitHub({ apiUrl: fake.url, token: new Secret('token-of-a-test'), repository: NAME });
  return github;
}

describe('the proof of a commit', () => {
  const find = async (...deliveries: Delivery[]) => proven(await after(...deliveries), WANTED);
  const WANTED = { sha: sha('a'), environment: 'staging' };
  const EVIDENCE = `evidence-${sha('a')}`;
  const kept = { [EVIDENCE]: 'kept' as const };

  test('lies with the newest run that delivered it and has kept its evidence', async () => {
    const expected = { runId: 2, artifact: EVIDENCE };
    const good = [
      { run: 1, of: 'a', artifacts: kept },
      { run: 2, of: 'a', artifacts: kept, workflow: 'ci' },
      { run: 3, of: 'b', artifacts: { [`evidence-${sha('b')}`]: 'kept' as const } },
    ];
    expect(await find(...good)).toEqual(expected);
  });

  test.each<[string, Partial<Delivery>]>([
    ['was a rollback, which loads nothing', { workflow: 'rollback', artifacts: kept }],
    ['left none', {}],
    ['has lost its own', { artifacts: { [EVIDENCE]: 'expired' } }],
    ['is gone', { isRunGone: true }],
  ])('lies with the run before where the newest %s', async (_title, newest) => {
    expect(await find({ run: 1, of: 'a', artifacts: kept }, { run: 2, of: 'a', ...newest })).toEqual({
      runId: 1,
      artifact: EVIDENCE,
    });
  });

  test('lies with a run whose deployment is the one that GitHub made for its job', async () => {
    const made = { of: 'a', isOfJob: true, artifacts: kept };
    expect(await find({ ...made, run: 5 }, { ...made, run: 6, states: ['in_progress', 'failure'] })).toEqual({
      runId: 5,
      artifact: EVIDENCE,
    });
  });

  test('is nowhere where it was never delivered, or nothing of it is kept', async () => {
    const never = { code: 'NOT_PROVEN', message: expect.stringContaining('no record') };
    await expect(find({ run: 1, of: 'b' })).rejects.toMatchObject(never);
    await github?.close();
    await fake?.close();
    const lost = { code: 'NOT_PROVEN', message: expect.stringContaining('none has left') };
    await expect(find({ run: 1, of: 'a' })).rejects.toMatchObject(lost);
  });
});

describe('what a release is compared with', () => {
  const compared = async (...deliveries: Delivery[]) => {
    const to = deliveries.map((one) => ({ environment: 'production', workflow: 'deploy-production', ...one }));
    return baseline(await after(...to), { environment: 'production' });
  };
  const gate = (of: string) => ({ [`gate-${sha(of)}`]: 'kept' as const });

  test('is what the last good one passed with', async () => {
    expect(await compared()).toBeUndefined();
    await github?.close();
    await fake?.close();
    const failed: Delivery = { run: 3, of: 'c', artifacts: gate('c'), states: ['in_progress', 'failure'] };
    expect(
      await compared({ run: 1, of: 'a', artifacts: gate('a') }, { run: 2, of: 'b', artifacts: gate('b') }, failed),
    ).toEqual({ runId: 2, artifact: `gate-${sha('b')}` });
  });

  test('is found where a rollback brought it back', async () => {
    const before: Delivery[] = [
      { run: 1, of: 'a', artifacts: gate('a'), states: ['success', 'inactive'] },
      { run: 2, of: 'b', artifacts: gate('b'), states: ['success', 'inactive'] },
    ];
    const back: Delivery = { run: 3, of: 'a', workflow: 'rollback' };
    expect(await compared(...before, back)).toEqual({ runId: 1, artifact: `gate-${sha('a')}` });
  });

  test('is nothing where it is no longer kept', async () => {
    expect(await compared({ run: 1, of: 'a', artifacts: { [`gate-${sha('a')}`]: 'expired' } })).toBeUndefined();
  });
});

describe('the images of a release', () => {
  let folder = '';
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'papergate-images-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  test('are named by digest in the manifest of its evidence', () => {
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify(RELEASE));
    const images = imagesOf(folder);
    expect(images).toHaveLength(3);
    expect(images).toContain(`ghcr.io/acme/execution-engine@${RELEASE.images?.['execution-engine']?.digest}`);
  });

  test('are none where nothing was downloaded; a manifest that was changed is none', () => {
    expect(imagesOf(folder)).toEqual([]);
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ ...RELEASE, images: {} }));
    expect(() => imagesOf(folder)).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }));
  });
});

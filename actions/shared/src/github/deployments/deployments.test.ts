import { afterEach, describe, expect, test } from '@jest/globals';
import { finishJob, startJob, type FakeRepository } from '../fake/index.ts';
import type { GitHub } from '../types.ts';
import { at, digest, NOW, openPair, REPOSITORY, sha, type Pair } from '../testing.ts';

let pair: Pair | undefined;
afterEach(async () => {
  const open = pair;
  pair = undefined;
  await open?.close();
});
async function open(change: Partial<FakeRepository> = {}): Promise<Pair> {
  pair = await openPair(change);
  return pair;
}

const CREATE = 'POST /repos/{owner}/{repo}/deployments';
const LIST = 'GET /repos/{owner}/{repo}/deployments';
const SET = 'POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses';

const wanted = (digit = 'c', runId = 11, environment = 'staging') => ({
  sha: sha(digit),
  environment,
  payload: { manifest_digest: digest(digit), images: { 'market-data': digest('1') }, run_id: runId },
});
const records = ({ fake }: Pair) => fake.state.repositories[REPOSITORY]?.deployments ?? [];
const job = (runId = 11, jobId = 1, digit = 'c', environment = 'staging') => ({
  repository: REPOSITORY,
  runId,
  jobId,
  environment,
  sha: sha(digit),
  now: at(0),
});

describe('a deployment that is recorded', () => {
  test('holds the digests, the run and the evidence, asks for no merge and no checks, and is read back as it was', async () => {
    const { github, fake } = await open();
    const payload = { ...wanted().payload, evidence_url: 'https://github.com/acme/trading/actions/runs/11' };
    const { id } = await github.createDeployment({ ...wanted(), payload });
    expect(fake.requests.at(-1)?.body).toMatchObject({ ref: sha('c'), auto_merge: false, required_contexts: [] });
    expect(await github.deployment(id)).toMatchObject({
      sha: sha('c'),
      environment: 'staging',
      task: 'deploy',
      state: 'none',
      payload: { schema: 1, ...payload },
      manifestDigest: digest('c'),
      runId: 11,
      by: 'github-actions[bot]',
    });
  });

  test('is read also where GitHub hands its payload out as text', async () => {
    const { github } = await open();
    const { id } = await github.createDeployment(wanted());
    const [record] = records(pair as Pair);
    if (record !== undefined) record.payload = JSON.stringify(record.payload);
    expect(await github.deployment(id)).toMatchObject({ manifestDigest: digest('c'), runId: 11 });
  });

  test.each([
    ['nothing', ''],
    ['text that is no JSON', '{'],
    ['somebody else’s', { schema: 1, manifest_digest: 'latest', images: {}, run_id: 1 }],
  ])('with a payload that is %s names no manifest', async (_, payload) => {
    const { github } = await open();
    const { id } = await github.createDeployment(wanted());
    const [record] = records(pair as Pair);
    if (record !== undefined) record.payload = payload;
    expect(await github.deployment(id)).toMatchObject({ payload: null, manifestDigest: null });
  });

  test('is made once, although the answer gets lost', async () => {
    const { github, fake } = await open();
    fake.fault({ kind: 'answer-lost', route: CREATE });
    const made = await github.createDeployment(wanted());
    expect(records(pair as Pair)).toHaveLength(1);
    expect(made.id).toBe(records(pair as Pair)[0]?.id);
  });

  test('is made once, although the answer gets lost and what was made shows only later', async () => {
    const { github, fake } = await open();
    fake.fault({ kind: 'half', route: CREATE });
    fake.fault({ kind: 'html', route: LIST });
    await github.createDeployment(wanted());
    expect(records(pair as Pair)).toHaveLength(1);
  });

  test('is made after all where the request got lost, and is not taken for one that another run made of the same commit', async () => {
    const { github, fake } = await open();
    await github.createDeployment(wanted('c', 10));
    fake.fault({ kind: 'cut', route: CREATE });
    const made = await github.createDeployment(wanted());
    expect(records(pair as Pair)).toHaveLength(2);
    expect(made.runId).toBe(11);
  });

  test('is given up where every answer is lost, and says that it is not known', async () => {
    const { github, fake } = await open();
    fake.fault({ kind: 'cut', route: CREATE, times: 3 });
    await expect(github.createDeployment(wanted())).rejects.toMatchObject({
      code: 'GITHUB_UNREACHABLE',
      exitCode: 3,
      message: expect.stringContaining('(tried 3 times)'),
    });
    expect(records(pair as Pair)).toEqual([]);
  });

  test('waits for a limit in the middle and goes on', async () => {
    const { github, fake, clock } = await open();
    await github.createDeployment(wanted());
    fake.fault({ kind: 'secondary-limit', route: SET, retryAfter: 30 });
    const [record] = records(pair as Pair);
    await github.setStatus(record?.id ?? 0, { state: 'success' });
    expect(clock.slept).toEqual([30_000]);
    expect(record?.statuses).toHaveLength(1);
  });

  test('is refused where a branch is given in place of a commit', async () => {
    const { github, fake } = await open();
    await expect(github.createDeployment({ ...wanted(), sha: 'main' })).rejects.toMatchObject({
      code: 'COMMIT_INVALID',
    });
    expect(fake.requests).toEqual([]);
  });

  test.each([3, 20])('by %p at the same time is made once for each', async (count) => {
    const { github, fake } = await open();
    for (let index = 0; index < count; index += 2) fake.fault({ kind: 'answer-lost', route: CREATE, after: index % 3 });
    const made = await Promise.all(
      Array.from({ length: count }, (_, index) => github.createDeployment(wanted('c', index))),
    );
    expect(records(pair as Pair)).toHaveLength(count);
    expect(new Set(made.map(({ id }) => id)).size).toBe(count);
    expect(made.map(({ runId }) => runId)).toEqual(Array.from({ length: count }, (_, index) => index));
  });
});

describe('a status', () => {
  test('names the environment’s address, the log and the manifest', async () => {
    const { github } = await open();
    const { id } = await github.createDeployment(wanted());
    const given = {
      environmentUrl: 'https://staging.example.com',
      logUrl: 'https://github.com/acme/trading/actions/runs/11',
    };
    const status = await github.setStatus(id, {
      state: 'success',
      description: 'all well',
      manifestDigest: digest('c'),
      ...given,
    });
    expect(status).toMatchObject({ state: 'success', description: `manifest ${digest('c')} all well`, ...given });
  });

  test('keeps the digest whole where the words are too many', async () => {
    const { github } = await open();
    const { id } = await github.createDeployment(wanted());
    const { description } = await github.setStatus(id, {
      state: 'success',
      description: 'x'.repeat(300),
      manifestDigest: digest('c'),
    });
    expect(description).toHaveLength(140);
    expect(description).toContain(digest('c'));
  });

  test('is written once, although the answer gets lost', async () => {
    const { github, fake } = await open();
    const { id } = await github.createDeployment(wanted());
    fake.fault({ kind: 'answer-lost', route: SET });
    expect(await github.setStatus(id, { state: 'in_progress' })).toMatchObject({ state: 'in_progress' });
    expect(records(pair as Pair)[0]?.statuses).toHaveLength(1);
  });

  test('is written again where it is not the newest: the same words of an earlier try do not count', async () => {
    const { github, fake } = await open();
    const { id } = await github.createDeployment(wanted());
    await github.setStatus(id, { state: 'in_progress' });
    await github.setStatus(id, { state: 'failure' });
    fake.fault({ kind: 'cut', route: SET });
    await github.setStatus(id, { state: 'in_progress' });
    expect(records(pair as Pair)[0]?.statuses.map(({ state }) => state)).toEqual([
      'in_progress',
      'failure',
      'in_progress',
    ]);
  });

  test('that GitHub refuses is an error with GitHub’s words', async () => {
    const { github, fake } = await open();
    const { id } = await github.createDeployment(wanted());
    fake.fault({ kind: 'status', status: 422, route: SET });
    await expect(github.setStatus(id, { state: 'success' })).rejects.toMatchObject({
      code: 'GITHUB_REFUSED',
      message: expect.stringContaining('Validation Failed'),
    });
  });

  test('of a deployment that is gone is an error', async () => {
    const { github } = await open();
    await expect(github.setStatus(1, { state: 'success' })).rejects.toMatchObject({ code: 'GITHUB_NOT_FOUND' });
  });
});

describe('the deployment that a job’s environment makes', () => {
  test('is used, and none is made beside it', async () => {
    const { github, fake } = await open();
    const ofJob = startJob(fake, job());
    const { deployment, isOfJob } = await github.openDeployment(wanted());
    expect([deployment.id, isOfJob]).toEqual([ofJob.id, true]);
    expect(records(pair as Pair)).toHaveLength(1);
  });

  test('names its manifest by a status, also after GitHub’s own last one', async () => {
    const { github, fake } = await open();
    const ofJob = startJob(fake, job());
    await github.setStatus(ofJob.id, { state: 'in_progress', manifestDigest: digest('c') });
    finishJob(fake, job(), ofJob, 'success');
    expect(await github.deployment(ofJob.id)).toMatchObject({
      state: 'success',
      manifestDigest: digest('c'),
      runId: 11,
    });
  });

  test('of another run, another environment or another commit is not taken', async () => {
    const { github, fake } = await open();
    startJob(fake, job(1));
    startJob(fake, job(111));
    startJob(fake, job(11, 1, 'c', 'production'));
    startJob(fake, job(11, 1, 'b'));
    expect(await github.ownDeployment({ runId: 11, environment: 'staging', sha: sha('c') })).toBeUndefined();
    expect((await github.openDeployment(wanted())).isOfJob).toBe(false);
  });

  test('of a run at another commit than the one that is delivered stays beside the record, which counts', async () => {
    const { github, fake } = await open();
    const ofJob = startJob(fake, job(11, 1, 'd'));
    const { deployment, isOfJob } = await github.openDeployment(wanted());
    expect(isOfJob).toBe(false);
    await github.setStatus(deployment.id, { state: 'success', manifestDigest: digest('c') });
    await github.deactivateOlder({ environment: 'staging', keep: deployment.id });
    finishJob(fake, job(11, 1, 'd'), ofJob, 'success');
    const current = await github.currentDeployment('staging');
    expect([current?.deployment.sha, current?.deployment.manifestDigest, current?.isActive]).toEqual([
      sha('c'),
      digest('c'),
      true,
    ]);
    expect((await github.lastGood({ environment: 'staging' }))?.id).toBe(deployment.id);
  });

  test('is not one that was made here, in the same run', async () => {
    const { github } = await open();
    const { deployment } = await github.openDeployment(wanted());
    const logUrl = 'https://github.com/acme/trading/actions/runs/11/job/1';
    await github.setStatus(deployment.id, { state: 'in_progress', logUrl });
    expect(await github.ownDeployment({ runId: 11, environment: 'staging' })).toBeUndefined();
  });

  test('of another job of the run is not taken where the job is known', async () => {
    const { github, fake } = await open();
    const first = startJob(fake, job(11, 1));
    startJob(fake, job(11, 2));
    const which = { runId: 11, environment: 'staging', sha: sha('c') };
    expect(await github.ownDeployment({ ...which, jobId: 1 })).toMatchObject({ id: first.id });
    expect(await github.ownDeployment({ ...which, jobId: 3 })).toBeUndefined();
  });
});

describe('older deployments', () => {
  test('of production go inactive too, those of the same run and the later ones stay', async () => {
    const { github } = await open();
    const ids: number[] = [];
    for (const [digit, runId] of [
      ['a', 9],
      ['b', 10],
      ['c', 11],
      ['c', 11],
      ['d', 12],
    ] as const) {
      const { id } = await github.createDeployment(wanted(digit, runId, 'production'));
      await github.setStatus(id, { state: 'success' });
      ids.push(id);
    }
    expect(await github.deactivateOlder({ environment: 'production', keep: ids[3] ?? 0 })).toEqual([ids[1], ids[0]]);
    const states = (await github.listDeployments({ environment: 'production' })).map(({ state }) => state);
    expect(states).toEqual(['success', 'success', 'success', 'inactive', 'inactive']);
  });

  test('that failed stay as they are, and a second call finds nothing to do', async () => {
    const { github } = await open();
    const failed = await github.createDeployment(wanted('a', 9));
    await github.setStatus(failed.id, { state: 'failure' });
    const good = await github.createDeployment(wanted('b', 10));
    await github.setStatus(good.id, { state: 'success' });
    const keep = await github.createDeployment(wanted('c', 11));
    expect(await github.deactivateOlder({ environment: 'staging', keep: keep.id })).toEqual([good.id]);
    expect(await github.deactivateOlder({ environment: 'staging', keep: keep.id })).toEqual([]);
  });

  test('go inactive by GitHub itself where that is asked for', async () => {
    const { github } = await open();
    const old = await github.createDeployment(wanted('b', 10));
    await github.setStatus(old.id, { state: 'success' });
    const { id } = await github.createDeployment(wanted('c', 11));
    await github.setStatus(id, { state: 'success', autoInactive: true });
    expect((await github.deployment(old.id)).state).toBe('inactive');
  });

  test('are found over several pages', async () => {
    const { github } = await open();
    for (let index = 0; index < 35; index++) await github.createDeployment(wanted('c', index));
    expect(await github.listDeployments({ environment: 'staging', max: 33 })).toHaveLength(33);
    expect(await github.listDeployments({ environment: 'production' })).toEqual([]);
    expect(await github.listDeployments({ environment: 'staging', sha: sha('b') })).toEqual([]);
  });
});

describe('what runs in an environment', () => {
  test('is nothing where no deployment names a manifest', async () => {
    const { github, fake } = await open();
    finishJob(fake, job(), startJob(fake, job()), 'success');
    expect(await github.currentDeployment('staging')).toBeUndefined();
  });

  test('is the last run that delivered a manifest, although its later jobs have set that deployment to inactive', async () => {
    const { github, fake } = await open();
    const deploys = startJob(fake, job(11, 1));
    await github.setStatus(deploys.id, { state: 'success', manifestDigest: digest('c') });
    finishJob(fake, job(11, 1), deploys, 'success');
    finishJob(fake, job(11, 2), startJob(fake, job(11, 2)), 'success');
    const current = await github.currentDeployment('staging');
    expect(current?.deployment).toMatchObject({ id: deploys.id, state: 'inactive', manifestDigest: digest('c') });
    expect(current?.isActive).toBe(true);
  });

  test.each([0, 6, 12, 40])(
    'is found behind %p later runs that delivered nothing, with few requests',
    async (later) => {
      const { github, fake } = await open();
      for (let index = 0; index < 70; index++) startJob(fake, job(100 + index));
      finishJob(fake, job(11, 1), startJob(fake, job(11, 1)), 'success');
      const { id } = await github.createDeployment(wanted());
      await github.setStatus(id, { state: 'failure' });
      for (let index = 0; index < later; index++)
        finishJob(fake, job(20 + index), startJob(fake, job(20 + index)), 'failure');
      fake.requests.splice(0);
      const current = await github.currentDeployment('staging');
      expect([current?.deployment.id, current?.isActive]).toEqual([id, true]);
      expect(fake.requests.length).toBeLessThan(later < 5 ? 12 : later < 20 ? 43 : 145);
    },
  );

  test('is not active once another run succeeded in production, where GitHub leaves the older ones as they are', async () => {
    const { github, fake } = await open();
    const { id } = await github.createDeployment(wanted('c', 11, 'production'));
    await github.setStatus(id, { state: 'success' });
    const other = job(12, 1, 'c', 'production');
    finishJob(fake, other, startJob(fake, other), 'success');
    const current = await github.currentDeployment('production');
    expect([current?.deployment.state, current?.isActive]).toEqual(['success', false]);
  });

  test('is not active once another run succeeded there, failed, or was set inactive', async () => {
    const { github, fake } = await open();
    const { id } = await github.createDeployment(wanted());
    expect((await github.currentDeployment('staging'))?.isActive).toBe(false);
    await github.setStatus(id, { state: 'success' });
    expect((await github.currentDeployment('staging'))?.isActive).toBe(true);
    finishJob(fake, job(12), startJob(fake, job(12)), 'failure');
    expect((await github.currentDeployment('staging'))?.isActive).toBe(true);
    finishJob(fake, job(13), startJob(fake, job(13)), 'success');
    expect((await github.currentDeployment('staging'))?.isActive).toBe(false);
  });
});

describe('the last good deployment', () => {
  const good = (github: GitHub, exceptRun?: number) =>
    github.lastGood({ environment: 'staging', ...(exceptRun === undefined ? {} : { exceptRun }) });

  test('is the newest that named a manifest and did not fail in the end', async () => {
    const { github, fake } = await open();
    expect(await good(github)).toBeUndefined();
    const first = await github.createDeployment(wanted('a', 11));
    await github.setStatus(first.id, { state: 'in_progress' });
    expect(await good(github)).toBeUndefined();
    await github.setStatus(first.id, { state: 'success' });
    expect((await good(github))?.id).toBe(first.id);
    // What failed after it had begun to run was taken back; what was never ours names nothing.
    const failed = await github.createDeployment(wanted('b', 12));
    for (const state of ['success', 'failure'] as const) await github.setStatus(failed.id, { state });
    finishJob(fake, job(13), startJob(fake, job(13)), 'success');
    expect((await good(github))?.id).toBe(first.id);
  });

  test('stays good when it is replaced, until the next one is, and is never one of the run that asks', async () => {
    const { github } = await open();
    const first = await github.createDeployment(wanted('a', 11));
    for (const state of ['success', 'inactive'] as const) await github.setStatus(first.id, { state });
    expect((await good(github))?.id).toBe(first.id);
    const second = await github.createDeployment(wanted('b', 12));
    await github.setStatus(second.id, { state: 'success' });
    expect((await good(github))?.id).toBe(second.id);
    expect((await good(github, 12))?.id).toBe(first.id);
  });

  test('is found behind many that were not', async () => {
    const { github } = await open();
    const first = await github.createDeployment(wanted('a', 11));
    await github.setStatus(first.id, { state: 'success' });
    for (let index = 0; index < 45; index++) await github.createDeployment(wanted('b', 20 + index));
    expect((await good(github))?.id).toBe(first.id);
  });
});

test('times are GitHub’s', async () => {
  const { github } = await open();
  expect((await github.createDeployment(wanted())).at).toBe(new Date(NOW).toISOString().replace('.000Z', 'Z'));
});

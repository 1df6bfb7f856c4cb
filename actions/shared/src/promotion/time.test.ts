import { describe, expect, test } from '@jest/globals';
import {
  ago,
  decideIn,
  deploymentOf,
  HOUR,
  makeManifest,
  makeWorld,
  NOW,
  RELEASE,
  RUN_ID,
  type World,
} from './testing/world.ts';
import type { FakeDeployment } from '../github/fake/index.ts';
import { BOT } from '../github/fake/index.ts';
import type { RuleName } from './types.ts';

const OTHER = makeManifest('b', '9');

/** What one rule says of a world, at a time in hours after {@link NOW}. */
async function said(world: World, name: RuleName, hours = 0): Promise<{ seen: string; codes: string[] }> {
  world.now = NOW + hours * HOUR;
  const found = (await decideIn(world)).rules.find((rule) => rule.name === name)!;
  return { seen: found.seen, codes: found.problems.map(({ code }) => code) };
}

const put = ({ repository }: World, ...deployments: FakeDeployment[]): void => {
  repository.deployments = [
    ...repository.deployments.filter(({ environment }) => environment === 'production'),
    ...deployments,
  ].toSorted((a, b) => a.id - b.id);
};

/** A deployment of the release that later ones put out of action, as GitHub does it. */
function putOut(deployment: FakeDeployment, hoursAgo: number): FakeDeployment {
  const last = deployment.statuses.at(-1)!;
  deployment.statuses.push({ ...last, id: last.id + 1, state: 'inactive', created_at: ago(hoursAgo), creator: BOT });
  return deployment;
}

describe('the soak', () => {
  test('is over after 48 hours to the second, by GitHub’s clock', async () => {
    const world = await makeWorld();
    put(world, deploymentOf(RELEASE, { id: 110, hoursAgo: 0 }));
    expect((await said(world, 'soak', 48 - 1 / 3600)).codes).toEqual(['SOAK_TOO_SHORT']);
    expect(await said(world, 'soak', 48)).toEqual({ seen: '48 h', codes: [] });
  });

  test('goes on where the same release is delivered again, by a re-run or another run', async () => {
    const world = await makeWorld();
    put(
      world,
      putOut(deploymentOf(RELEASE, { id: 110, hoursAgo: 60 }), 20),
      putOut(deploymentOf(RELEASE, { id: 111, hoursAgo: 20, run: 110 }), 3),
      deploymentOf(RELEASE, { id: 112, hoursAgo: 3 }),
    );
    expect(await said(world, 'soak')).toEqual({ seen: '60 h', codes: [] });
  });

  test('goes on where a second delivery of the same release failed', async () => {
    const world = await makeWorld();
    put(
      world,
      putOut(deploymentOf(RELEASE, { id: 110, hoursAgo: 60 }), 20),
      deploymentOf(RELEASE, { id: 111, hoursAgo: 20, state: 'failure' }),
      deploymentOf(RELEASE, { id: 112, hoursAgo: 19 }),
    );
    expect((await said(world, 'soak')).seen).toBe('60 h');
  });

  test('begins anew with a new digest, and when the old one comes back', async () => {
    const world = await makeWorld();
    put(
      world,
      putOut(deploymentOf(RELEASE, { id: 110, hoursAgo: 100 }), 30),
      putOut(deploymentOf(OTHER, { id: 111, hoursAgo: 30 }), 10),
      deploymentOf(RELEASE, { id: 112, hoursAgo: 10 }),
    );
    expect(await said(world, 'soak')).toEqual({ seen: '10 h', codes: ['SOAK_TOO_SHORT'] });
    expect((await said(world, 'soak', 38)).codes).toEqual([]);
  });

  test('begins anew where the same commit was built a second time to other images', async () => {
    const world = await makeWorld();
    const before = makeManifest('c', '9');
    put(
      world,
      putOut(deploymentOf(before, { id: 110, hoursAgo: 100 }), 12),
      deploymentOf(RELEASE, { id: 111, hoursAgo: 12 }),
    );
    expect(await said(world, 'soak')).toEqual({ seen: '12 h', codes: ['SOAK_TOO_SHORT'] });
  });

  test('is not touched by a deployment that never began', async () => {
    const world = await makeWorld();
    const waiting = deploymentOf(OTHER, { id: 111, hoursAgo: 20, state: 'none' });
    waiting.statuses[0]!.state = 'queued';
    put(world, deploymentOf(RELEASE, { id: 110, hoursAgo: 60 }), waiting);
    expect((await said(world, 'soak')).seen).toBe('60 h');
  });

  test('is not touched by a restore drill, whose job GitHub takes for a deployment of staging', async () => {
    const world = await makeWorld();
    const drill = deploymentOf(OTHER, { id: 111, hoursAgo: 5, run: 777, payload: false });
    put(world, putOut(deploymentOf(RELEASE, { id: 110, hoursAgo: 60 }), 5), drill);
    const run = { ...world.run, id: 777, path: '.github/workflows/scheduled.yml' };
    world.repository.runs = [...world.repository.runs, run];
    expect((await decideIn(world)).reasons).toEqual([]);
    run.path = '.github/workflows/other.yml';
    expect((await said(world, 'soak')).codes).toEqual(['SOAK_NOT_BEGUN']);
  });

  test.each([
    [
      'something else was tried before it',
      [deploymentOf(OTHER, { id: 111, hoursAgo: 6, state: 'failure', run: 779, payload: false })],
      'inactive',
    ],
    ['the release was found wanting', [], 'failure'],
  ])('a drill does not make a release active again where %s', async (_title, between, state) => {
    const world = await makeWorld();
    const release = putOut(deploymentOf(RELEASE, { id: 110, hoursAgo: 60 }), 5);
    release.statuses.at(-1)!.state = state;
    put(world, release, ...between, deploymentOf(OTHER, { id: 112, hoursAgo: 5, run: 777, payload: false }));
    world.repository.runs = [
      ...world.repository.runs,
      { ...world.run, id: 777, path: '.github/workflows/scheduled.yml' },
    ];
    expect((await said(world, 'staging-proof')).codes).toEqual(['STAGING_NOT_ACTIVE']);
  });

  test('takes a run that was deleted for one that could have delivered anything', async () => {
    const world = await makeWorld();
    put(
      world,
      putOut(deploymentOf(RELEASE, { id: 110, hoursAgo: 60 }), 5),
      deploymentOf(OTHER, { id: 111, hoursAgo: 5, run: 778, payload: false }),
    );
    expect((await said(world, 'soak')).codes).toEqual(['SOAK_NOT_BEGUN']);
  });

  test('counts where the job’s own deployment carries the digest in a status', async () => {
    const world = await makeWorld();
    const own = deploymentOf(RELEASE, { id: 110, hoursAgo: 50, payload: false });
    own.statuses[1]!.description = `manifest ${RELEASE.digest} delivered`;
    put(world, own, deploymentOf(OTHER, { id: 111, hoursAgo: 49, run: 110, payload: false }));
    expect(await said(world, 'soak')).toEqual({ seen: '50 h', codes: [] });
  });
});

describe('the wait timer', () => {
  test('is over 24 hours after the job began to wait, by GitHub’s clock', async () => {
    const world = await makeWorld();
    expect((await said(world, 'wait-timer', -1.3)).codes).toEqual(['WAIT_TIMER_TOO_SHORT']);
    expect((await said(world, 'wait-timer', -1.1)).codes).toEqual([]);
  });

  test('goes on through a re-run, whose job makes another deployment', async () => {
    const world = await makeWorld();
    world.repository.deployments = [
      ...world.repository.deployments,
      deploymentOf(RELEASE, {
        id: 130,
        hoursAgo: 1,
        environment: 'production',
        state: 'none',
        run: RUN_ID,
        payload: false,
      }),
    ];
    expect((await said(world, 'wait-timer')).codes).toEqual([]);
  });

  test('begins with the job: before it there is nothing to wait for', async () => {
    const world = await makeWorld();
    world.moment = 'before-approval';
    world.run.approvals = [];
    world.repository.deployments.pop();
    expect((await decideIn(world)).reasons).toEqual([]);
  });
});

describe('clocks', () => {
  test('of whoever runs the gate do not matter: a fortnight off changes nothing', async () => {
    const world = await makeWorld();
    const before = Date.now;
    Date.now = () => before() + 14 * 24 * HOUR;
    try {
      expect((await decideIn(world)).decision).toBe('pass');
    } finally {
      Date.now = before;
    }
  });

  test('of Prometheus may be off by seconds, and not by minutes', async () => {
    const world = await makeWorld();
    world.bundle.skew = 59_000;
    expect((await said(world, 'clock')).codes).toEqual([]);
    world.bundle.skew = 62_000;
    expect((await said(world, 'clock')).codes).toEqual(['CLOCKS_APART']);
  });
});

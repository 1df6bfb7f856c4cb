import { beforeEach, describe, expect, test } from '@jest/globals';
import type { DeliverOutcome, RollbackOptions, RollbackPlan } from './options.ts';
import { goodReleases } from './history.ts';
import { planRollback, renderRollbackPlan, rollback } from './rollback.ts';
import { takeDown } from './take-down.ts';
import { ORDER, simManifest } from './testing/bundle.ts';
import { demandSound, SimWorld } from './testing/world.ts';

const [one, two, three] = [
  simManifest(1),
  simManifest(2, { schema: '0002_more' }),
  simManifest(3, { schema: '0003_yet_more' }),
];
let world: SimWorld;
beforeEach(async () => {
  world = new SimWorld();
  await world.delivered(one);
  await world.delivered(two);
  world.bundle.database.rows = 9;
});

function back(sha: string, extra: Partial<RollbackOptions> = {}): Promise<DeliverOutcome> {
  const deployer = world.deployer();
  return world.time.run(rollback({ ...world.moving(deployer), sha, ...extra }, deployer.leaseWorld(world.deployers)));
}

function planned(sha: string, restoreDb?: string): Promise<RollbackPlan> {
  const { target, restore } = world.options(world.deployer());
  return world.time.run(planRollback({ target, sha, restoreDb, restore }));
}

describe('a rollback', () => {
  test('brings the images of before, by digest, on the schema and the data that are there', async () => {
    const outcome = await back(one.commit);
    expect(outcome).toMatchObject({ status: 'delivered', action: 'rollback', from: two, to: one, migrations: [] });
    expect(world.bundle.database).toEqual({ schema: '0002_more', rows: 9 });
    await demandSound(world, one);
    const good = await world.time.run(goodReleases(world.place(world.deployer())));
    expect(good.map(({ how, schema_version }) => [how, schema_version])).toEqual([
      ['rollback', '0002_more'],
      ['deploy', '0002_more'],
    ]);
  });

  test('is quick: no checkpoint, no migration, no pull of what is there', async () => {
    const deployer = world.deployer();
    const outcome = await world.time.run(
      rollback({ ...world.moving(deployer), sha: one.commit }, deployer.leaseWorld(world.deployers)),
    );
    expect(outcome.timings.map(({ step }) => step)).not.toEqual(expect.arrayContaining(['checkpoint']));
    expect(deployer.operations.filter((label) => /^(checkpoint|migrate)/.test(label))).toEqual([]);
  });

  test('and back again lands where it was', async () => {
    await back(one.commit);
    await back(two.commit);
    await demandSound(world, two);
  });

  test('takes the first seven digits of a commit, or a manifest’s digest', async () => {
    expect(await back(one.commit.slice(0, 7))).toMatchObject({ status: 'delivered' });
    expect(await back(two.digest)).toMatchObject({ status: 'delivered', to: two });
  });

  test.each([
    ['unknown', 'deadbeef'],
    ['too short', simManifest(1).commit.slice(0, 6)],
    ['no commit at all', 'main; rm -rf /'],
    ['empty', ''],
  ])('to what is %s is refused with a list of what there is, and nothing touched', async (_what, sha) => {
    await expect(back(sha)).rejects.toMatchObject({
      code: 'RELEASE_UNKNOWN',
      exitCode: 2,
      message: expect.stringContaining(two.commit.slice(0, 12)),
      fix: expect.stringContaining('papergate deploy --sha'),
    });
    await demandSound(world, two);
  });

  test('to what runs already touches nothing', async () => {
    expect(await back(two.commit)).toMatchObject({ status: 'unchanged' });
  });

  test('that fails ends where it began', async () => {
    world.break(one, { kind: 'dies', service: 'risk-manager' });
    expect(await back(one.commit)).toMatchObject({ status: 'undone', from: two });
    expect(world.bundle.database).toEqual({ schema: '0002_more', rows: 9 });
    await demandSound(world, two);
  });

  test('away from a release that was found wanting takes it off the good ones', async () => {
    await back(one.commit, { condemn: true });
    await demandSound(world, one);
    const good = await world.time.run(goodReleases(world.place(world.deployer())));
    expect(good.map(({ manifest }) => manifest.digest)).toEqual([one.digest]);
    await expect(back(two.commit)).rejects.toMatchObject({ code: 'RELEASE_UNKNOWN' });
  });
});

describe('a rollback with the database', () => {
  test('takes a new checkpoint, goes back to the old one, and brings the schema to what the release needs', async () => {
    await world.delivered(three);
    world.bundle.database.rows = 20;
    // The checkpoint from before release two: its schema is older than what release two needs.
    const outcome = await back(two.commit, { restoreDb: 'cp-2' });
    expect(outcome).toMatchObject({ status: 'delivered', to: two, checkpoint: 'cp-4', migrations: ['0002_more'] });
    expect(world.bundle.database).toEqual({ schema: '0002_more', rows: 0 });
    expect(world.bundle.checkpoints.get('cp-4')).toMatchObject({ rows: 20 });
    await demandSound(world, two);
    const [good] = await world.time.run(goodReleases(world.place(world.deployer())));
    expect(good).toMatchObject({ schema_version: '0002_more' });
  });

  test('that fails afterwards puts the data back as they were', async () => {
    world.break(one, { kind: 'dies', service: 'orchestrator' });
    expect(await back(one.commit, { restoreDb: 'cp-2' })).toMatchObject({ status: 'undone' });
    expect(world.bundle.database).toEqual({ schema: '0002_more', rows: 9 });
    await demandSound(world, two);
  });

  test('to a checkpoint that is not there ends where it began', async () => {
    const outcome = await back(one.commit, { restoreDb: 'cp-77' });
    expect(outcome).toMatchObject({
      status: 'undone',
      diagnosis: { step: 'restore', message: expect.stringContaining('no checkpoint cp-77') },
    });
    await demandSound(world, two);
  });
});

describe('the plan of a rollback', () => {
  test('says which images change, that the schema stays and that no data are lost', async () => {
    const plan = await planned(one.commit);
    expect(plan).toMatchObject({
      from: two,
      schema: { database: '0002_more', release: '0001_init', stays: true },
      data: { lost: [] },
      nothingToDo: false,
    });
    expect(plan.services.map(({ service }) => service)).toEqual(ORDER);
    expect(plan.services.find(({ service }) => service === 'dashboard')?.change).toBe('same image');
    const text = renderRollbackPlan(plan);
    expect(text).toContain('data lost none');
    expect(text).toContain('stays at 0002_more');
    expect(text).toContain(`registry.sim/ns/orchestrator@${one.images?.['orchestrator']?.digest}`);
  });

  test('counts what a restore would lose, table by table', async () => {
    const plan = await planned(one.commit, 'cp-2');
    expect(plan.data).toMatchObject({ checkpoint: 'cp-2', lost: [{ table: 'orders', rows: 9 }] });
    expect(renderRollbackPlan(plan)).toContain('9 rows of orders');
  });

  test('changes nothing', async () => {
    const before = JSON.stringify([...world.disk.files]);
    await planned(one.commit, 'cp-2');
    expect(JSON.stringify([...world.disk.files])).toBe(before);
  });

  test('of what runs already says so', async () => {
    const plan = await planned(two.commit);
    expect(plan.nothingToDo).toBe(true);
    expect(renderRollbackPlan(plan)).toContain('is what the place is at');
  });
});

describe('taking a place down', () => {
  const down = (volumes: boolean): Promise<unknown> => {
    const deployer = world.deployer();
    return world.time.run(takeDown({ ...world.options(deployer), volumes }, deployer.leaseWorld(world.deployers)));
  };

  test('keeps the data and the releases that can be gone back to', async () => {
    await down(false);
    await demandSound(world, undefined);
    expect(world.bundle.database.rows).toBe(9);
    expect(await back(one.commit)).toMatchObject({ status: 'delivered', from: undefined });
    await demandSound(world, one);
  });

  test('with volumes takes the data too', async () => {
    await down(true);
    expect(world.bundle.database.rows).toBe(0);
    await demandSound(world, undefined);
  });

  test('is the way out where an undo does not succeed', async () => {
    world.break(two, { kind: 'will-not-stop', service: 'execution-engine' });
    await world.delivered(three);
    await down(false);
    await demandSound(world, undefined);
    world.break(two);
    await world.delivered(three);
    await demandSound(world, three);
  });
});

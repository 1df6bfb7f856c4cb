import { describe, expect, test } from '@jest/globals';
import { deliver } from './deliver.ts';
import { placeHolder } from './lease.ts';
import { rollback } from './rollback.ts';
import { holdPlace } from './session.ts';
import { simManifest } from './testing/bundle.ts';
import { demandSound, SimWorld } from './testing/world.ts';

const [one, two, three] = [simManifest(1), simManifest(2), simManifest(3)];

/** A place that is held over several calls of the engine, as a roll-out does. */
async function held() {
  const world = new SimWorld();
  await world.delivered(one);
  const [deployer, other] = [world.deployer(), world.deployer({ machine: 'b' })];
  const identity = deployer.leaseWorld(world.deployers);
  const lease = await world.time.run(holdPlace(world.options(deployer), identity));
  const moving = { ...world.moving(deployer), held: lease };
  const delivering = (next: typeof one) => world.time.run(deliver({ ...moving, next }, identity));
  const goingBack = () => world.time.run(rollback({ ...moving, sha: one.commit }, identity));
  const foreign = () =>
    world.time.run(deliver({ ...world.moving(other), next: three }, other.leaseWorld(world.deployers)));
  const holder = () => world.time.run(placeHolder(world.place(other), other.leaseWorld(world.deployers)));
  return { world, deployer, lease, delivering, goingBack, foreign, holder };
}

describe('a place that is held for several calls', () => {
  test('refuses everybody else between them, however long that takes, and is let go of once', async () => {
    const { world, lease, delivering, goingBack, foreign, holder } = await held();
    expect((await delivering(two)).status).toBe('delivered');
    await world.time.run(world.time.sleep(3_600_000));
    await expect(foreign()).rejects.toMatchObject({
      code: 'PLACE_TAKEN',
      fix: expect.stringContaining('stop it, which undoes what it has begun'),
    });
    const back = await goingBack();
    expect([back.status, back.generation]).toEqual(['delivered', lease.generation]);
    await demandSound(world, one);
    expect(await holder()).toBeDefined();
    await world.time.run(lease.release());
    expect((await foreign()).status).toBe('delivered');
  });

  test('gives each of two runs of one moment a name of its own', async () => {
    const { delivering, goingBack } = await held();
    const runs = [await delivering(two), await goingBack()].map(({ run }) => run);
    expect(new Set(runs).size).toBe(2);
  });

  test('is lost to whoever comes after its holder was dead, who then changes nothing any more', async () => {
    const { world, deployer, lease, delivering, foreign } = await held();
    deployer.sleepFor(3_600_000);
    await world.time.run(world.time.sleep(200_000));
    expect((await foreign()).status).toBe('delivered');
    deployer.wake();
    await expect(delivering(two)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect(lease.lost.reason).toMatchObject({ code: 'LEASE_LOST' });
    await demandSound(world, three);
  });
});

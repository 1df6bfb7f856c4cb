import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { leasePlace, placeHolder } from './lease.ts';
import { SimWorld } from './testing/world.ts';

const worldOf = (world: SimWorld, deployer: ReturnType<SimWorld['deployer']>) => ({
  clock: deployer.clock,
  ...deployer.leaseWorld(world.deployers),
});

async function codeOf(act: Promise<unknown>): Promise<string> {
  return act.then(
    () => 'taken',
    (error: { code: string }) => error.code,
  );
}

describe('the lease of a place', () => {
  test('is judged by the host’s clock: deployers whose clocks are ten minutes off refuse each other and wait alike', async () => {
    const world = new SimWorld();
    const [early, late] = [
      world.deployer({ machine: 'a', skew: -600_000 }),
      world.deployer({ machine: 'b', skew: 600_000 }),
    ];
    const held = await world.time.run(leasePlace(world.place(early), 'x', worldOf(world, early)));
    await world.time.run(world.time.sleep(300_000));
    expect(await world.time.run(codeOf(leasePlace(world.place(late), 'x', worldOf(world, late))))).toBe('PLACE_TAKEN');
    await world.time.run(held.release());
    const next = await world.time.run(leasePlace(world.place(late), 'x', worldOf(world, late)));
    expect(await world.time.run(codeOf(leasePlace(world.place(early), 'x', worldOf(world, early))))).toBe(
      'PLACE_TAKEN',
    );
    expect(next.generation).toBe(held.generation + 1);
  });

  test('says who holds it and since when, and nobody where nobody does', async () => {
    const world = new SimWorld();
    const deployer = world.deployer();
    const other = world.deployer({ machine: 'b' });
    expect(await world.time.run(placeHolder(world.place(other)))).toBeUndefined();
    const held = await world.time.run(leasePlace(world.place(deployer), 'x', worldOf(world, deployer)));
    const look = other.leaseWorld(world.deployers);
    expect(await world.time.run(placeHolder(world.place(other), look))).toMatchObject({
      pid: deployer.pid,
      since: 'then',
    });
    await world.time.run(held.release());
    expect(await world.time.run(placeHolder(world.place(other), look))).toBeUndefined();
  });

  test('of a dead deployer of this machine is taken at once', async () => {
    const world = new SimWorld();
    const dead = world.deployer();
    await world.time.run(leasePlace(world.place(dead), 'x', worldOf(world, dead)));
    dead.kill();
    const began = world.time.now;
    const next = world.deployer();
    await world.time.run(leasePlace(world.place(next), 'x', worldOf(world, next)));
    expect(world.time.now - began).toBeLessThan(1_000);
  });

  test('of a living deployer is not taken although the host’s clock jumps an hour ahead', async () => {
    const world = new SimWorld();
    const alive = world.deployer({ machine: 'a' });
    const held = await world.time.run(leasePlace(world.place(alive), 'x', worldOf(world, alive)));
    // The heartbeat of before the jump looks an hour old.
    for (const inode of world.disk.files.values()) inode.at -= 3_600_000;
    const next = world.deployer({ machine: 'b' });
    expect(await world.time.run(codeOf(leasePlace(world.place(next), 'x', worldOf(world, next))))).toBe('PLACE_TAKEN');
    await world.time.run(held.fence.assertHeld());
  });

  test('of a dead deployer is taken within 90 s although the host’s clock was set back an hour', async () => {
    const world = new SimWorld();
    const dead = world.deployer({ machine: 'a' });
    await world.time.run(leasePlace(world.place(dead), 'x', worldOf(world, dead)));
    dead.kill();
    for (const inode of world.disk.files.values()) inode.at += 3_600_000;
    const began = world.time.now;
    const next = world.deployer({ machine: 'b' });
    await world.time.run(leasePlace(world.place(next), 'x', worldOf(world, next)));
    expect(world.time.now - began).toBeLessThan(90_000);
  });

  test('that was lost is noticed by who held it: the fence refuses, naming the new holder, and the signal is given', async () => {
    const world = new SimWorld();
    const sleeper = world.deployer({ machine: 'a' });
    const held = await world.time.run(leasePlace(world.place(sleeper), 'x', worldOf(world, sleeper)));
    sleeper.sleepFor(200_000);
    await world.time.run(world.time.sleep(80_000));
    const next = world.deployer({ machine: 'b' });
    await world.time.run(leasePlace(world.place(next), 'x', worldOf(world, next)));
    await world.time.run(world.time.sleep(130_000));
    await expect(world.time.run(held.fence.assertHeld())).rejects.toMatchObject({
      code: 'LEASE_LOST',
      message: expect.stringContaining(`process ${next.pid} on b`),
    });
    expect(held.lost.aborted).toBe(true);
  });

  test('stays with one who wakes up and asks in the very moment in which another one takes it', async () => {
    const world = new SimWorld();
    const sleeper = world.deployer({ machine: 'a' });
    const held = await world.time.run(leasePlace(world.place(sleeper), 'x', worldOf(world, sleeper)));
    sleeper.sleepFor(200_000);
    await world.time.run(world.time.sleep(65_000));
    const next = world.deployer({ machine: 'b' });
    const place = world.place(next);
    const { files } = place.host;
    let told = 'nothing';
    const link = async (from: string, to: string): Promise<void> => {
      sleeper.wake();
      await held.fence.assertHeld();
      told = 'held';
      await files.link(from, to);
    };
    const late = { ...place, host: { ...place.host, files: { ...files, link } } };
    expect(await world.time.run(codeOf(leasePlace(late, 'x', worldOf(world, next))))).toBe('PLACE_TAKEN');
    expect(told).toBe('held');
    await world.time.run(held.fence.assertHeld());
  });

  test('property: however many fight for it, sleep and wake, of two that were told yes never both go on', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            at: fc.integer({ min: 1, max: 40 }),
            ms: fc.constantFrom(10_000, 60_500, 72_000, 72_500, 73_000, 90_000, 150_000),
            start: fc.integer({ min: 0, max: 200_000 }),
          }),
          { minLength: 2, maxLength: 5 },
        ),
        fc.integer(),
        async (plans, seed) => {
          const world = new SimWorld();
          let state = seed;
          const latency = (): number => {
            state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
            return (state >>> 16) % 40;
          };
          const acts: { generation: number; at: number }[] = [];
          const live = async ({ at, ms, start }: { at: number; ms: number; start: number }): Promise<void> => {
            await world.time.sleep(start);
            const deployer = world.deployer({ machine: `m${start}`, latency, fates: [{ at, kind: 'sleeps', ms }] });
            try {
              const lease = await leasePlace(world.place(deployer), 'x', worldOf(world, deployer));
              for (let round = 0; round < 6; round += 1) {
                await lease.fence.assertHeld();
                acts.push({ generation: lease.generation, at: world.time.now });
                await deployer.clock.sleep(4_000);
              }
              await lease.release();
            } catch (error) {
              if (!['PLACE_TAKEN', 'LEASE_LOST'].includes((error as { code?: string }).code ?? '')) throw error;
            }
          };
          await world.time.run(Promise.all(plans.map(live)));
          // Whoever acts has the highest generation that has acted so far.
          const generations = acts.map(({ generation }) => generation);
          expect(generations).toEqual([...generations].sort((a, b) => a - b));
        },
      ),
      { numRuns: 300 },
    );
  });
});

import { expect, test } from '@jest/globals';
import { PapergateError } from '@papergate/config';
import fc from 'fast-check';
import type { Manifest } from '../release/manifest.ts';
import { readHistory } from './history.ts';
import { recover } from './recover.ts';
import { rollback } from './rollback.ts';
import { takeDown } from './take-down.ts';
import { ORDER, simManifest, type Fault } from './testing/bundle.ts';
import type { Deployer, Fate } from './testing/deployer.ts';
import { demandSound, SimWorld } from './testing/world.ts';

const RELEASES = [1, 2, 3, 4].map((n) => simManifest(n, { schema: n > 2 ? '0002_more' : '0001_init' }));

const service = fc.constantFrom(...ORDER);
const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({
    kind: fc.constantFrom(
      'verify',
      'infrastructure',
      'prepare',
      'checkpoint',
      'mismatch',
      'migrate',
      'smoke',
      'prune' as const,
    ),
  }),
  fc.record({ kind: fc.constantFrom('start', 'dies', 'dies-later', 'restarts', 'wrong-image' as const), service }),
);

const fate: fc.Arbitrary<Fate> = fc.oneof(
  fc.record({
    at: fc.integer({ min: 1, max: 300 }),
    kind: fc.constant('killed' as const),
    when: fc.constantFrom('before', 'after', 'torn' as const),
  }),
  fc.record({
    at: fc.integer({ min: 1, max: 300 }),
    kind: fc.constant('sleeps' as const),
    // Around what a heartbeat, an expiry and a takeover take.
    ms: fc.constantFrom(3_000, 30_000, 61_000, 73_000, 80_000, 200_000),
  }),
);

interface Plan {
  act: 'deploy' | 'rollback' | 'down' | 'recover';
  release: number;
  fates: Fate[];
  /** Its own clock against the host's, ms. */
  skew: number;
  machine: string;
  /** After how long it begins, ms. */
  after: number;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  act: fc.constantFrom('deploy', 'deploy', 'deploy', 'rollback', 'down', 'recover' as const),
  release: fc.integer({ min: 0, max: RELEASES.length - 1 }),
  fates: fc.array(fate, { maxLength: 2 }),
  skew: fc.constantFrom(0, 600_000, -600_000),
  machine: fc.constantFrom('here', 'elsewhere', 'far'),
  after: fc.integer({ min: 0, max: 150_000 }),
});

const releaseOf = (index: number): Manifest => {
  const found = RELEASES[index];
  if (found === undefined) throw new Error('no such release');
  return found;
};

function carryOut(world: SimWorld, deployer: Deployer, { act, release }: Plan): Promise<unknown> {
  const others = deployer.leaseWorld(world.deployers);
  const next = releaseOf(release);
  if (act === 'deploy') return world.deliver(deployer, next);
  if (act === 'rollback') return rollback({ ...world.moving(deployer), sha: next.commit }, others);
  if (act === 'down') return takeDown({ ...world.options(deployer), volumes: false }, others);
  return recover(world.options(deployer), others);
}

/** One deployer's life: it may be refused, be killed or lose the place; anything else is a defect. */
async function live(world: SimWorld, step: Plan, latency: () => number): Promise<void> {
  await world.time.sleep(step.after);
  const deployer = world.deployer({ ...step, latency });
  try {
    await Promise.race([carryOut(world, deployer, step), deployer.died]);
  } catch (error) {
    const known = ['PLACE_TAKEN', 'LEASE_LOST', 'RELEASE_UNKNOWN', 'COMMIT_UNFINISHED'];
    if (!(error instanceof PapergateError && known.includes(error.code))) throw error;
  }
}

test('property: whatever fails, whoever is killed or sleeps, and however many deploy at once by whatever clock, in the end all is old or all is new', async () => {
  const seen = { takenOver: 0, killed: 0, delivered: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(plan, { minLength: 1, maxLength: 6 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fault), { maxLength: 3 }),
      fc.integer(),
      async (plans, faults, seed) => {
        const world = new SimWorld();
        for (const [release, broken] of faults) world.break(releaseOf(release), broken);
        let state = seed;
        // Latencies by a small generator of its own: a value drawn for each operation would drown the plan.
        const latency = (): number => {
          state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
          return (state >>> 16) % 30;
        };
        await world.time.run(Promise.all(plans.map((step) => live(world, step, latency))));
        seen.killed += world.deployers.filter(({ isDead }) => isDead).length;
        // All who are alive have ended. Whoever comes next, later than any lease holds, finds and leaves it sound.
        await world.time.run(world.time.sleep(100_000));
        const last = world.deployer();
        const outcome = await world.time.run(recover(world.options(last), last.leaseWorld(world.deployers)));
        expect(outcome.status).not.toBe('undo-failed');
        const history = await world.time.run(readHistory(world.place(world.deployer())));
        const current = RELEASES.find(({ digest }) => digest === history.current);
        await demandSound(world, current);
        seen.delivered += current === undefined ? 0 : 1;
        seen.takenOver += [...world.disk.files.keys()].filter((path) => /lease\/\d+\.released$/.test(path)).length;
        const good = await world.delivered(simManifest(9, { schema: '0002_more' }));
        expect(good.status).toBe('delivered');
      },
    ),
    { seed: 20_261_120, numRuns: 150, interruptAfterTimeLimit: 240_000 },
  );
  expect(seen.killed).toBeGreaterThan(20);
  expect(seen.delivered).toBeGreaterThan(20);
}, 300_000);

test('a deployer that lost the place while it slept changes nothing any more, wherever it fell asleep', async () => {
  const [one, two, three] = [releaseOf(0), releaseOf(1), releaseOf(2)];
  const start = new SimWorld();
  await start.delivered(one);
  const trial = start.copy();
  const counted = trial.deployer();
  await trial.time.run(trial.deliver(counted, two));
  const total = counted.operations.length;
  let lost = 0;
  for (let at = 12; at <= total; at += 3) {
    const world = start.copy();
    const sleeper = world.deployer({ machine: 'elsewhere', fates: [{ at, kind: 'sleeps', ms: 600_000 }] });
    const sleeping = world.deliver(sleeper, two).then(
      ({ status }) => status,
      (error: { code: string }) => error.code,
    );
    await world.time.run(world.time.sleep(100_000));
    const outcome = await world.delivered(three);
    expect(outcome.status).toBe('delivered');
    const before = JSON.stringify([...world.bundle.containers.values()]);
    const end = await world.time.run(sleeping);
    expect(JSON.stringify([...world.bundle.containers.values()])).toBe(before);
    await demandSound(world, three);
    if (end === 'LEASE_LOST') lost += 1;
    // It slept after the line that decides: what it had delivered was finished by the one who came.
    else expect([end, outcome.recovered?.status ?? 'finished']).toEqual(['delivered', 'finished']);
  }
  expect(lost).toBeGreaterThan(20);
});

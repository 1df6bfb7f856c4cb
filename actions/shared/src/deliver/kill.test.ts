import { describe, expect, jest, test } from '@jest/globals';
import type { Manifest } from '../release/manifest.ts';
import { verifyAudit } from './audit.ts';
import { committed, goodReleases, readHistory } from './history.ts';
import { parseJournal } from './journal.ts';
import type { RecoverOutcome } from './options.ts';
import { recover } from './recover.ts';
import { rollback } from './rollback.ts';
import { takeDown } from './take-down.ts';
import { simManifest } from './testing/bundle.ts';
import type { Deployer, Fate } from './testing/deployer.ts';
import { demandSound, SimWorld } from './testing/world.ts';

// Thousands of small worlds: seconds on a machine of its own, more on one that is shared.
jest.setTimeout(240_000);

const one = simManifest(1);
const two = simManifest(2, { schema: '0002_more' });
const three = simManifest(3, { schema: '0003_yet_more' });

type Act = (world: SimWorld, deployer: Deployer) => Promise<unknown>;
type Prepare = (world: SimWorld) => Promise<void>;

async function prepared(prepare: Prepare): Promise<SimWorld> {
  const world = new SimWorld();
  await prepare(world);
  return world;
}

/** Labels of the operations that an act takes when nothing happens to it. */
async function operationsOf(start: SimWorld, act: Act): Promise<string[]> {
  const world = start.copy();
  const deployer = world.deployer();
  await world.time.run(act(world, deployer));
  return deployer.operations;
}

function recovered(world: SimWorld, fates: readonly Fate[] = []): Promise<RecoverOutcome | 'killed'> {
  const deployer = world.deployer({ fates });
  return world.time.run(
    Promise.race([recover(world.options(deployer), deployer.leaseWorld(world.deployers)), deployer.died]),
  );
}

/** Which of these the place is at now, all of it: sound in every respect. */
async function soundlyAt(
  world: SimWorld,
  candidates: readonly (Manifest | undefined)[],
): Promise<Manifest | undefined> {
  const { current } = await world.time.run(readHistory(world.place(world.deployer())));
  const found = candidates.find((candidate) => (candidate?.digest ?? null) === current);
  await demandSound(world, found);
  return found;
}

/**
 * Kills an act before every operation (which is after the one before it) and in the middle of every line that it
 * writes, and lets the next call put it right.
 */
async function killEverywhere(
  prepare: Prepare,
  act: Act,
  candidates: readonly (Manifest | undefined)[],
  look: (world: SimWorld, at: Manifest | undefined, outcome: RecoverOutcome) => void | Promise<void> = () => {},
  /** The operation from which on it differs from what another test kills. */
  since = '',
): Promise<Map<string, number>> {
  const ends = new Map<string, number>();
  const start = await prepared(prepare);
  const operations = await operationsOf(start, act);
  const first = operations.findIndex((operation) => operation.startsWith(since));
  for (const [index, operation] of operations.entries()) {
    if (index < first) continue;
    const at = index + 1;
    for (const when of operation.startsWith('append') ? (['before', 'torn'] as const) : (['before'] as const)) {
      const world = start.copy();
      const deployer = world.deployer({ fates: [{ at, kind: 'killed', when }] });
      const how = await world.time.run(Promise.race([act(world, deployer), deployer.died]));
      expect(how).toBe('killed');
      const label = `killed ${when} operation ${at} of ${operations.length} (${operation})`;
      try {
        const outcome = await recovered(world);
        if (outcome === 'killed') throw new Error('the one who puts it right was not to be killed');
        const found = await soundlyAt(world, candidates);
        await look(world, found, outcome);
        const end = found?.commit.slice(0, 7) ?? 'nothing';
        ends.set(end, (ends.get(end) ?? 0) + 1);
      } catch (error) {
        throw new Error(label, { cause: error });
      }
    }
  }
  return ends;
}

function wasCommitted(world: SimWorld, { digest }: Manifest): boolean {
  const entries = parseJournal(world.disk.text('/place/journal.jsonl') ?? '');
  return entries.some((entry) => entry.step === 'commit' && committed(entry)?.manifest.digest === digest);
}

const withOne: Prepare = async (world) => {
  await world.delivered(one);
};
const withTwo: Prepare = async (world) => {
  await world.delivered(one);
  await world.delivered(two);
};

describe('a deployer that is killed', () => {
  test('at any operation of a deploy leaves what the next call makes all old or all new', async () => {
    const ends = await killEverywhere(
      withOne,
      (world, deployer) => world.deliver(deployer, two),
      [one, two],
      (world, at) => {
        // Cut off before the line of the commit: undone. After it: finished.
        expect(at).toBe(wasCommitted(world, two) ? two : one);
      },
    );
    expect(ends.get(one.commit.slice(0, 7))).toBeGreaterThan(100);
    expect(ends.get(two.commit.slice(0, 7))).toBeGreaterThan(10);
  });

  test('at any operation of the first deploy leaves all of it or nothing', async () => {
    await killEverywhere(
      () => Promise.resolve(),
      (world, deployer) => world.deliver(deployer, one),
      [undefined, one],
    );
  });

  test('at any operation of a deploy that fails and is being undone leaves all old', async () => {
    await killEverywhere(
      async (world) => {
        await withOne(world);
        world.break(two, { kind: 'dies', service: 'orchestrator' });
      },
      (world, deployer) => world.deliver(deployer, two),
      [one],
      () => {},
      'start orchestrator',
    );
  });

  test('at any operation of a rollback leaves all old or all new, and the data', async () => {
    await killEverywhere(
      async (world) => {
        await withTwo(world);
        world.bundle.database.rows = 7;
      },
      (world, deployer) =>
        rollback({ ...world.moving(deployer), sha: one.commit.slice(0, 7) }, deployer.leaseWorld(world.deployers)),
      [one, two],
      (world) => expect(world.bundle.database).toEqual({ schema: '0002_more', rows: 7 }),
    );
  });

  test('at any operation of a rollback with the database leaves the data that belong to the release', async () => {
    await killEverywhere(
      async (world) => {
        await withTwo(world);
        world.bundle.database.rows = 7;
      },
      (world, deployer) =>
        rollback(
          { ...world.moving(deployer), sha: one.commit, restoreDb: 'cp-2' },
          deployer.leaseWorld(world.deployers),
        ),
      [one, two],
      (world, at) =>
        expect(world.bundle.database).toEqual(
          at === one ? { schema: '0001_init', rows: 0 } : { schema: '0002_more', rows: 7 },
        ),
      'restore plan',
    );
  });

  test('at any operation of taking a place down leaves it up or down, and its data unless they were to go', async () => {
    for (const volumes of [false, true]) {
      await killEverywhere(
        async (world) => {
          await withOne(world);
          world.bundle.database.rows = 7;
        },
        (world, deployer) => takeDown({ ...world.options(deployer), volumes }, deployer.leaseWorld(world.deployers)),
        [one, undefined],
        (world) => {
          if (!volumes) expect(world.bundle.database.rows).toBe(7);
        },
      );
    }
  });

  test('and whose successors are killed too, again and again, is put right by the one who is not', async () => {
    const start = await prepared(withOne);
    const { length } = await operationsOf(start, (world, deployer) => world.deliver(deployer, two));
    for (let at = 8; at <= length; at += 7) {
      const world = start.copy();
      const deployer = world.deployer({ fates: [{ at, kind: 'killed', when: 'after' }] });
      await world.time.run(Promise.race([world.deliver(deployer, two), deployer.died]));
      for (let round = 0; round < 12; round += 1) {
        await recovered(world, [{ at: 9 + round * 11, kind: 'killed', when: round % 2 === 0 ? 'before' : 'torn' }]);
      }
      await recovered(world);
      await soundlyAt(world, [one, two]);
    }
  });

  test('is on record with who had begun it, and what came of it', async () => {
    const world = await prepared(withOne);
    const deployer = world.deployer();
    world.time.at(world.time.now + 900, () => deployer.kill());
    await world.time.run(Promise.race([world.deliver(deployer, two), deployer.died]));
    const outcome = await recovered(world);
    expect(outcome).toMatchObject({
      status: 'undone',
      action: 'deploy',
      by: { user: 'ada', host: 'here' },
      from: one,
      to: two,
    });
    const place = world.place(world.deployer());
    expect(await world.time.run(verifyAudit(place))).toMatchObject({ ok: true, entries: 2 });
    const again = await recovered(world);
    expect(again).toMatchObject({ status: 'nothing' });
  });

  test('on another machine is taken over within 90 s, and never while it lives', async () => {
    const world = await prepared(withOne);
    const far = world.deployer({ machine: 'elsewhere' });
    world.time.at(world.time.now + 900, () => far.kill());
    await world.time.run(Promise.race([world.deliver(far, two), far.died]));
    const died = world.time.now;
    let outcome: unknown;
    while (outcome === undefined) {
      outcome = await recovered(world).catch((error: { code: string }) => {
        expect(error.code).toBe('PLACE_TAKEN');
        return undefined;
      });
      if (outcome === undefined) await world.time.run(world.time.sleep(1_000));
    }
    expect(outcome).toMatchObject({ status: 'undone' });
    expect(world.time.now - died).toBeLessThan(90_000);
    expect(world.time.now - died).toBeGreaterThan(60_000);
    await demandSound(world, one);
  });
});

test('what was delivered counts also where the file of it was written over by a deployer that had slept', async () => {
  const world = await prepared(withTwo);
  const old = world.disk.files.get('/place/history.json');
  await world.delivered(three);
  if (old !== undefined) world.disk.files.set('/place/history.json', old);
  const good = await world.time.run(goodReleases(world.place(world.deployer())));
  expect(good.map(({ manifest }) => manifest.digest)).toEqual([three, two, one].map(({ digest }) => digest));
});

test('somebody who removes the folder of the lease removes no record with it', async () => {
  const world = await prepared(withTwo);
  for (const path of world.disk.files.keys()) if (path.startsWith('/place/lease/')) world.disk.files.delete(path);
  const outcome = await world.delivered(three);
  expect(outcome).toMatchObject({ status: 'delivered', from: two, generation: 3 });
  await demandSound(world, three);
});

test('a commit that a sleeper writes down while another one is about to undo it does not count', async () => {
  const start = await prepared(withOne);
  const operations = await operationsOf(start, (world, deployer) => world.deliver(deployer, two));
  // The audit log is first touched by the commit: the line before it in the journal is the one that decides.
  const at = operations.lastIndexOf('append /place/journal.jsonl', operations.indexOf('append /place/audit.jsonl')) + 1;
  const world = start.copy();
  const sleeper = world.deployer({ machine: 'elsewhere', fates: [{ at, kind: 'sleeps', ms: 600_000 }] });
  const sleeping = world.deliver(sleeper, two).catch((error: { code: string }) => error.code);
  await world.time.run(world.time.sleep(100_000));

  const next = world.deployer();
  const options = world.options(next);
  const { place } = options.target;
  const { files } = place.host;
  let reads = 0;
  const read = async (path: string): Promise<string | undefined> => {
    const text = await files.read(path);
    // The first look is for the generations; the second is the one that recovery goes by.
    if (path === '/place/journal.jsonl' && ++reads === 2) {
      sleeper.wake();
      await world.time.sleep(10);
    }
    return text;
  };
  const target = { ...options.target, place: { ...place, host: { ...place.host, files: { ...files, read } } } };
  const outcome = await world.time.run(recover({ ...options, target }, next.leaseWorld(world.deployers)));
  expect(outcome).toMatchObject({ status: 'undone' });
  expect(await world.time.run(sleeping)).toBe('LEASE_LOST');
  expect(wasWritten(world, two)).toBe(true);
  await demandSound(world, one);
});

/** Whether the line of the commit is in the file at all, counted or not. */
const wasWritten = (world: SimWorld, { digest }: Manifest): boolean =>
  (world.disk.text('/place/journal.jsonl') ?? '')
    .split('\n')
    .some((line) => line.includes('"step":"commit","state":"begin"') && line.includes(digest));

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ExternalError } from '@papergate/config';
import fc from 'fast-check';
import { acquireLease, leaseHolder, type Holder, type Lease, type LeaseFiles } from './index.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-lease-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const holder = (pid: number): Holder => ({
  pid,
  started: `start-${pid}`,
  host: 'here',
  command: `run ${pid}`,
  since: 'then',
});

interface World {
  now: number;
  dead: Set<number>;
}

function acquireIn(world: World, pid: number, extra: Partial<Parameters<typeof acquireLease>[0]> = {}): Promise<Lease> {
  return acquireLease({
    dir,
    command: `run ${pid}`,
    expiryMs: 60_000,
    heartbeatMs: 1e9,
    now: () => world.now,
    isAlive: (found) => !world.dead.has(found.pid),
    self: () => holder(pid),
    ...extra,
  });
}

const world = (): World => ({ now: 1_000_000_000_000, dead: new Set() });

describe('lease', () => {
  test('is taken once; the second one is told who holds it, since when and what to do', async () => {
    const here = world();
    await acquireIn(here, 1);
    const refused = acquireIn(here, 2);
    await expect(refused).rejects.toBeInstanceOf(ExternalError);
    await expect(refused).rejects.toMatchObject({
      code: 'PLACE_TAKEN',
      exitCode: 3,
      message: 'this place is held by process 1 on here (run 1) since then',
      fix: expect.stringContaining('papergate stop'),
    });
  });

  test('is free again after its release', async () => {
    const here = world();
    const first = await acquireIn(here, 1);
    await first.release();
    expect(await leaseHolder({ dir, now: () => here.now, isAlive: () => true })).toBeUndefined();
    const second = await acquireIn(here, 2);
    expect(second.generation).toBeGreaterThan(first.generation);
    expect(await first.isHeld()).toBe(false);
    expect(await second.isHeld()).toBe(true);
  });

  test('of a process that is gone is taken over', async () => {
    const here = world();
    await acquireIn(here, 1);
    here.dead.add(1);
    await expect(acquireIn(here, 2)).resolves.toBeDefined();
  });

  test('without a heartbeat is taken over after its expiry and not before; the sleeper learns that it lost', async () => {
    const here = world();
    const sleeper = await acquireIn(here, 1);
    here.now += 59_000;
    await expect(acquireIn(here, 2)).rejects.toMatchObject({ code: 'PLACE_TAKEN' });
    here.now += 2_000;
    const second = await acquireIn(here, 2);
    expect(await sleeper.isHeld()).toBe(false);
    await sleeper.release();
    expect(await second.isHeld()).toBe(true);
  });

  test('tells its holder once when somebody took it over', async () => {
    const here = world();
    const lost: string[] = [];
    await acquireIn(here, 1, { heartbeatMs: 5, onLost: () => lost.push('once') });
    here.dead.add(1);
    await acquireIn(here, 2);
    const until = performance.now() + 5_000;
    while (lost.length === 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 25));
    expect(lost).toEqual(['once']);
  });

  test('a heartbeat keeps it beyond its expiry', async () => {
    const here = world();
    await acquireIn(here, 1, { heartbeatMs: 5 });
    here.now += 50_000;
    const beaten = async (): Promise<boolean> => {
      here.now += 20_000;
      const found =
        (await leaseHolder({ dir, now: () => here.now, isAlive: () => undefined, expiryMs: 60_000 })) !== undefined;
      here.now -= 20_000;
      return found;
    };
    const until = performance.now() + 5_000;
    while (!(await beaten()) && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await beaten()).toBe(true);
  });

  test('goes to the process that its holder hands it to, and to no other', async () => {
    const here = world();
    const first = await acquireIn(here, 1);
    first.handOver();
    await expect(acquireIn(here, 3)).rejects.toMatchObject({ code: 'PLACE_TAKEN' });
    const second = await acquireIn(here, 2, { handedOver: first.generation });
    expect(await second.isHeld()).toBe(true);
    await expect(acquireIn(here, 3, { handedOver: first.generation })).rejects.toMatchObject({ code: 'PLACE_TAKEN' });
  });
});

/** A folder in memory; every operation waits until the scheduler lets it happen, then happens at once. */
function scheduledFiles(scheduler: fc.Scheduler): LeaseFiles {
  const files = new Map<string, { text: string; at: number }>();
  const step = <T>(label: string, act: () => T): Promise<T> => scheduler.schedule(Promise.resolve(), label).then(act);
  const must = (path: string): { text: string; at: number } => {
    const found = files.get(path);
    if (found === undefined) throw Object.assign(new Error(`ENOENT ${path}`), { code: 'ENOENT' });
    return found;
  };
  return {
    prepare: () => Promise.resolve(),
    list: (at) => step('list', () => [...files.keys()].map((path) => path.slice(at.length + 1))),
    read: (path) => step('read', () => must(path).text),
    write: (path, text) => step('write', () => void files.set(path, { text, at: 0 })),
    link: (from, to) =>
      step('link', () => {
        if (files.has(to)) throw Object.assign(new Error(`EEXIST ${to}`), { code: 'EEXIST' });
        files.set(to, must(from));
      }),
    rename: (from, to) =>
      step('rename', () => {
        files.set(to, must(from));
        files.delete(from);
      }),
    remove: (path) => step('remove', () => void files.delete(path)),
    beatenAt: (path) => step('stat', () => files.get(path)?.at),
    beat: (path, at) => step('utimes', () => void (must(path).at = at)),
  };
}

test('property: however their steps interleave, and whoever dies, there are never two holders', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      // Per process: how often it takes the place, and whether it then dies instead of releasing.
      fc.array(fc.record({ rounds: fc.integer({ min: 1, max: 3 }), dies: fc.boolean() }), {
        minLength: 2,
        maxLength: 5,
      }),
      async (scheduler, processes) => {
        const files = scheduledFiles(scheduler);
        const dead = new Set<number>();
        const holding = new Set<number>();
        let held = 0;
        const live = async (pid: number, { rounds, dies }: { rounds: number; dies: boolean }): Promise<void> => {
          for (let round = 0; round < rounds; round += 1) {
            try {
              const lease = await acquireLease({
                dir,
                command: 'x',
                files,
                now: () => 0,
                heartbeatMs: 1e9,
                isAlive: (found) => !dead.has(found.pid),
                self: () => holder(pid),
              });
              if (holding.size > 0) throw new Error(`process ${pid} holds it beside ${[...holding].join(', ')}`);
              holding.add(pid);
              held += 1;
              await scheduler.schedule(Promise.resolve(), `${pid} works`);
              holding.delete(pid);
              if (dies) return void dead.add(pid);
              await lease.release();
            } catch (error) {
              if (!(error instanceof ExternalError)) throw error;
            }
          }
        };
        const all = Promise.all(processes.map((plan, index) => live(index + 1, plan)));
        await scheduler.waitFor(all);
        expect(held).toBeGreaterThan(0);
      },
    ),
    { numRuns: 300 },
  );
});

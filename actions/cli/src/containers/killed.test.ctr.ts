import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Manifest } from '@papergate/delivery';
import { expectRuns } from './testing/expectations.ts';
import { killAt, stepsOfLatest } from './testing/journal.ts';
import { makeLeanKit, type LeanKit } from './testing/lean.ts';
import { mustEnd } from './testing/papergate.ts';
import { running } from './testing/services.ts';

jest.setTimeout(1_200_000);

// With stand-ins for services, since it is done for every step; broken.test.ctr.ts does it to the real ones under orders.
let kit: LeanKit;
/** The release that runs and the one that is delivered over it; they change places whenever a deploy gets through. */
let old: Manifest;
let next: Manifest;

beforeAll(async () => {
  kit = await makeLeanKit('killed');
  old = await kit.lean();
  next = await kit.lean();
  await mustEnd(kit.papergate('deploy', ...kit.flags, '--manifest', kit.file(old)));
});
afterAll(async () => {
  await kit?.remove();
});

const swap = (): void => {
  [old, next] = [next, old];
};

/** Kills a deployer at a step, calls the next one, and gives what that said and which release runs now. */
async function killedAt(step: string): Promise<string> {
  const deployer = kit.papergate('deploy', ...kit.flags, '--manifest', kit.file(next));
  const killed = await killAt(kit.place, step, { pid: deployer.child.pid ?? 0, ended: deployer.ended });
  if (!killed) throw new Error(`it was not killed at ${step}:\n${deployer.output()}`);
  await deployer.ended;
  const recovered = await mustEnd(kit.papergate('recover', ...kit.flags, '--json'));
  const { status } = JSON.parse(recovered.stdout) as { status: string };
  const isNew = running(kit.project)[0]?.manifest === next.digest;
  expectRuns(kit, isNew ? next : old);
  if (isNew) swap();
  return `${status}, ${isNew ? 'new' : 'old'}`;
}

describe('a deployer that is killed', () => {
  test('at any step of the journal: the next call finishes or undoes it, and the digests are all old or all new', async () => {
    await mustEnd(kit.papergate('deploy', ...kit.flags, '--manifest', kit.file(next)));
    swap();
    const steps = stepsOfLatest(kit.place).filter((step) => step !== 'deploy');
    const wanted = ['verify', 'infrastructure', 'prepare', 'checkpoint', 'migrate', 'smoke', 'commit', 'prune'];
    expect(steps).toEqual(expect.arrayContaining(wanted));
    expect(steps.filter((step) => step.startsWith('stop:'))).toHaveLength(8);
    expect(steps.filter((step) => step.startsWith('start:'))).toHaveLength(8);
    for (const step of steps) {
      const told = await killedAt(step);
      // Before the record of it a deploy is undone, after it finished; at the record itself it is either.
      const right =
        step === 'prune' ? /^finished, new$/ : step === 'commit' ? /^(undone, old|finished, new)$/ : /^undone, old$/;
      expect({ step, told }).toEqual({ step, told: expect.stringMatching(right) });
    }
    await mustEnd(kit.papergate('audit', 'verify', ...kit.flags));
    // The next deploy needs no help either.
    const deployer = kit.papergate('deploy', ...kit.flags, '--manifest', kit.file(next));
    await killAt(kit.place, 'start:orchestrator', { pid: deployer.child.pid ?? 0, ended: deployer.ended });
    await deployer.ended;
    await mustEnd(kit.papergate('deploy', ...kit.flags, '--manifest', kit.file(next)));
    expectRuns(kit, next);
  });
});

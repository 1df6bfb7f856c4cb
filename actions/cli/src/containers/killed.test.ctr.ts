import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Manifest } from '@papergate/delivery';
import { expectNoneLost, expectRuns, expectTakesOrders } from './testing/expectations.ts';
import { running } from './testing/services.ts';
import { killAt, stepsOfLatest } from './testing/journal.ts';
import { makeKit, type Kit } from './testing/kit.ts';
import { OrderClient } from './testing/order-client.ts';
import { mustEnd } from './testing/papergate.ts';

jest.setTimeout(1_200_000);

let kit: Kit;
let orders: OrderClient;
/** The release that runs and the one that is delivered over it; they change places whenever a deploy gets through. */
let old: Manifest;
let next: Manifest;

beforeAll(async () => {
  kit = await makeKit({ name: 'killed' });
  old = kit.good;
  next = await kit.release({ images: { dashboard: { files: { '/app/note.txt': 'another release\n' } } } });
  orders = new OrderClient({ url: kit.url('orchestrator'), token: kit.token(), perSecond: 10 }).start();
});
afterAll(async () => {
  await orders?.stop();
  await kit?.remove();
});

const swap = (): void => {
  [old, next] = [next, old];
};

describe('a deployer that is killed', () => {
  test('at any step of the journal: the next call finishes or undoes it, and the digests are all old or all new', async () => {
    await mustEnd(kit.papergate('deploy', ...kit.flags, '--manifest', kit.file(next)));
    swap();
    const steps = stepsOfLatest(kit.place);
    expect(steps).toEqual(
      expect.arrayContaining(['verify', 'prepare', 'checkpoint', 'migrate', 'smoke', 'commit', 'prune']),
    );
    expect(steps.filter((step) => step.startsWith('stop:')).length).toBeGreaterThanOrEqual(7);
    expect(steps.filter((step) => step.startsWith('start:')).length).toBeGreaterThanOrEqual(7);
    const told: Record<string, string> = {};
    for (const step of steps.filter((name) => name !== 'deploy')) {
      const deployer = kit.papergate('deploy', ...kit.flags, '--manifest', kit.file(next));
      const killed = await killAt(kit.place, step, { pid: deployer.child.pid ?? 0, ended: deployer.ended });
      if (!killed) throw new Error(`it was not killed at ${step}:\n${deployer.output()}`);
      await deployer.ended;
      // The deploy after it puts it right first; here nothing else is wanted of it.
      const recovered = await mustEnd(kit.papergate('recover', ...kit.flags, '--json'));
      const { status } = JSON.parse(recovered.stdout) as { status: string };
      const [first] = running(kit.project);
      const isNew = first?.manifest === next.digest;
      told[step] = `${status}, ${isNew ? 'new' : 'old'}`;
      expectRuns(kit, isNew ? next : old);
      if (isNew) swap();
      await expectTakesOrders(orders);
    }
    // Before the record of it a deploy is undone, after it finished.
    for (const step of steps.filter((name) => /^(verify|prepare|checkpoint|migrate|stop:|start:|smoke)/.test(name))) {
      expect({ step, told: told[step] }).toEqual({ step, told: expect.stringMatching(/^(undone|nothing), old$/) });
    }
    expect(told['prune']).toBe('finished, new');
    await orders.stop();
    expectNoneLost(kit, orders);
    await mustEnd(kit.papergate('audit', 'verify', ...kit.flags));
  });
});

import { beforeEach, describe, expect, test } from '@jest/globals';
import { ExternalError } from '@papergate/config';
import { simManifest } from './testing/bundle.ts';
import { demandSound, SimWorld } from './testing/world.ts';

const [one, two, three] = [simManifest(1), simManifest(2), simManifest(3)];
let world: SimWorld;
beforeEach(() => {
  world = new SimWorld();
});

describe('a caller who wants to stop', () => {
  async function stoppedAt(step: string): Promise<{ status: string; interrupted: boolean }> {
    await world.delivered(one);
    const wish = new AbortController();
    return world.delivered(two, {
      signal: wish.signal,
      onEvent: (event) => {
        if (event.type === 'step' && event.step === step && event.state === 'begin') wish.abort();
      },
    });
  }

  test.each(['verify', 'prepare', 'migrate'])('during %s has nothing touched', async (step) => {
    expect(await stoppedAt(step)).toMatchObject({ status: 'failed', interrupted: true });
    await demandSound(world, one);
  });

  test.each(['start:orchestrator', 'smoke'])('during %s has it undone', async (step) => {
    expect(await stoppedAt(step)).toMatchObject({ status: 'undone', interrupted: true });
    await demandSound(world, one);
  });

  test('after the commit is told that it is done', async () => {
    expect(await stoppedAt('commit')).toMatchObject({ status: 'delivered', interrupted: false });
    await demandSound(world, two);
  });

  test('does not wait for a pull that hangs', async () => {
    await world.delivered(one);
    world.break(two, { kind: 'hangs', step: 'prepare' });
    const wish = new AbortController();
    const began = world.time.now;
    world.time.at(began + 5_000, () => wish.abort());
    const outcome = await world.delivered(two, { signal: wish.signal });
    expect(outcome).toMatchObject({ status: 'failed', interrupted: true });
    expect(world.time.now - began).toBeLessThan(20_000);
  });
});

test('a second deployer is refused by name while the first one works', async () => {
  await world.delivered(one);
  const [first, second] = [world.deployer({ latency: () => 1 }), world.deployer({ machine: 'elsewhere' })];
  const working = world.deliver(first, two);
  const refused: Promise<unknown> = world.time.run(world.time.sleep(800).then(() => world.deliver(second, three)));
  await expect(refused).rejects.toBeInstanceOf(ExternalError);
  await expect(refused).rejects.toMatchObject({
    code: 'PLACE_TAKEN',
    message: expect.stringContaining(`process ${first.pid} on here`),
  });
  expect(await world.time.run(working)).toMatchObject({ status: 'delivered' });
  await demandSound(world, two);
});

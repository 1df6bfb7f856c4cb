import { describe, expect, test } from '@jest/globals';
import { until } from '@papergate/service-kit/testing';
import { createRiskClient } from './risk-client.ts';

/** A risk-manager that says this of the state; an answer can be held back. */
async function setUp(symbols: 'all' | string[] | null | undefined) {
  const world = { symbols, asked: 0, held: undefined as Promise<void> | undefined };
  const client = createRiskClient({
    requester: {
      async request() {
        world.asked += 1;
        const answer = {
          state: 'ACTIVE',
          reason: '',
          since: '',
          ...(world.symbols === undefined ? {} : { symbols: world.symbols }),
        };
        await world.held;
        return answer;
      },
      close: () => Promise.resolve(),
    },
    intervalMs: 1,
    maxAgeMs: 60_000,
    now: () => 0,
  });
  client.start();
  await until('the state to be known', () => client.current().known);
  return { client, world };
}

describe('what may be traded, as risk-manager tells it', () => {
  test('is what it says, nothing known while it does not know, and all of a release that knows of no scope', async () => {
    for (const [told, known] of [
      [['SPY'], new Set(['SPY'])],
      [[], new Set()],
      ['all', 'all'],
      [null, null],
      [undefined, 'all'],
    ] as const) {
      const { client } = await setUp(told === null || typeof told !== 'object' ? told : [...told]);
      expect(client.current().symbols).toEqual(known);
      await client.close();
    }
  });

  test('is what it told last, whatever an older answer that is still on its way says', async () => {
    const { client, world } = await setUp('all');
    let release = (): void => undefined;
    world.held = new Promise((resolve) => {
      release = resolve;
    });
    const before = world.asked;
    await until('a question to be under way', () => world.asked > before);
    client.tellScope(['SPY']);
    world.symbols = ['SPY'];
    release();
    const after = world.asked;
    await until('the answers to be there', () => {
      // At no moment wider than it was told.
      expect(client.current().symbols).toEqual(new Set(['SPY']));
      return world.asked > after + 1;
    });
    await client.close();
  });
});

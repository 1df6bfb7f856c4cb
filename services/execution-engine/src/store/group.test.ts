import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { createGroup } from './group.ts';

/** Work that is under way until the test ends it. */
function setUp(batch: number) {
  const begun: { items: number[]; end: (error?: Error) => void }[] = [];
  const group = createGroup<number, string>(
    batch,
    (items) =>
      new Promise((resolve, reject) => {
        const end = (error?: Error): void => {
          if (error === undefined) resolve(items.map((item) => `done ${item}`));
          else reject(error);
        };
        begun.push({ items, end });
      }),
  );
  const add = (...items: number[]): Promise<string>[] => items.map((item) => group.add(item));
  return { add, begun, group, items: () => begun.map(({ items }) => items) };
}

describe('what arrives', () => {
  test('in one turn goes together, and what comes while it is under way goes into the next', async () => {
    const { add, begun, group, items } = setUp(10);
    const first = add(1, 2);
    await turn();
    const second = [...add(3), ...add(4)];
    await turn();
    expect(items()).toEqual([[1, 2]]);
    expect(group.waiting).toBe(2);
    begun[0]?.end();
    expect(await Promise.all(first)).toEqual(['done 1', 'done 2']);
    expect(items()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    begun[1]?.end();
    expect(await Promise.all(second)).toEqual(['done 3', 'done 4']);
    expect(group.waiting).toBe(0);
  });

  test('goes in batches of no more than is allowed, in its order, one at a time', async () => {
    const { add, begun, items } = setUp(2);
    const all = add(1, 2, 3, 4, 5);
    await turn();
    expect(items()).toEqual([[1, 2]]);
    for (const index of [0, 1, 2]) {
      begun[index]?.end();
      await turn();
    }
    expect(items()).toEqual([[1, 2], [3, 4], [5]]);
    expect(await Promise.all(all)).toEqual([1, 2, 3, 4, 5].map((item) => `done ${item}`));
  });

  test('hears of its own failure alone, and what comes after it goes on', async () => {
    const { add, begun } = setUp(10);
    const failing = add(1, 2);
    await turn();
    const later = add(3);
    begun[0]?.end(new Error('the database is away'));
    const outcomes = await Promise.allSettled(failing);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected']);
    begun[1]?.end();
    expect(await Promise.all(later)).toEqual(['done 3']);
  });
});

import { expect, test } from '@jest/globals';
import { snapshotOf } from './snapshot.ts';
import type { GateContext } from './types.ts';

test('a question is asked once, and what it was answered, or how it failed, holds for all rules', async () => {
  const asked: string[] = [];
  const context = {
    now: () => Promise.resolve(asked.push('now')),
    files: {},
    github: {
      environment: (name: string) => Promise.resolve(asked.push(name)),
      run: () => Promise.reject(new Error(`away ${asked.push('run')}`)),
    },
  } as unknown as GateContext;
  const { now, github } = snapshotOf(context);
  expect([await now(), await now()]).toEqual([1, 1]);
  expect(await github.environment('production')).toBe(await github.environment('production'));
  await github.environment('staging');
  await expect(github.run(1)).rejects.toThrow('away 4');
  await expect(github.run(1)).rejects.toThrow('away 4');
  expect(asked).toEqual(['now', 'production', 'staging', 'run']);
});

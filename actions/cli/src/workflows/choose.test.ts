import { describe, expect, test } from '@jest/globals';
import type { CheckRun } from '@papergate/delivery';
import { choose, type ChooseOptions } from './choose.ts';

/** main is 5-4-3-2-1, newest first; 9 is on another branch. */
const sha = (digit: number): string => String(digit).repeat(40);
const MAIN = [5, 4, 3, 2, 1].map(sha);

type Facts = { green?: number[]; deployed?: number; checks?: (commit: string) => Partial<CheckRun>[] };

function options({ green = [], deployed, checks }: Facts, over: Partial<ChooseOptions> = {}): ChooseOptions {
  const checkRuns = (commit: string): Promise<CheckRun[]> => {
    const own = checks?.(commit) ?? [
      { name: 'green', conclusion: green.map(sha).includes(commit) ? 'success' : 'failure', app: 'github-actions' },
    ];
    return Promise.resolve(own as CheckRun[]);
  };
  return {
    github: {
      checkRuns,
      currentDeployment: () =>
        Promise.resolve(deployed === undefined ? undefined : ({ deployment: { sha: sha(deployed) } } as never)),
    },
    history: {
      has: (commit) => [...MAIN, sha(9)].includes(commit),
      isOn: (commit) => MAIN.includes(commit),
      newestFirst: () => MAIN,
      between: (from, to) => MAIN.slice(MAIN.indexOf(to), MAIN.indexOf(from)),
      subject: (commit) => commit,
    },
    branch: 'main',
    check: 'green',
    environment: 'staging',
    own: sha(3),
    ...over,
  };
}

describe('what a delivery takes', () => {
  test('is the newest green commit of the branch, and it says what comes with it', async () => {
    expect(await choose(options({ green: [1, 2, 3, 4], deployed: 2 }))).toEqual({
      sha: sha(4),
      covers: [sha(4), sha(3)],
    });
  });

  test('is its own commit where newer ones are not green', async () => {
    expect(await choose(options({ green: [3], deployed: 3 }))).toEqual({ sha: sha(3), covers: [] });
  });

  test('is never an older one than its own', async () => {
    await expect(choose(options({ green: [1, 2] }))).rejects.toMatchObject({ code: 'CHECK_NOT_GREEN', exitCode: 2 });
  });

  test('loses no commit whose run gave way: whichever run comes last delivers them all', async () => {
    // Runs of 2, 3 and 4 wait for that of 1; GitHub keeps one of them.
    for (const own of [2, 3, 4]) {
      const { covers } = await choose(options({ green: [1, 2, 3, 4], deployed: 1 }, { own: sha(own) }));
      expect(covers).toEqual([sha(4), sha(3), sha(2)]);
    }
  });

  test('is the commit of the run where that is on no branch that is delivered', async () => {
    expect(await choose(options({ green: [9, 5] }, { own: sha(9) }))).toEqual({ sha: sha(9), covers: null });
  });

  test('is what somebody asked for, if it is green', async () => {
    expect(await choose(options({ green: [2, 5], deployed: 5 }, { sha: sha(2) }))).toEqual({ sha: sha(2), covers: [] });
    await expect(choose(options({ green: [5] }, { sha: sha(2) }))).rejects.toMatchObject({ code: 'CHECK_NOT_GREEN' });
  });

  test.each([sha(9), '2222', 'main', sha(7)])('is not %s, which is no commit of the branch', async (wanted) => {
    await expect(choose(options({ green: [2, 9] }, { sha: wanted }))).rejects.toMatchObject({
      code: 'COMMIT_NOT_ON_BRANCH',
    });
  });

  test.each([
    ['has no check', []],
    ['has a check that runs', [{ name: 'green', conclusion: null, app: 'github-actions' }]],
    ['was skipped', [{ name: 'green', conclusion: 'skipped', app: 'github-actions' }]],
    ['has a check of somebody else', [{ name: 'green', conclusion: 'success', app: 'some-app' }]],
    ['has another check', [{ name: 'lint', conclusion: 'success', app: 'github-actions' }]],
    [
      'has one that failed beside one that did not',
      [
        { name: 'green', conclusion: 'success', app: 'github-actions' },
        { name: 'green', conclusion: 'failure', app: 'github-actions' },
      ],
    ],
  ])('is no commit that %s', async (_what, checks) => {
    await expect(choose(options({ checks: () => checks }))).rejects.toMatchObject({ code: 'CHECK_NOT_GREEN' });
  });
});

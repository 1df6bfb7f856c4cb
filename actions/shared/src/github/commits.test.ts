import { afterEach, describe, expect, test } from '@jest/globals';
import type { FakePull, FakeRepository } from './fake/index.ts';
import { at, openPair, sha, type Pair } from './testing.ts';

let pair: Pair | undefined;
afterEach(async () => {
  const open = pair;
  pair = undefined;
  await open?.close();
});
const open = async (change: Partial<FakeRepository> = {}) => (pair = await openPair(change)).github;

const review = (user: string, state: string, commit = sha('d'), minute = 1) => ({
  user,
  state,
  commit_id: commit,
  submitted_at: at(minute),
});
const pull = (change: Partial<FakePull> = {}): FakePull => ({
  number: 7,
  base: 'main',
  head: 'feature/one',
  head_sha: sha('d'),
  user: 'cleo',
  created_at: at(0),
  merged_at: at(5),
  merge_commit_sha: sha('c'),
  commits: [sha('d')],
  reviews: [],
  ...change,
});

describe('a commit', () => {
  test.each([
    ['c', true, 'the head itself'],
    ['a', true, 'the oldest'],
    ['d', false, 'one of another branch'],
    ['e', false, 'a fork’s, which stands on the same root'],
  ])('%s on main: %p, %s', async (digit, expected) => {
    const github = await open();
    expect(await github.isAncestor(sha(digit), 'main')).toBe(expected);
  });

  test('is compared with a branch whose name has a slash', async () => {
    const github = await open();
    expect(await github.isAncestor(sha('d'), 'feature/one')).toBe(true);
  });

  test.each(['main', 'HEAD~1', sha('A'), 'abc'])('is asked for by its whole hash, not as %p', async (name) => {
    const github = await open();
    await expect(github.commit(name)).rejects.toMatchObject({ code: 'COMMIT_INVALID', exitCode: 2 });
    expect(pair?.fake.requests).toEqual([]);
  });

  test('says who wrote it, and null where no account is known', async () => {
    const github = await open();
    expect(await github.commit(sha('b'))).toMatchObject({
      author: { login: 'ben', isBot: false },
      parents: [sha('a')],
    });
    const one = pair?.fake.state.repositories['acme/trading']?.commits[sha('b')];
    if (one !== undefined) one.author = null;
    expect(await github.commit(sha('b'))).toMatchObject({ author: null });
  });
});

describe('commits between two', () => {
  const COUNT = 230;
  const nth = (index: number): string => String(index + 1000).padStart(40, 'f');
  const line = Object.fromEntries(
    Array.from({ length: COUNT }, (_, index) => [
      nth(index),
      {
        parents: [index === 0 ? sha('a') : nth(index - 1)],
        message: `Change ${index}`,
        author: 'ana',
        date: at(index),
      },
    ]),
  );

  test('are those that only the second has, oldest first, over several pages', async () => {
    const github = await open({
      commits: { [sha('a')]: { parents: [], message: '', author: null, date: at(0) }, ...line },
    });
    const found = await github.commitsBetween(sha('a'), nth(COUNT - 1));
    expect(found.map((one) => one.sha)).toEqual(Object.keys(line));
    expect(pair?.fake.requests).toHaveLength(3);
    expect(await github.commitsBetween(nth(9), nth(9))).toEqual([]);
    expect(await github.commitsBetween(nth(9), nth(5))).toEqual([]);
  });

  test('of lines that went apart are those of the second alone', async () => {
    const github = await open();
    expect((await github.commitsBetween(sha('d'), sha('c'))).map((one) => one.sha)).toEqual([sha('c')]);
  });

  test('are asked for by whole hashes, and have to be known', async () => {
    const github = await open();
    await expect(github.commitsBetween('main', sha('c'))).rejects.toMatchObject({ code: 'COMMIT_INVALID' });
    await expect(github.commitsBetween(sha('7'), sha('c'))).rejects.toMatchObject({ code: 'GITHUB_NOT_FOUND' });
  });
});

describe('approvers of a change', () => {
  const approvers = async (...reviews: FakePull['reviews']): Promise<string[]> => {
    const github = await open({ pulls: [pull({ reviews })] });
    return (await github.approversOf(sha('c'), 'main')).map(({ login }) => login);
  };

  test('are those whose last word is an approval', async () => {
    const words = [review('dan', 'APPROVED'), review('eve', 'CHANGES_REQUESTED'), review('eve', 'APPROVED')];
    expect(await approvers(...words)).toEqual(['dan', 'eve']);
  });

  test('are not those who asked for changes afterwards, nor those whose word was dismissed', async () => {
    const words = [review('dan', 'APPROVED'), review('dan', 'CHANGES_REQUESTED'), review('eve', 'DISMISSED')];
    expect(await approvers(...words)).toEqual([]);
  });

  test('stay approvers when they comment afterwards', async () => {
    expect(await approvers(review('dan', 'APPROVED'), review('dan', 'COMMENTED'))).toEqual(['dan']);
  });

  test('have seen the very commit that was merged', async () => {
    expect(await approvers(review('dan', 'APPROVED', sha('b')))).toEqual([]);
  });

  test('did not write it, neither as opener nor as author of a commit', async () => {
    const github = await open({
      pulls: [
        pull({
          user: 'dan',
          commits: [sha('d'), sha('b')],
          reviews: ['cleo', 'ben', 'dan', 'eve'].map((who) => review(who, 'APPROVED')),
        }),
      ],
    });
    expect((await github.approversOf(sha('c'), 'main')).map(({ login }) => login)).toEqual(['eve']);
  });

  test('are people', async () => {
    expect(await approvers(review('helper[bot]', 'APPROVED'))).toEqual([]);
  });

  test('approved a merge into this branch, not one into another, nor one that is open', async () => {
    const reviews = [review('dan', 'APPROVED')];
    const github = await open({
      pulls: [pull({ base: 'develop', reviews }), pull({ number: 8, merged_at: null, commits: [sha('c')], reviews })],
    });
    expect(await github.approversOf(sha('c'), 'main')).toEqual([]);
  });
});

test('checks are the newest of each name, over several pages', async () => {
  const runs = Array.from({ length: 150 }, (_, index) => ({
    id: index,
    name: `check ${index % 120}`,
    head_sha: sha('c'),
    status: 'completed',
    conclusion: index < 120 ? 'failure' : 'success',
    started_at: at(0),
    completed_at: at(1),
    app: 'github-actions',
  }));
  const github = await open({ check_runs: runs });
  const found = await github.checkRuns(sha('c'));
  expect(found).toHaveLength(120);
  expect(found.filter(({ conclusion }) => conclusion === 'success')).toHaveLength(30);
});

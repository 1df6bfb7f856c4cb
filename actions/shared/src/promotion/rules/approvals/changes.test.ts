import { afterEach, describe, expect, test } from '@jest/globals';
import type { FakeCommit, FakePull, FakeRepository } from '../../../github/fake/index.ts';
import { at, openPair, type Pair } from '../../../github/testing.ts';
import type { GateContext } from '../../types.ts';
import { changesOf } from './changes.ts';

let pair: Pair | undefined;
afterEach(async () => {
  const open = pair;
  pair = undefined;
  await open?.close();
});

const shaOf = (kind: string, number: number): string => kind + String(number).padStart(38, '0');
const SINCE = shaOf('ab', 0);

/** A branch on which pull requests were merged by rebasing: copies of their commits, in one line. */
class Branch {
  readonly commits: Record<string, FakeCommit> = {
    [SINCE]: { parents: [], message: 'The release of before', author: 'ana', date: at(0) },
  };
  readonly pulls: FakePull[] = [];
  head = SINCE;
  #copies = 0;

  push(sha: string, message: string, author = 'ana'): void {
    this.commits[sha] = { parents: [this.head], message, author, date: at(1) };
    this.head = sha;
  }

  /** `upstream`: so many of its first commits were on the branch before, so that rebasing leaves them out. */
  merge(number: number, size: number, upstream = 0): void {
    const commits = Array.from({ length: size }, (_, index) => shaOf('cd', number * 1000 + index));
    const message = (index: number): string => `Part ${index} of ${number}`;
    let below = SINCE;
    for (const [index, own] of commits.entries()) {
      this.commits[own] = { parents: [below], message: message(index), author: 'ben', date: at(1) };
      below = own;
    }
    const copies = commits.slice(upstream).map(() => shaOf('ef', (this.#copies += 1)));
    for (const [index, copy] of copies.entries()) this.push(copy, message(index + upstream), 'ben');
    this.pulls.push({
      number,
      base: 'main',
      head: `change-${number}`,
      head_sha: below,
      user: 'ben',
      created_at: at(0),
      merged_at: at(number),
      merge_commit_sha: this.head,
      commits,
      copies: copies.slice(0, -1),
      reviews: [],
    });
  }

  get repository(): Partial<FakeRepository> {
    const { commits, pulls, head } = this;
    return { commits, pulls, branches: { main: head } };
  }
}

async function changes(branch: Branch) {
  pair = await openPair(branch.repository);
  const { github } = pair;
  const context = {
    github,
    manifest: { commit: branch.head },
    config: { approvers: { since: SINCE }, 'environment-reviewers': { environment: 'production' } },
    runId: 1,
  } as unknown as GateContext;
  const found = (await changesOf(context, 'main')).changes;
  return {
    named: Object.fromEntries(found.map(({ name, commits }) => [name, commits.length])),
    questions: pair.fake.requests.map(({ route = '' }) => route),
  };
}

const OF_COMMIT = 'GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls';

describe('the changes of a release', () => {
  test('of some hundred commits that were merged by rebasing take four questions for each pull request', async () => {
    const branch = new Branch();
    for (let number = 1; number <= 8; number++) branch.merge(number, 50);
    const { named, questions } = await changes(branch);
    expect(named).toEqual(Object.fromEntries(branch.pulls.map(({ number }) => [`#${number}`, 50])));
    expect(questions.filter((route) => route === OF_COMMIT)).toHaveLength(16);
    expect(questions.length).toBeLessThan(8 * 4 + 12);
  });

  test('are told apart from what was pushed in between, which no pull request speaks for', async () => {
    const branch = new Branch();
    branch.merge(1, 5);
    branch.push(shaOf('ba', 1), 'Part 0 of 2', 'ben');
    // Its first commit was there already: so many commits back from the merge lies what somebody pushed.
    branch.merge(2, 5, 1);
    const { named } = await changes(branch);
    expect(named).toEqual({ '#1': 5, '#2': 4, [shaOf('ba', 1).slice(0, 12)]: 1 });
  });

  test('are asked for one by one where a commit is not the copy of one of the pull request', async () => {
    const branch = new Branch();
    branch.merge(1, 5);
    const [, second = ''] = branch.pulls[0]?.copies ?? [];
    const changed = branch.commits[second];
    if (changed !== undefined) changed.message = 'Something else';
    const { named, questions } = await changes(branch);
    expect(named).toEqual({ '#1': 5 });
    expect(questions.filter((route) => route === OF_COMMIT)).toHaveLength(5);
  });
});

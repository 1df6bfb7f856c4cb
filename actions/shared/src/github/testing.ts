import { Secret } from '@papergate/config';
import {
  startGitHubFake,
  type FakeCommit,
  type FakeRepository,
  type GitHubFake,
  type GitHubFakeOptions,
} from './fake/index.ts';
import { openGitHub, type GitHubOptions } from './open.ts';
import type { GitHub } from './types.ts';

export const REPOSITORY = 'acme/trading';

/** Hashes that can be told apart: `sha('a')` is forty times `a`. */
export const sha = (digit: string): string => digit.repeat(40);
export const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
export const NOW = Date.UTC(2026, 0, 5, 12);
export const at = (minutes: number): string => new Date(NOW + minutes * 60_000).toISOString().replace('.000Z', 'Z');

const commit = (parents: string[], author: string | null): FakeCommit => ({
  parents: parents.map(sha),
  message: 'Change something',
  author,
  date: at(0),
});

/** `a` ← `b` ← `c` (main), `b` ← `d` (a branch), and `e`, which stands on nothing of it (a fork's). */
export const COMMITS: Record<string, FakeCommit> = {
  [sha('a')]: commit([], 'ana'),
  [sha('b')]: commit(['a'], 'ben'),
  [sha('c')]: commit(['b'], 'ben'),
  [sha('d')]: commit(['b'], 'cleo'),
  [sha('e')]: commit(['a'], 'mallory'),
};

export const repositoryWith = (change: Partial<FakeRepository> = {}): Partial<FakeRepository> => ({
  commits: structuredClone(COMMITS),
  branches: { main: sha('c'), 'feature/one': sha('d') },
  ...change,
});

/** A clock that a test moves; sleeping moves it too. */
export interface TestClock {
  now(): number;
  sleep(ms: number): Promise<void>;
  slept: number[];
}

export function testClock(start = NOW): TestClock {
  let now = start;
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    sleep: async (ms) => {
      slept.push(ms);
      now += ms;
    },
  };
}

export interface Pair {
  fake: GitHubFake;
  github: GitHub;
  clock: TestClock;
  /** Fails the test where something was not as GitHub describes it. */
  close(): Promise<void>;
}

/** A fake with one repository, and a client for it. */
export async function openPair(
  repository: Partial<FakeRepository> = {},
  { fake: fakeOptions = {}, client = {} }: { fake?: GitHubFakeOptions; client?: Partial<GitHubOptions> } = {},
): Promise<Pair> {
  const clock = testClock();
  const fake = await startGitHubFake({
    clock,
    ...fakeOptions,
    state: { repositories: { [REPOSITORY]: repositoryWith(repository) }, ...fakeOptions.state },
  });
  const github = openGitHub({
    apiUrl: fake.url,
    token: new Secret('token-of-a-test'),
    repository: REPOSITORY,
    clock,
    random: () => 0,
    ...client,
  });
  return {
    fake,
    github,
    clock,
    close: async () => {
      await github.close();
      await fake.close();
    },
  };
}

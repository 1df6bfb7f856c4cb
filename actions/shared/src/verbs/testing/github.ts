import { Secret } from '@papergate/config';
import { startGitHubFake, type GitHubFake } from '../../github/fake/index.ts';
import { openGitHub, type GitHub } from '../../github/index.ts';

/** A fake of GitHub that knows a line of commits, oldest first, and a client for it whose pauses take no time. */
export async function startWith(given: {
  commits: readonly string[];
  main: string;
  repository?: string;
}): Promise<{ fake: GitHubFake; api: GitHub; close(): Promise<void> }> {
  const { commits, main, repository = 'acme/trading' } = given;
  const known = commits.map((sha, index) => {
    const before = commits[index - 1];
    const commit = {
      parents: before === undefined ? [] : [before],
      message: 'Change something',
      author: 'ana',
      date: '2026-01-05T12:00:00Z',
    };
    return [sha, commit] as const;
  });
  const fake = await startGitHubFake({
    state: {
      users: { ana: { id: 7 } },
      repositories: { [repository]: { commits: Object.fromEntries(known), branches: { main } } },
    },
  });
  const clock = { now: () => Date.now(), sleep: () => Promise.resolve() };
  const token = new Secret('a-token-for-the-fake-of-github');
  const api = openGitHub({ apiUrl: fake.url, repository, token, clock });
  return {
    fake,
    api,
    close: async () => {
      await api.close();
      await fake.close();
    },
  };
}

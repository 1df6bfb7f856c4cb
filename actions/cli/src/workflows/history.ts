import { execFileSync } from 'node:child_process';

/** The commits of a checkout with all of its history. */
export interface History {
  has(sha: string): boolean;
  isOn(sha: string, branch: string): boolean;
  /** Merges and direct commits of the branch, newest first, at most `max`. */
  newestFirst(branch: string, max: number): string[];
  /** Those after `from` up to `to`, newest first. */
  between(from: string, to: string): string[];
  /** First line of a commit's message. */
  subject(sha: string): string;
}

/** Where workflows run the branch is a remote one; where somebody tries this by hand, perhaps a local one. */
export function gitHistory(repository: string): History {
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', repository, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
  const succeeds = (...args: string[]): boolean => {
    try {
      git(...args);
      return true;
    } catch {
      return false;
    }
  };
  const refOf = (branch: string): string =>
    [`refs/remotes/origin/${branch}`, `refs/heads/${branch}`].find((ref) =>
      succeeds('rev-parse', '-q', '--verify', ref),
    ) ?? 'HEAD';
  const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
  return {
    has: (sha) => succeeds('cat-file', '-e', `${sha}^{commit}`),
    isOn: (sha, branch) => succeeds('merge-base', '--is-ancestor', sha, refOf(branch)),
    newestFirst: (branch, max) => lines(git('rev-list', '--first-parent', `--max-count=${max}`, refOf(branch))),
    between: (from, to) => lines(git('rev-list', `${from}..${to}`)),
    subject: (sha) => git('log', '-1', '--format=%s', sha),
  };
}

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { refUnknown } from './errors.ts';

export interface Origin {
  /** A working copy of the commit; act takes workflows from it, checkouts take commits from it. */
  dir: string;
  commit: string;
  /** `refs/heads/<default branch>`, or the tag that was asked for. */
  ref: string;
  defaultBranch: string;
}

const git = (dir: string, ...args: string[]): string =>
  execFileSync('git', ['-C', dir, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

/**
 * The repository as GitHub would have it: what is committed, its default branch at the commit that is run. It shares the
 * objects of the checkout and leaves the checkout alone.
 * @throws UserError REF_UNKNOWN
 */
export function makeOrigin(repository: string, dir: string, wanted = 'HEAD'): Origin {
  const commit = resolveRef(repository, wanted);
  const isTag = tagNamed(repository, wanted);
  const branch = currentBranch(repository);
  execFileSync('git', ['clone', '-q', '--shared', '--no-checkout', repository, dir], { stdio: 'pipe' });
  for (const [name, value] of [
    ['uploadpack.allowAnySHA1InWant', 'true'],
    ['advice.detachedHead', 'false'],
    ['gc.auto', '0'],
  ] as const)
    git(dir, 'config', name, value);
  git(dir, 'checkout', '-q', '-B', branch, commit);
  return { dir, commit, ref: isTag ? `refs/tags/${wanted}` : `refs/heads/${branch}`, defaultBranch: branch };
}

function resolveRef(repository: string, ref: string): string {
  try {
    return git(repository, 'rev-parse', '--verify', '-q', `${ref}^{commit}`);
  } catch (error) {
    throw refUnknown(ref, error);
  }
}

function tagNamed(repository: string, name: string): boolean {
  try {
    git(repository, 'show-ref', '--verify', '-q', `refs/tags/${name}`);
    return true;
  } catch {
    return false;
  }
}

/** main or master where the repository has it: what is delivered is the default branch, wherever work goes on. */
function currentBranch(repository: string): string {
  const branches = git(repository, 'for-each-ref', '--format=%(refname:short)', 'refs/heads').split('\n');
  return ['main', 'master'].find((name) => branches.includes(name)) ?? 'main';
}

/** Whether there is something that a run does not see because it is not committed. */
export const isDirty = (repository: string): boolean => git(repository, 'status', '--porcelain') !== '';

/** `owner/name` of the remote at GitHub, or a name that says that there is none. */
export function nameOf(repository: string): string {
  try {
    const url = git(repository, 'remote', 'get-url', 'origin');
    return /github\.com[/:]([^/]+\/[^/]+?)(?:\.git)?$/.exec(url)?.[1] ?? LOCAL;
  } catch {
    return LOCAL;
  }
}

const LOCAL = 'local/papergate';

export const originFolder = (run: string): string => join(run, 'origin');

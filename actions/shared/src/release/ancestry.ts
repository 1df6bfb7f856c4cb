import { ExternalError, UserError } from '@papergate/config';
import { git, resolveCommit } from './git.ts';

/**
 * Whether a commit lies on a branch, by this clone's own history: it is its head or one of its ancestors. What the remote
 * says of the branch goes before a local branch of that name.
 * @throws UserError HISTORY_SHALLOW, BRANCH_UNKNOWN, UNKNOWN_COMMIT, NOT_A_CHECKOUT
 */
export async function liesOnBranch(
  repository: string,
  sha: string,
  branch: string,
  signal?: AbortSignal,
): Promise<boolean> {
  // Before the commit: a shallow clone knows few of them, and says "unknown" of the others.
  const shallow = await git(repository, ['rev-parse', '--is-shallow-repository'], signal);
  if (shallow.stdout.trim() === 'true') {
    throw new UserError({
      code: 'HISTORY_SHALLOW',
      message: `${repository} holds only the newest commits, so that nobody can tell whether ${sha} lies on ${branch}`,
      fix: 'check it out with its whole history ("fetch-depth: 0" of actions/checkout)',
    });
  }
  const commit = await resolveCommit(repository, sha, signal);
  const ref = await refOf(repository, branch, signal);
  const { code, stderr } = await git(repository, ['merge-base', '--is-ancestor', commit.sha, ref], signal);
  if (code === 0 || code === 1) return code === 0;
  throw new ExternalError({
    code: 'GIT_FAILED',
    message: `git cannot tell whether ${sha} lies on ${branch}: ${stderr.trim()}`,
    fix: 'check the clone with "git fsck"; clone it again where it is broken',
  });
}

async function refOf(repository: string, branch: string, signal: AbortSignal | undefined): Promise<string> {
  for (const ref of [`refs/remotes/origin/${branch}`, `refs/heads/${branch}`]) {
    const found = await git(repository, ['rev-parse', '--verify', '--quiet', `${ref}^{commit}`], signal);
    if (found.code === 0) return ref;
  }
  throw new UserError({
    code: 'BRANCH_UNKNOWN',
    message: `this clone has no branch ${JSON.stringify(branch)}, neither of origin nor of its own`,
    fix: 'name the branch that releases come from, or fetch it first',
  });
}

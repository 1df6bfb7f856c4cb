import { EXIT, messageOf, PapergateError } from '@papergate/config';
import { liesOnBranch, type ActionContext, type ActionLog, type GitHub } from '@papergate/delivery';

export interface BranchQuestion {
  sha: string;
  branch: string;
  /** Undefined: only the clone is asked. */
  api: Pick<GitHub, 'isAncestor'> | undefined;
  repository: string;
  log: Pick<ActionLog, 'info' | 'warning'>;
  signal: AbortSignal;
}

/** The branch that releases come from. */
export function defaultBranch(given: string | undefined, { event }: Pick<ActionContext, 'event'>): string {
  if (given !== undefined) return given;
  const { repository } = event;
  const named =
    typeof repository === 'object' && repository !== null
      ? (repository as Record<string, unknown>)['default_branch']
      : undefined;
  return typeof named === 'string' && named !== '' ? named : 'main';
}

/**
 * Only what went through review is gone back to. GitHub is asked, and where it cannot tell, the whole history of the clone.
 * @throws PapergateError NOT_ON_BRANCH; UserError HISTORY_SHALLOW, BRANCH_UNKNOWN, UNKNOWN_COMMIT
 */
export async function demandOnBranch(question: BranchQuestion): Promise<void> {
  const { sha, branch, repository, log, signal } = question;
  const byApi = await askGitHub(question);
  if (byApi ?? (await liesOnBranch(repository, sha, branch, signal))) {
    log.info(
      `${sha.slice(0, 12)} lies on ${branch}, by ${byApi === undefined ? 'the history of the clone' : 'GitHub'}`,
    );
    return;
  }
  throw new PapergateError({
    code: 'NOT_ON_BRANCH',
    exitCode: EXIT.blocked,
    message: `${sha} does not lie on ${branch}: only what was merged there is gone back to`,
    fix: `name a commit of ${branch}, 40 digits ("git log ${branch}" lists them)`,
  });
}

async function askGitHub({ api, sha, branch, log, signal }: BranchQuestion): Promise<boolean | undefined> {
  if (api === undefined) return undefined;
  try {
    return await api.isAncestor(sha, branch);
  } catch (error) {
    signal.throwIfAborted();
    log.warning(
      `GitHub cannot tell whether ${sha.slice(0, 12)} lies on ${branch} (${messageOf(error)}); the clone is asked`,
    );
    return undefined;
  }
}

import { ExternalError } from '@papergate/config';
import { run } from '../process/run.ts';

/** Committer's time of a commit, seconds since 1970. @throws ExternalError COMMIT_TIME_UNREADABLE */
export async function commitEpoch(repository: string, sha: string, signal?: AbortSignal): Promise<number> {
  const args = ['-C', repository, 'show', '--no-patch', '--no-show-signature', '--format=%ct', sha];
  const { code, stdout, stderr } = await run('git', args, { signal });
  const seconds = Number(stdout.trim());
  if (code === 0 && Number.isSafeInteger(seconds) && seconds > 0) return seconds;
  throw new ExternalError({
    code: 'COMMIT_TIME_UNREADABLE',
    message: `git does not say when ${sha} was made: ${stderr.trim()}`,
    fix: 'fetch the commit, and try again',
  });
}

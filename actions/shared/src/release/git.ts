import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ExternalError, messageOf, UserError } from '@papergate/config';
import { run, type RunResult } from '../process/run.ts';

export interface Commit {
  sha: string;
  /** First line of its message. */
  subject: string;
  /** The working tree has changes that are not in any commit; a release never contains them. */
  uncommittedChanges: boolean;
}

export async function git(repository: string, args: string[], signal?: AbortSignal): Promise<RunResult> {
  try {
    return await run('git', ['-C', repository, ...args], { signal, env: gitEnvironment() });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new ExternalError({
      code: 'GIT_MISSING',
      message: `git cannot be run: ${messageOf(error)}`,
      fix: 'install git; a release is made from a commit',
      cause: error,
    });
  }
}

// GIT_DIR and the like, as a git hook sets them, would point us at another repository.
function gitEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_') || name === 'GIT_CONFIG_GLOBAL');
  return { ...Object.fromEntries(kept), LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0' };
}

/**
 * The commit that `revision` names, in full.
 * @throws UserError NOT_A_CHECKOUT, UNKNOWN_COMMIT; ExternalError GIT_MISSING
 */
export async function resolveCommit(repository: string, revision: string, signal?: AbortSignal): Promise<Commit> {
  const inside = await git(repository, ['rev-parse', '--is-inside-work-tree'], signal);
  if (inside.code !== 0) {
    const dubious = inside.stderr.includes('dubious ownership');
    throw new UserError({
      code: 'NOT_A_CHECKOUT',
      message: dubious
        ? `git refuses to read ${repository}, which belongs to another user`
        : `${repository} is not a git checkout, and a release is made from a commit`,
      fix: dubious
        ? `run as its owner, or: git config --global --add safe.directory ${repository}`
        : 'clone the repository with git, or run "git init", "git add ." and "git commit" here',
      cause: inside.stderr.trim(),
    });
  }
  const found = await git(
    repository,
    ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`],
    signal,
  );
  const sha = found.stdout.trim();
  if (found.code !== 0 || sha === '') throw await unknownCommit(repository, revision, signal);
  const [subject, status] = await Promise.all([
    git(repository, ['log', '-1', '--format=%s', sha], signal),
    git(repository, ['status', '--porcelain', '--untracked-files=normal'], signal),
  ]);
  return { sha, subject: subject.stdout.trim(), uncommittedChanges: status.stdout.trim() !== '' };
}

async function unknownCommit(repository: string, revision: string, signal?: AbortSignal): Promise<UserError> {
  const hasCommits = (await git(repository, ['rev-parse', '--verify', '--quiet', 'HEAD'], signal)).code === 0;
  const shallow = (await git(repository, ['rev-parse', '--is-shallow-repository'], signal)).stdout.trim() === 'true';
  const fix = !hasCommits
    ? 'commit something first: git add . && git commit'
    : shallow
      ? 'this clone is shallow; fetch the rest with "git fetch --unshallow" and try again'
      : 'give a commit that this clone has ("git log --oneline" lists them), or fetch it first';
  return new UserError({
    code: 'UNKNOWN_COMMIT',
    message: `"${revision}" is not a commit of ${repository}${hasCommits ? '' : ', which has no commits at all'}`,
    fix,
  });
}

/** Writes the tree of a commit, and nothing else, into an empty folder. */
export async function extractCommit(
  repository: string,
  sha: string,
  into: string,
  signal?: AbortSignal,
): Promise<void> {
  const archive = spawn('git', ['-C', repository, 'archive', '--format=tar', sha], {
    signal,
    env: gitEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const unpack = spawn('tar', ['-x', '-f', '-', '-C', into], { signal, stdio: ['pipe', 'ignore', 'pipe'] });
  archive.stdout.on('error', () => {});
  unpack.stdin.on('error', () => {});
  archive.stdout.pipe(unpack.stdin);
  const words = { archive: '', unpack: '' };
  archive.stderr.setEncoding('utf8').on('data', (text: string) => (words.archive += text));
  unpack.stderr.setEncoding('utf8').on('data', (text: string) => (words.unpack += text));
  try {
    const [archived, unpacked] = await Promise.all([once(archive, 'close'), once(unpack, 'close')]);
    if (archived[0] !== 0) throw new Error(`git archive: ${words.archive.trim() || `exit ${String(archived[0])}`}`);
    if (unpacked[0] !== 0) throw new Error(`tar: ${words.unpack.trim() || `exit ${String(unpacked[0])}`}`);
  } catch (error) {
    signal?.throwIfAborted();
    throw new ExternalError({
      code: 'EXTRACT_FAILED',
      message: `the tree of ${sha} cannot be written to ${into}: ${messageOf(error)}`,
      fix: 'check that git and tar are installed and that the disk has room',
      cause: error,
    });
  }
}

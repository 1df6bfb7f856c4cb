import { UserError } from '@papergate/config';
import type { GitHub } from '@papergate/delivery';
import type { History } from './history.ts';

export interface ChooseOptions {
  github: Pick<GitHub, 'checkRuns' | 'currentDeployment'>;
  history: History;
  /** The branch that is delivered. */
  branch: string;
  /** The check that says that a commit may be delivered. */
  check: string;
  /** GitHub environment whose newest delivery it is compared with. */
  environment: string;
  /** The commit that somebody asked for by hand. */
  sha?: string;
  /** The commit of the run; what is chosen is this one or a newer one. */
  own: string;
}

export interface Choice {
  sha: string;
  /** Commits that this delivery brings and the one before did not have, newest first; null where there was none before. */
  covers: string[] | null;
}

/** Runs that wait give way to newer ones; so many commits may have come together meanwhile. */
const LONGEST = 200;

/**
 * What a delivery takes: the newest commit of the branch whose check is green, at least the run's own. A run that GitHub
 * dropped from the queue loses nothing by this: the one that took its place delivers its commit too.
 * @throws UserError COMMIT_NOT_ON_BRANCH, CHECK_NOT_GREEN; those of GitHub's client
 */
export async function choose(options: ChooseOptions): Promise<Choice> {
  const { github, history, branch, environment } = options;
  const sha = options.sha === undefined ? await newestGreen(options) : await asked(options, options.sha);
  const before = await github.currentDeployment(environment);
  const known = before !== undefined && history.has(before.deployment.sha);
  if (!known) return { sha, covers: null };
  if (!history.isOn(sha, branch)) return { sha, covers: null };
  return { sha, covers: history.between(before.deployment.sha, sha) };
}

async function newestGreen(options: ChooseOptions): Promise<string> {
  const { history, branch, own } = options;
  const newestFirst = history.newestFirst(branch, LONGEST);
  const at = newestFirst.indexOf(own);
  // A run by hand on another branch, or one that is far behind, has nobody to give way to.
  const candidates = at === -1 ? [own] : newestFirst.slice(0, at + 1);
  for (const sha of candidates) if (await isGreen(options, sha)) return sha;
  throw notGreen(own, options);
}

async function asked(options: ChooseOptions, wanted: string): Promise<string> {
  const { history, branch } = options;
  const sha = wanted.trim();
  if (!/^[0-9a-f]{40}$/.test(sha) || !history.has(sha) || !history.isOn(sha, branch)) {
    throw new UserError({
      code: 'COMMIT_NOT_ON_BRANCH',
      message: `${sha} is no commit of ${branch}; allowed are all 40 digits of one`,
      fix: `take one that "git log ${branch}" shows`,
    });
  }
  if (await isGreen(options, sha)) return sha;
  throw notGreen(sha, options);
}

/** Anybody who may write checks could make one of that name; only that of a workflow counts. */
async function isGreen({ github, check }: ChooseOptions, sha: string): Promise<boolean> {
  const found = (await github.checkRuns(sha)).filter(({ name, app }) => name === check && app === 'github-actions');
  return found.length > 0 && found.every(({ conclusion }) => conclusion === 'success');
}

const notGreen = (sha: string, { check, branch }: ChooseOptions): UserError =>
  new UserError({
    code: 'CHECK_NOT_GREEN',
    message: `the check "${check}" of ${sha.slice(0, 12)} on ${branch} has not succeeded, and only what is green is delivered`,
    fix: 'look at the run of ci for this commit, and mend what it names',
  });

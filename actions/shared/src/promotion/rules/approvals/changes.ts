import type { GitHubCommit, MergedPull } from '../../../github/commits.ts';
import type { GateContext } from '../../types.ts';
import { nameOf } from '../environment.ts';

/** Something that a release brings: a merged pull request, or a commit that no pull request brought. */
export interface Change {
  /** `#7`, or the commit's first digits. */
  name: string;
  pull: MergedPull | undefined;
  /** Those of the release that belong to it; the pull request has its own beside them. */
  commits: GitHubCommit[];
}

export interface Changes {
  /** The commit that production runs, or that the configuration names; undefined where there is neither. */
  since: string | undefined;
  /** Newest first. */
  changes: Change[];
}

/**
 * Everything that goes to production with the release and was not there before. A pull request counts where it went into
 * `branch`. Delivering the release that runs there already is judged by its own commit alone.
 */
export async function changesOf(context: GateContext, branch: string): Promise<Changes> {
  const { github, manifest, config, runId } = context;
  const last = await github.lastGood({ environment: nameOf(context), exceptRun: runId });
  const since = last?.sha ?? (config.approvers.since || undefined);
  const commits = since === undefined ? [] : await github.commitsBetween(since, manifest.commit);
  if (commits.length === 0) commits.push(await github.commit(manifest.commit));

  const changes = new Map<string, Change>();
  const pulls = new Map<string, MergedPull[]>();
  for (const commit of commits.toReversed()) {
    const known = pulls.get(commit.sha);
    const found = known ?? (await github.mergedPulls(commit.sha)).filter(({ base }) => base === branch);
    for (const pull of known === undefined ? found : []) {
      // Its other commits need no question of their own.
      for (const sha of [...pull.commits.map((one) => one.sha), pull.mergeSha ?? '']) {
        pulls.set(sha, [...(pulls.get(sha) ?? []), pull]);
      }
    }
    const names = found.map(({ number }) => `#${number}`);
    for (const [index, name] of (names.length === 0 ? [commit.sha.slice(0, 12)] : names).entries()) {
      const change = changes.get(name) ?? { name, pull: found[index], commits: [] };
      change.commits.push(commit);
      changes.set(name, change);
    }
  }
  return { since, changes: [...changes.values()] };
}

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

  const bringers = new Bringers(github, branch, commits.toReversed());
  const changes = new Map<string, Change>();
  for (const [index, commit] of commits.toReversed().entries()) {
    const found = await bringers.of(index);
    const names = found.map(({ number }) => `#${number}`);
    for (const [at, name] of (names.length === 0 ? [commit.sha.slice(0, 12)] : names).entries()) {
      const change = changes.get(name) ?? { name, pull: found[at], commits: [] };
      change.commits.push(commit);
      changes.set(name, change);
    }
  }
  return { since, changes: [...changes.values()] };
}

/**
 * Which pull requests brought which commits, with few questions: GitHub lets a workflow ask a thousand times an hour, and a
 * release of some hundred commits that were merged by rebasing would take three questions for each of them.
 */
class Bringers {
  readonly #github: Pick<GateContext['github'], 'mergedPulls'>;
  readonly #branch: string;
  readonly #newestFirst: readonly GitHubCommit[];
  /** By number: each is read once. */
  readonly #read = new Map<number, MergedPull>();
  readonly #bySha = new Map<string, MergedPull[]>();

  constructor(
    github: Pick<GateContext['github'], 'mergedPulls'>,
    branch: string,
    newestFirst: readonly GitHubCommit[],
  ) {
    this.#github = github;
    this.#branch = branch;
    this.#newestFirst = newestFirst;
  }

  /** Those of the commit at `index`, into the branch. */
  async of(index: number): Promise<readonly MergedPull[]> {
    const { sha } = this.#newestFirst[index] ?? {};
    if (sha === undefined) return [];
    const known = this.#bySha.get(sha);
    if (known !== undefined) return known;
    const found = await this.#ask(sha);
    for (const pull of found) {
      // Its other commits need no question of their own.
      for (const one of [...pull.commits.map((commit) => commit.sha), pull.mergeSha ?? '']) this.#add(one, pull);
    }
    const [only] = found;
    if (only !== undefined && found.length === 1 && only.mergeSha === sha) await this.#rebased(only, index);
    return found;
  }

  /**
   * The copies that a merge by rebasing made: one for each commit of the pull request, in its order, the last of them its
   * merge. GitHub puts them on the branch in one step, so where it says of the first and of the last that this pull request
   * alone brought them, it brought what lies between, too. Anything that does not fit is asked for commit by commit.
   */
  async #rebased(pull: MergedPull, index: number): Promise<void> {
    const copies = this.#newestFirst.slice(index, index + pull.commits.length);
    const first = copies.at(-1);
    if (first === undefined || copies.length < 3 || !areCopies(copies, pull)) return;
    const found = await this.#ask(first.sha);
    if (found.length !== 1 || found[0] !== pull) return;
    for (const { sha } of copies) this.#bySha.set(sha, [pull]);
  }

  async #ask(sha: string): Promise<MergedPull[]> {
    const pulls = await this.#github.mergedPulls(sha, this.#read);
    return pulls.filter(({ base }) => base === this.#branch);
  }

  #add(sha: string, pull: MergedPull): void {
    const before = this.#bySha.get(sha) ?? [];
    if (!before.includes(pull)) this.#bySha.set(sha, [...before, pull]);
  }
}

/** New commits in one line, newest first, with the words and authors of those of the pull request. */
function areCopies(copies: readonly GitHubCommit[], { commits }: MergedPull): boolean {
  if (copies.length !== commits.length) return false;
  const originals = commits.toReversed();
  const own = new Set(commits.map(({ sha }) => sha));
  return copies.every((copy, at) => {
    const original = originals[at];
    const below = copies[at + 1];
    return (
      original !== undefined &&
      !own.has(copy.sha) &&
      copy.parents.length === 1 &&
      (below === undefined || copy.parents[0] === below.sha) &&
      copy.message === original.message &&
      copy.authorEmail === original.authorEmail &&
      copy.author?.id === original.author?.id
    );
  });
}

import { UserError } from '@papergate/config';
import type { Api } from './open.ts';
import type { ApiClient } from './client.ts';
import { GitHubFailure } from './failure.ts';
import {
  CheckRunSchema,
  CommitSchema,
  ComparedCommitsSchema,
  CompareSchema,
  PullSchema,
  ReviewSchema,
  type RawAccount,
} from './schema.ts';
import type { Static } from 'typebox';
import type { Person } from './types.ts';

export interface GitHubCommit {
  sha: string;
  message: string;
  parents: string[];
  /** Null where the address of the commit belongs to no account. */
  author: Person | null;
  committer: Person | null;
  authorEmail: string | null;
  committedAt: string | null;
  /** GitHub has verified its signature. */
  isVerified: boolean;
}

export interface Review {
  by: Person;
  /** What counts of this person: the last one that is no mere comment. */
  state: 'APPROVED' | 'CHANGES_REQUESTED' | 'DISMISSED' | 'PENDING';
  /** The commit that was reviewed; null where it is gone. */
  commit: string | null;
  at: string | null;
  /** OWNER, MEMBER, COLLABORATOR, CONTRIBUTOR, NONE, … */
  association: string;
}

/** A merged pull request with who reviewed it and who wrote its commits. */
export interface MergedPull {
  number: number;
  /** The branch that it was merged into. */
  base: string;
  headSha: string;
  mergeSha: string | null;
  mergedAt: string;
  openedBy: Person | null;
  /** One for each person. */
  reviews: Review[];
  commits: GitHubCommit[];
}

export interface CheckRun {
  id: number;
  name: string;
  /** queued, in_progress, completed, waiting, requested, pending */
  status: string;
  /** success, failure, neutral, cancelled, skipped, timed_out, action_required, stale; null while it runs. */
  conclusion: string | null;
  completedAt: string | null;
  /** Slug of the app that made it: `github-actions`. */
  app: string | null;
  url: string | null;
}

export interface Commits {
  /** Takes contents: read. @throws UserError COMMIT_INVALID */
  commit(sha: string): Promise<GitHubCommit>;
  /**
   * Whether `sha` lies on `branch`: it is the branch's head or one of its ancestors. A commit of a fork, which GitHub
   * also finds under this repository, does not. @throws UserError COMMIT_INVALID
   */
  isAncestor(sha: string, branch: string): Promise<boolean>;
  /**
   * The commits of `head` that `base` does not have, oldest first; empty where `base` has them all.
   * Takes contents: read. @throws UserError COMMIT_INVALID
   */
  commitsBetween(base: string, head: string): Promise<GitHubCommit[]>;
  /**
   * The merged pull requests that brought a commit, newest first. `known`: those that were read before for the same look, by
   * their number; they are not read again, and what is read is added. Takes pull-requests: read.
   */
  mergedPulls(sha: string, known?: Map<number, MergedPull>): Promise<MergedPull[]>;
  /**
   * Who approved the change: of the merged pull requests of `sha` into `branch`, each reviewer whose last word is an
   * approval of its very head commit, and who wrote none of it (opener, author or committer of a commit).
   */
  approversOf(sha: string, branch: string): Promise<Person[]>;
  /** Newest of each name and app. Takes checks: read. */
  checkRuns(sha: string): Promise<CheckRun[]>;
}

/** @throws UserError COMMIT_INVALID: names of branches and `HEAD~1` would be taken by GitHub as well */
export function fullSha(sha: string): string {
  if (/^[0-9a-f]{40}$/.test(sha)) return sha;
  throw new UserError({
    code: 'COMMIT_INVALID',
    message: `"${sha}" is no commit; found ${sha.length} characters, allowed are 40 of 0-9 and a-f`,
    fix: 'give the whole hash, as "git rev-parse" prints it',
  });
}

export function commitsOf(api: Api): Commits {
  const mergedPulls: Commits['mergedPulls'] = (sha, known = new Map()) =>
    api.doing(`reading the pull requests of ${sha.slice(0, 12)}`, async (client) => {
      const pulls = await client.list(PullSchema, 'GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls', {
        commit_sha: fullSha(sha),
      });
      const merged: MergedPull[] = [];
      for (const pull of pulls) {
        if (pull.merged_at === null) continue;
        const before = known.get(pull.number);
        if (before !== undefined) {
          merged.push(before);
          continue;
        }
        const at = { pull_number: pull.number };
        const reviews = await client.list(ReviewSchema, 'GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews', at);
        const commits = await client.list(CommitSchema, 'GET /repos/{owner}/{repo}/pulls/{pull_number}/commits', at);
        const read: MergedPull = {
          number: pull.number,
          base: pull.base.ref,
          headSha: pull.head.sha,
          mergeSha: pull.merge_commit_sha ?? null,
          mergedAt: pull.merged_at,
          openedBy: personOf(pull.user),
          reviews: lastWords(reviews),
          commits: commits.map(commitOf),
        };
        known.set(pull.number, read);
        merged.push(read);
      }
      return merged.sort((one, other) => other.mergedAt.localeCompare(one.mergedAt));
    });

  return {
    commit: (sha) =>
      api.doing(`reading the commit ${sha.slice(0, 12)}`, async (client) =>
        commitOf(await client.ask(CommitSchema, 'GET /repos/{owner}/{repo}/commits/{ref}', { ref: fullSha(sha) })),
      ),
    isAncestor: (sha, branch) =>
      api.doing(`comparing ${sha.slice(0, 12)} with ${branch}`, async (client) => {
        // One commit a page: only the verdict is wanted, not what lies between.
        const basehead = `${fullSha(sha)}...${branch}`;
        const { status, merge_base_commit } = await client.ask(CompareSchema, COMPARE, { basehead, per_page: 1 });
        return (status === 'ahead' || status === 'identical') && merge_base_commit.sha === sha;
      }),
    commitsBetween: (base, head) =>
      api.doing(`comparing ${base.slice(0, 12)} with ${head.slice(0, 12)}`, (client) =>
        between(client, `${fullSha(base)}...${fullSha(head)}`),
      ),
    mergedPulls,
    async approversOf(sha, branch) {
      const approvers = new Map<number, Person>();
      for (const pull of await mergedPulls(sha)) {
        if (pull.base !== branch) continue;
        const wrote = new Set(writersOf(pull).map(({ id }) => id));
        for (const { by, state, commit } of pull.reviews) {
          if (state === 'APPROVED' && commit === pull.headSha && !wrote.has(by.id) && !by.isBot)
            approvers.set(by.id, by);
        }
      }
      return [...approvers.values()];
    },
    checkRuns: (sha) =>
      api.doing(`reading the checks of ${sha.slice(0, 12)}`, async (client) => {
        const route = 'GET /repos/{owner}/{repo}/commits/{ref}/check-runs';
        const runs = await client.list(
          CheckRunSchema,
          route,
          { ref: fullSha(sha), filter: 'latest' },
          { key: 'check_runs' },
        );
        return runs.map((run) => ({
          id: run.id,
          name: run.name,
          status: run.status,
          conclusion: run.conclusion,
          completedAt: run.completed_at,
          app: run.app?.slug ?? null,
          url: run.details_url ?? null,
        }));
      }),
  };
}

const COMPARE = 'GET /repos/{owner}/{repo}/compare/{basehead}';
const PAGE = 100;
/** A release with more commits than this is none that anybody has read. */
const MOST_COMMITS = 5000;

/** A comparison is no list: its pages each repeat what it says of the whole, and only their commits differ. */
async function between(client: ApiClient, basehead: string): Promise<GitHubCommit[]> {
  const found: GitHubCommit[] = [];
  for (let page = 1; ; page++) {
    const answer = await client.ask(ComparedCommitsSchema, COMPARE, { basehead, per_page: PAGE, page });
    const { total_commits: total, commits } = answer;
    if (total > MOST_COMMITS) {
      throw new GitHubFailure('too-large', `${total} commits lie between, more than ${MOST_COMMITS}`);
    }
    found.push(...commits.map(commitOf));
    if (found.length === total) return found;
    if (commits.length === 0 || found.length > total) {
      throw new GitHubFailure('answer', `GitHub counts ${total} commits and lists ${found.length}`);
    }
  }
}

/** Everybody who had a hand in a pull request's content, as far as GitHub knows the accounts. */
export function writersOf({ openedBy, commits }: MergedPull): Person[] {
  const people = [openedBy, ...commits.flatMap(({ author, committer }) => [author, committer])];
  // `web-flow` commits what people did with GitHub's own buttons.
  return people.filter((person): person is Person => person !== null && person.login !== 'web-flow');
}

function lastWords(reviews: Static<typeof ReviewSchema>[]): Review[] {
  const words = new Map<number, Review>();
  for (const { user, state, commit_id, submitted_at, author_association } of reviews) {
    const by = personOf(user);
    if (by === null || !isWord(state)) continue;
    words.delete(by.id);
    words.set(by.id, { by, state, commit: commit_id, at: submitted_at ?? null, association: author_association });
  }
  return [...words.values()];
}

const isWord = (state: string): state is Review['state'] =>
  ['APPROVED', 'CHANGES_REQUESTED', 'DISMISSED', 'PENDING'].includes(state);

export function commitOf(raw: Static<typeof CommitSchema>): GitHubCommit {
  return {
    sha: raw.sha,
    message: raw.commit.message,
    parents: raw.parents.map(({ sha }) => sha),
    author: personOf(raw.author),
    committer: personOf(raw.committer),
    authorEmail: raw.commit.author?.email ?? null,
    committedAt: raw.commit.committer?.date ?? null,
    isVerified: raw.commit.verification?.verified ?? false,
  };
}

export function personOf(raw: Partial<RawAccount> | null | undefined): Person | null {
  if (raw?.login === undefined || raw.id === undefined) return null;
  return { login: raw.login, id: raw.id, isBot: raw.type === 'Bot' };
}

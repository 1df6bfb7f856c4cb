import { PapergateError, UserError } from '@papergate/config';
import type { BranchRule, GitHub, GitHubEnvironment, RepositoryFacts, Reviewer, Ruleset } from '@papergate/delivery';

/** What was read, or why it could not be: a token sees less than there is. */
export type Seen<T> = { value: T } | { why: string };

export interface Facts {
  repository: RepositoryFacts;
  /** Undefined where there is none of that name. */
  environments: Map<string, Seen<GitHubEnvironment | undefined>>;
  /** Names of secrets by environment; the repository's under the empty name. */
  secrets: Map<string, Seen<string[]>>;
  variables: Map<string, Seen<string[]>>;
  branchRules: Seen<BranchRule[]>;
  /** Of the branch's protection, GitHub's older kind of rules. */
  protection: Seen<BranchRule[]>;
  ruleset: Seen<Ruleset | undefined>;
  workflowToken: Seen<{ permissions: string; canApprove: boolean }>;
  labels: Seen<string[]>;
}

/** What a token that may not is told; anything else ends the command. */
const HIDDEN = ['GITHUB_FORBIDDEN', 'GITHUB_NOT_FOUND', 'GITHUB_SSO_REQUIRED'];

async function seen<T>(read: Promise<T>): Promise<Seen<T>> {
  try {
    return { value: await read };
  } catch (error) {
    if (!(error instanceof PapergateError) || !HIDDEN.includes(error.code)) throw error;
    return { why: error.message };
  }
}

export async function readFacts(
  github: GitHub,
  { environments, branch, ruleset }: { environments: readonly string[]; branch: string; ruleset: string },
): Promise<Facts> {
  // First alone: where it cannot be read, nothing can, and one error says it.
  const repository = await github.repository();
  const facts: Facts = {
    repository,
    environments: new Map(),
    secrets: new Map([['', await seen(github.secretNames())]]),
    variables: new Map([['', await seen(github.variableNames())]]),
    branchRules: await seen(github.branchRules(branch)),
    protection: await seen(github.branchProtection(branch)),
    ruleset: await seen(github.ruleset(ruleset)),
    workflowToken: await seen(github.workflowToken()),
    labels: await seen(github.labelNames()),
  };
  for (const name of environments) {
    const environment = await seen(github.environment(name));
    facts.environments.set(name, environment);
    const isThere = 'value' in environment && environment.value !== undefined;
    const nothing: Seen<string[]> = { value: [] };
    facts.secrets.set(name, isThere ? await seen(github.secretNames(name)) : nothing);
    facts.variables.set(name, isThere ? await seen(github.variableNames(name)) : nothing);
  }
  return facts;
}

/** @throws UserError GITHUB_REVIEWER_UNKNOWN */
export async function findReviewers(github: GitHub, names: readonly string[]): Promise<Reviewer[]> {
  const reviewers: Reviewer[] = [];
  for (const name of names) {
    const found = await github.findReviewer(name);
    if (found === undefined) {
      throw new UserError({
        code: 'GITHUB_REVIEWER_UNKNOWN',
        message: `--reviewer ${name} is nobody on GitHub; allowed is a login, or organization/team`,
        fix: 'give the name as it stands in the address of the profile or team; for a team the token needs members: read',
      });
    }
    reviewers.push(found);
  }
  return reviewers;
}

import type { JsonObject } from './description/types.ts';

/*
 * What the fake knows, as plain JSON: it can be written by hand, kept in a file, and looked at by a test. People are
 * named by login, times are RFC 3339.
 */

export interface FakeUser {
  id: number;
  isBot?: boolean;
}

export interface FakeTeam {
  id: number;
  members: string[];
}

/** Who a token speaks for and what it may do; `all` is an administrator's. */
export interface FakeToken {
  login: string;
  /** As GitHub names them: `deployments`, `pull_requests`, …; metadata: read comes with every token. */
  permissions: 'all' | Record<string, 'read' | 'write'>;
}

export interface FakeCommit {
  parents: string[];
  message: string;
  /** Null: the address belongs to no account. */
  author: string | null;
  committer?: string | null;
  date: string;
  verified?: boolean;
}

export interface FakeStatus {
  id: number;
  state: string;
  description: string;
  environment_url: string;
  log_url: string;
  creator: string;
  created_at: string;
}

export interface FakeDeployment {
  id: number;
  sha: string;
  ref: string;
  task: string;
  environment: string;
  payload: JsonObject | string;
  description: string | null;
  creator: string;
  created_at: string;
  production_environment: boolean;
  transient_environment: boolean;
  /** In the order in which they came. */
  statuses: FakeStatus[];
}

export interface FakeReviewer {
  type: 'User' | 'Team';
  /** Login or slug. */
  name: string;
}

export interface FakeEnvironment {
  id: number;
  created_at: string;
  wait_timer: number;
  reviewers: FakeReviewer[];
  prevent_self_review: boolean;
  /** Undefined: the answer leaves it out. */
  can_admins_bypass?: boolean | undefined;
  branch_policy: null | 'protected' | { id: number; name: string; type: 'branch' | 'tag' }[];
  secrets: string[];
  variables: Record<string, string>;
}

export interface FakeReview {
  user: string;
  /** APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED */
  state: string;
  commit_id: string | null;
  submitted_at: string;
  association?: string;
}

export interface FakePull {
  number: number;
  base: string;
  head: string;
  head_sha: string;
  user: string | null;
  title?: string;
  created_at: string;
  /** Null while it is open. */
  merged_at: string | null;
  merge_commit_sha: string | null;
  commits: string[];
  /** What a merge by rebasing made of them, beside the last one, which is the merge. */
  copies?: string[];
  reviews: FakeReview[];
}

export interface FakeArtifact {
  id: number;
  name: string;
  size_in_bytes: number;
  expired?: boolean;
  created_at: string;
  expires_at: string;
  digest?: string;
}

export interface FakeRun {
  id: number;
  attempt?: number;
  path: string;
  event: string;
  status: string;
  conclusion: string | null;
  head_sha: string;
  head_branch: string;
  actor: string;
  triggering_actor?: string;
  created_at: string;
  artifacts: FakeArtifact[];
  approvals: { environment: string; state: 'approved' | 'rejected'; user: string; comment: string }[];
  /** Environments that it waits for. */
  pending: { environment: string; wait_timer_started_at: string | null }[];
}

export interface FakeCheckRun {
  id: number;
  name: string;
  head_sha: string;
  status: string;
  conclusion: string | null;
  started_at: string;
  completed_at: string | null;
  app: string;
}

export interface FakeAttestation {
  id: number;
  subject_digest: string;
  predicate_type: string;
  bundle: JsonObject;
}

export interface FakeRuleset {
  id: number;
  name: string;
  target: string;
  enforcement: string;
  bypass_actors: JsonObject[];
  conditions: JsonObject;
  rules: JsonObject[];
}

export interface FakeRelease {
  id: number;
  tag_name: string;
  target_commitish: string;
  name: string;
  body: string;
  draft: boolean;
  prerelease: boolean;
  created_at: string;
  published_at: string | null;
}

export interface FakeIssue {
  number: number;
  title: string;
  body: string;
  state: 'open' | 'closed';
  user: string;
  labels: string[];
  created_at: string;
  comments: { id: number; user: string; body: string; created_at: string }[];
}

export interface FakeRepository {
  id: number;
  private: boolean;
  owner_type: 'User' | 'Organization';
  default_branch: string;
  commits: Record<string, FakeCommit>;
  /** Heads. */
  branches: Record<string, string>;
  tags: Record<string, string>;
  deployments: FakeDeployment[];
  environments: Record<string, FakeEnvironment>;
  secrets: string[];
  variables: Record<string, string>;
  pulls: FakePull[];
  runs: FakeRun[];
  check_runs: FakeCheckRun[];
  attestations: FakeAttestation[];
  rulesets: FakeRuleset[];
  /** By branch, as GitHub shows it: the older kind of rules. */
  branch_protection: Record<string, JsonObject>;
  /** Rules of the organization that hold for the default branch. */
  parent_rules: JsonObject[];
  labels: { name: string; color: string; description: string }[];
  releases: FakeRelease[];
  issues: FakeIssue[];
  workflow_token: { default_workflow_permissions: 'read' | 'write'; can_approve_pull_request_reviews: boolean };
  /** As a private repository of a small plan has it: 422 where protection of an environment is asked for. */
  without_protection?: boolean;
  /** As servers of some years ago: `can_admins_bypass` cannot be set. */
  without_bypass_setting?: boolean;
}

export interface FakeState {
  /** The next id; ids only grow, also over restarts. */
  next_id: number;
  users: Record<string, FakeUser>;
  /** By `organization/slug`. */
  teams: Record<string, FakeTeam>;
  /** Undefined: every token is taken for one of `github-actions[bot]` that may do all. */
  tokens?: Record<string, FakeToken>;
  /** Requests an hour for each token. */
  rate_limit: number;
  /** By `owner/name`. */
  repositories: Record<string, FakeRepository>;
}

/** What a caller gives: everything that is left out is empty. */
export type GivenState = Partial<Omit<FakeState, 'repositories'>> & {
  repositories?: Record<string, Partial<FakeRepository>>;
};

export const BOT = 'github-actions[bot]';

export function makeState(given: GivenState = {}): FakeState {
  const repositories = Object.entries(given.repositories ?? {}).map(
    ([name, one], index) => [name, { ...emptyRepository(1000 + index), ...one }] as const,
  );
  return {
    next_id: 5000,
    teams: {},
    rate_limit: 5000,
    ...given,
    users: { [BOT]: { id: 41_898_282, isBot: true }, 'web-flow': { id: 19_864_447 }, ...given.users },
    repositories: Object.fromEntries(repositories),
  };
}

const emptyRepository = (id: number): FakeRepository => ({
  id,
  private: false,
  owner_type: 'Organization',
  default_branch: 'main',
  commits: {},
  branches: {},
  tags: {},
  deployments: [],
  environments: {},
  secrets: [],
  variables: {},
  pulls: [],
  runs: [],
  check_runs: [],
  attestations: [],
  rulesets: [],
  branch_protection: {},
  parent_rules: [],
  labels: [],
  releases: [],
  issues: [],
  workflow_token: { default_workflow_permissions: 'write', can_approve_pull_request_reviews: false },
});

import { Type, type Static, type TSchema } from 'typebox';

/*
 * The fields of GitHub's answers that are used, as its description of the API has them
 * (https://github.com/github/rest-api-description). Whatever else an answer holds is not looked at.
 */

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
/** Fields that the description lists but does not require. */
const maybe = <T extends TSchema>(schema: T) => Type.Optional(nullable(schema));

const Account = Type.Object({ login: Type.String(), id: Type.Integer(), type: Type.Optional(Type.String()) });
export type RawAccount = Static<typeof Account>;

export const RepositorySchema = Type.Object({
  id: Type.Integer(),
  full_name: Type.String(),
  private: Type.Boolean(),
  default_branch: Type.String(),
  visibility: Type.Optional(Type.String()),
  owner: Type.Object({ login: Type.String(), type: Type.String() }),
});

export const CommitSchema = Type.Object({
  sha: Type.String(),
  commit: Type.Object({
    message: Type.String(),
    author: nullable(Type.Object({ email: Type.Optional(Type.String()), date: Type.Optional(Type.String()) })),
    committer: nullable(Type.Object({ email: Type.Optional(Type.String()), date: Type.Optional(Type.String()) })),
    verification: Type.Optional(Type.Object({ verified: Type.Boolean() })),
  }),
  // An empty object where the address belongs to no account.
  author: nullable(Type.Partial(Account)),
  committer: nullable(Type.Partial(Account)),
  parents: Type.Array(Type.Object({ sha: Type.String() })),
});

export const CompareSchema = Type.Object({
  status: Type.Enum(['diverged', 'ahead', 'behind', 'identical']),
  ahead_by: Type.Integer(),
  behind_by: Type.Integer(),
  merge_base_commit: Type.Object({ sha: Type.String() }),
});

export const ComparedCommitsSchema = Type.Object({ total_commits: Type.Integer(), commits: Type.Array(CommitSchema) });

export const PullSchema = Type.Object({
  number: Type.Integer(),
  state: Type.String(),
  user: nullable(Account),
  merged_at: nullable(Type.String()),
  merge_commit_sha: maybe(Type.String()),
  base: Type.Object({ ref: Type.String() }),
  head: Type.Object({ ref: Type.String(), sha: Type.String() }),
});

export const ReviewSchema = Type.Object({
  id: Type.Integer(),
  user: nullable(Account),
  state: Type.String(),
  commit_id: nullable(Type.String()),
  submitted_at: Type.Optional(Type.String()),
  author_association: Type.String(),
});

export const CheckRunSchema = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  head_sha: Type.String(),
  status: Type.String(),
  conclusion: nullable(Type.String()),
  started_at: nullable(Type.String()),
  completed_at: nullable(Type.String()),
  details_url: maybe(Type.String()),
  app: nullable(Type.Object({ slug: Type.Optional(Type.String()) })),
});

export const DeploymentSchema = Type.Object({
  id: Type.Integer(),
  sha: Type.String(),
  ref: Type.String(),
  task: Type.String(),
  environment: Type.String(),
  payload: Type.Unknown(),
  description: nullable(Type.String()),
  creator: nullable(Account),
  created_at: Type.String(),
  production_environment: Type.Optional(Type.Boolean()),
  transient_environment: Type.Optional(Type.Boolean()),
});

export const DeploymentStatusSchema = Type.Object({
  id: Type.Integer(),
  state: Type.String(),
  creator: nullable(Account),
  description: maybe(Type.String()),
  environment_url: maybe(Type.String()),
  log_url: maybe(Type.String()),
  target_url: maybe(Type.String()),
  created_at: Type.String(),
});

const Reviewer = Type.Object({
  type: Type.String(),
  reviewer: Type.Object({
    id: Type.Integer(),
    login: Type.Optional(Type.String()),
    slug: Type.Optional(Type.String()),
  }),
});

export const EnvironmentSchema = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  created_at: Type.String(),
  updated_at: Type.String(),
  // Not in GitHub's description, but in its answers.
  can_admins_bypass: Type.Optional(Type.Boolean()),
  protection_rules: Type.Optional(
    Type.Array(
      Type.Object({
        type: Type.String(),
        enabled: Type.Optional(Type.Boolean()),
        wait_timer: Type.Optional(Type.Integer()),
        prevent_self_review: Type.Optional(Type.Boolean()),
        reviewers: Type.Optional(Type.Array(Reviewer)),
      }),
    ),
  ),
  deployment_branch_policy: Type.Optional(
    nullable(Type.Object({ protected_branches: Type.Boolean(), custom_branch_policies: Type.Boolean() })),
  ),
});

export const BranchPolicySchema = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  type: Type.Optional(Type.String()),
});

export const NameSchema = Type.Object({ name: Type.String(), updated_at: Type.String() });

export const ApprovalSchema = Type.Object({
  environments: Type.Array(Type.Object({ name: Type.String() })),
  state: Type.String(),
  user: Account,
  comment: Type.String(),
});

export const PendingSchema = Type.Object({
  environment: Type.Object({ name: Type.String() }),
  wait_timer: Type.Integer(),
  wait_timer_started_at: nullable(Type.String()),
  current_user_can_approve: Type.Boolean(),
  reviewers: Type.Array(Reviewer),
});

export const ArtifactSchema = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  size_in_bytes: Type.Integer(),
  expired: Type.Boolean(),
  created_at: nullable(Type.String()),
  expires_at: nullable(Type.String()),
  digest: maybe(Type.String()),
});

export const RunSchema = Type.Object({
  id: Type.Integer(),
  path: Type.String(),
  event: Type.String(),
  status: nullable(Type.String()),
  conclusion: nullable(Type.String()),
  head_sha: Type.String(),
  head_branch: nullable(Type.String()),
  run_attempt: Type.Optional(Type.Integer()),
  html_url: Type.String(),
  created_at: Type.String(),
  actor: Type.Optional(Account),
  triggering_actor: Type.Optional(Account),
});

export const AttestationSchema = Type.Object({
  bundle: maybe(
    Type.Object({
      mediaType: Type.Optional(Type.String()),
      verificationMaterial: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
      dsseEnvelope: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    }),
  ),
});

export const RateLimitSchema = Type.Object({
  resources: Type.Object({
    core: Type.Object({ limit: Type.Integer(), remaining: Type.Integer(), reset: Type.Integer() }),
  }),
});

export const RulesetSummarySchema = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  target: Type.Optional(Type.String()),
  enforcement: Type.String(),
  source_type: Type.Optional(Type.String()),
});

const Rule = Type.Object({
  type: Type.String(),
  parameters: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});
export const RulesetSchema = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  target: Type.Optional(Type.String()),
  enforcement: Type.String(),
  // Only sent to those who may change the ruleset.
  bypass_actors: Type.Optional(
    Type.Array(
      Type.Object({
        actor_id: maybe(Type.Integer()),
        actor_type: Type.String(),
        bypass_mode: Type.Optional(Type.String()),
      }),
    ),
  ),
  conditions: maybe(
    Type.Object({
      ref_name: Type.Optional(
        Type.Object({
          include: Type.Optional(Type.Array(Type.String())),
          exclude: Type.Optional(Type.Array(Type.String())),
        }),
      ),
    }),
  ),
  rules: Type.Optional(Type.Array(Rule)),
});
export const BranchRuleSchema = Rule;

const Switch = Type.Optional(Type.Object({ enabled: Type.Optional(Type.Boolean()) }));
export const BranchProtectionSchema = Type.Object({
  enforce_admins: Switch,
  required_pull_request_reviews: Type.Optional(
    Type.Object({
      required_approving_review_count: Type.Optional(Type.Integer()),
      dismiss_stale_reviews: Type.Boolean(),
      require_code_owner_reviews: Type.Boolean(),
      require_last_push_approval: Type.Optional(Type.Boolean()),
      bypass_pull_request_allowances: Type.Optional(
        Type.Partial(Type.Record(Type.Enum(['users', 'teams', 'apps']), Type.Array(Type.Unknown()))),
      ),
    }),
  ),
  required_status_checks: Type.Optional(
    Type.Object({
      strict: Type.Optional(Type.Boolean()),
      checks: Type.Optional(Type.Array(Type.Object({ context: Type.String(), app_id: nullable(Type.Integer()) }))),
    }),
  ),
  required_conversation_resolution: Switch,
  allow_force_pushes: Switch,
  allow_deletions: Switch,
});

export const AccountSchema = Account;
export const TeamSchema = Type.Object({ id: Type.Integer(), slug: Type.String() });
export const WorkflowTokenSchema = Type.Object({
  default_workflow_permissions: Type.String(),
  can_approve_pull_request_reviews: Type.Boolean(),
});

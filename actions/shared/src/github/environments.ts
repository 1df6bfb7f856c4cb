import type { Static } from 'typebox';
import type { Api } from './open.ts';
import type { ApiClient, Params } from './client.ts';
import { GitHubFailure } from './failure.ts';
import { BranchPolicySchema, EnvironmentSchema, NameSchema } from './schema.ts';
import type { Reviewer } from './types.ts';

/** Which branches and tags may be deployed: every one, those under branch protection, or those of these patterns. */
export type BranchPolicy = 'all' | 'protected' | { name: string; type: 'branch' | 'tag' }[];

export interface Environment {
  name: string;
  /** 0 where there is no timer. */
  waitTimerMinutes: number;
  reviewers: Reviewer[];
  /** Who started a run may not let it through. */
  preventSelfReview: boolean;
  /** Null where GitHub did not say: its description of the API does not promise it. */
  canAdminsBypass: boolean | null;
  branchPolicy: BranchPolicy;
  /** Rules of other kinds, as apps add them, by type. */
  otherRules: string[];
}

/** What is to be; what is left out is set to GitHub's default by `PUT`, so all is required. */
export interface WantedEnvironment {
  waitTimerMinutes: number;
  reviewers: readonly Pick<Reviewer, 'type' | 'id'>[];
  preventSelfReview: boolean;
  branchPolicy: BranchPolicy;
  /** Left out: GitHub's default, which lets them. A server that does not know it leaves it as it is. */
  canAdminsBypass?: boolean;
}

export interface Environments {
  /** Undefined where there is none of that name. Takes actions: read (public repositories: nothing). */
  environment(name: string): Promise<Environment | undefined>;
  environmentNames(): Promise<string[]>;
  /**
   * Makes or changes one, with exactly these branch policies. Takes administration: write. Read it again to know
   * whether `canAdminsBypass` was taken.
   */
  putEnvironment(name: string, wanted: WantedEnvironment): Promise<void>;
  /**
   * Names of secrets, of an environment or of the repository; never values, which GitHub does not hand out.
   * Takes environments: read, or secrets: read for the repository's: a GITHUB_TOKEN cannot have that.
   */
  secretNames(environment?: string): Promise<string[]>;
  variableNames(environment?: string): Promise<string[]>;
}

const AT = '/repos/{owner}/{repo}/environments/{environment_name}';

export function environmentsOf(api: Api): Environments {
  const names = (kind: 'secrets' | 'variables', environment: string | undefined): Promise<string[]> => {
    const of = environment === undefined ? 'the repository' : `the environment ${environment}`;
    return api.doing(`reading the names of the ${kind} of ${of}`, async (client) => {
      const route = environment === undefined ? `/repos/{owner}/{repo}/actions/${kind}` : `${AT}/${kind}`;
      const params = environment === undefined ? {} : { environment_name: environment };
      const found = await client.list(NameSchema, `GET ${route}`, { ...params, per_page: 30 }, { key: kind });
      return found.map(({ name }) => name).sort();
    });
  };
  return {
    environment: (name) =>
      api.doing(`reading the environment ${name}`, async (client) => {
        const raw = await client.find(EnvironmentSchema, `GET ${AT}`, { environment_name: name });
        return raw === undefined ? undefined : environmentOf(raw, await policyOf(client, raw));
      }),
    environmentNames: () =>
      api.doing('reading the environments', async (client) => {
        const route = 'GET /repos/{owner}/{repo}/environments';
        const found = await client.list(EnvironmentSchema, route, {}, { key: 'environments' });
        return found.map(({ name }) => name);
      }),
    putEnvironment: (name, wanted) =>
      api.doing(`setting the environment ${name}`, async (client) => {
        const { branchPolicy } = wanted;
        const at = { environment_name: name, deployment_branch_policy: flagsOf(branchPolicy) };
        await firstAccepted(bodiesOf(wanted).map((body) => () => client.send(`PUT ${AT}`, { ...at, ...body })));
        if (Array.isArray(branchPolicy)) await putPolicies(client, name, branchPolicy);
      }),
    secretNames: (environment) => names('secrets', environment),
    variableNames: (environment) => names('variables', environment),
  };
}

/** What to send, the fullest first: each is sent where GitHub refuses the one before it. */
function bodiesOf({ waitTimerMinutes, reviewers, preventSelfReview, canAdminsBypass }: WantedEnvironment): Params[] {
  const protection = {
    wait_timer: waitTimerMinutes,
    prevent_self_review: preventSelfReview,
    reviewers: reviewers.length === 0 ? null : reviewers.map(({ type, id }) => ({ type, id })),
  };
  const isProtected = waitTimerMinutes > 0 || reviewers.length > 0 || preventSelfReview;
  return [
    // GitHub takes it and its description of the API does not have it; servers of some years ago refuse it.
    ...(canAdminsBypass === undefined ? [] : [{ ...protection, can_admins_bypass: canAdminsBypass }]),
    protection,
    // A private repository of a smaller plan takes no protection at all, also not the wish for none.
    ...(isProtected ? [] : [{}]),
  ];
}

/** @throws GitHubFailure the last refusal, or the first failure of another kind */
async function firstAccepted(tries: readonly (() => Promise<void>)[]): Promise<void> {
  let refusal: unknown;
  for (const send of tries) {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof GitHubFailure) || error.kind !== 'refused') throw error;
      refusal = error;
    }
  }
  throw refusal;
}

const flagsOf = (policy: BranchPolicy) =>
  policy === 'all'
    ? null
    : { protected_branches: policy === 'protected', custom_branch_policies: policy !== 'protected' };

const POLICIES = `${AT}/deployment-branch-policies`;

async function policies(client: ApiClient, name: string): Promise<Static<typeof BranchPolicySchema>[]> {
  return await client.list(
    BranchPolicySchema,
    `GET ${POLICIES}`,
    { environment_name: name },
    { key: 'branch_policies' },
  );
}

async function policyOf(client: ApiClient, raw: Static<typeof EnvironmentSchema>): Promise<BranchPolicy> {
  const flags = raw.deployment_branch_policy ?? null;
  if (flags === null) return 'all';
  if (!flags.custom_branch_policies) return 'protected';
  const found = await policies(client, raw.name);
  return found.map(({ name, type }) => ({ name, type: type === 'tag' ? 'tag' : 'branch' }));
}

/** What is missing first: with no policy at all nothing could be deployed, with an old one too many no harm is done yet. */
async function putPolicies(
  client: ApiClient,
  environment: string,
  wanted: { name: string; type: string }[],
): Promise<void> {
  const is = await policies(client, environment);
  const at = { environment_name: environment };
  const same = (one: { name: string; type?: string }, other: { name: string; type?: string }): boolean =>
    one.name === other.name && (one.type ?? 'branch') === (other.type ?? 'branch');
  for (const { name, type } of wanted.filter((one) => !is.some((other) => same(one, other)))) {
    await client.send(`POST ${POLICIES}`, { ...at, name, type });
  }
  for (const { id } of is.filter((one) => !wanted.some((other) => same(one, other)))) {
    await client.send(`DELETE ${POLICIES}/{branch_policy_id}`, { ...at, branch_policy_id: id });
  }
}

function environmentOf(raw: Static<typeof EnvironmentSchema>, branchPolicy: BranchPolicy): Environment {
  const rules = raw.protection_rules ?? [];
  const review = rules.find(({ type }) => type === 'required_reviewers');
  const timer = rules.find(({ type }) => type === 'wait_timer');
  return {
    name: raw.name,
    waitTimerMinutes: timer?.wait_timer ?? 0,
    reviewers: (review?.reviewers ?? []).map(({ type, reviewer }) => ({
      type: type === 'Team' ? 'Team' : 'User',
      id: reviewer.id,
      name: reviewer.login ?? reviewer.slug ?? String(reviewer.id),
    })),
    preventSelfReview: review?.prevent_self_review ?? false,
    canAdminsBypass: raw.can_admins_bypass ?? null,
    branchPolicy,
    otherRules: rules
      .map(({ type }) => type)
      .filter((type) => !['required_reviewers', 'wait_timer', 'branch_policy'].includes(type)),
  };
}

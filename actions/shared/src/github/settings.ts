import { Type, type Static } from 'typebox';
import { GitHubFailure } from './failure.ts';
import type { Api } from './open.ts';
import { rulesOfProtection } from './protection.ts';
import {
  AccountSchema,
  BranchProtectionSchema,
  BranchRuleSchema,
  RepositorySchema,
  RulesetSchema,
  RulesetSummarySchema,
  TeamSchema,
  WorkflowTokenSchema,
} from './schema.ts';
import type { Reviewer } from './types.ts';

export interface RepositoryFacts {
  fullName: string;
  isPrivate: boolean;
  /** public, private or internal. */
  visibility: string;
  defaultBranch: string;
  ownerType: 'User' | 'Organization';
}

export interface Rule {
  type: string;
  parameters?: Record<string, unknown>;
}

/** A ruleset for branches, as `GET` and `PUT` both have it. */
export interface Ruleset {
  id: number;
  name: string;
  enforcement: 'active' | 'disabled' | 'evaluate';
  /** Refs: `refs/heads/main`, `~DEFAULT_BRANCH`. */
  include: string[];
  exclude: string[];
  rules: Rule[];
  /** Who may go round it; null where GitHub does not show it to this token. */
  bypass: { type: string; id: number | null; mode: string }[] | null;
}

export interface RepositorySettings {
  /** Takes metadata: read, which every token has. */
  repository(): Promise<RepositoryFacts>;
  /** The rules that hold for a branch, of all rulesets that are active, the organization's too. */
  branchRules(branch: string): Promise<Rule[]>;
  /**
   * The same for the branch's protection, GitHub's older kind of rules, as far as it binds administrators too; empty where
   * there is none. Takes administration: read.
   */
  branchProtection(branch: string): Promise<Rule[]>;
  /** The repository's own one of that name. */
  ruleset(name: string): Promise<Ruleset | undefined>;
  /** Makes or replaces the one of that name; nobody may go round it. Takes administration: write. */
  putRuleset(wanted: Omit<Ruleset, 'id' | 'bypass'>): Promise<void>;
  /** What GITHUB_TOKEN may do where a workflow says nothing. Takes administration: read. */
  workflowToken(): Promise<{ permissions: string; canApprove: boolean }>;
  putWorkflowToken(wanted: { permissions: 'read' | 'write'; canApprove: boolean }): Promise<void>;
  labelNames(): Promise<string[]>;
  putLabel(label: { name: string; color: string; description: string }): Promise<void>;
  /** `login`, or `organization/team`. Undefined where there is none of that name. */
  findReviewer(name: string): Promise<Reviewer | undefined>;
}

const PROTECTION = 'GET /repos/{owner}/{repo}/branches/{branch}/protection';
const RULESETS = '/repos/{owner}/{repo}/rulesets';

export function settingsOf(api: Api): RepositorySettings {
  const find = (name: string): Promise<Ruleset | undefined> =>
    api.doing(`reading the ruleset ${name}`, async (client) => {
      const all = await client.list(RulesetSummarySchema, `GET ${RULESETS}`, { includes_parents: false });
      const found = all.find((one) => one.name === name && (one.target ?? 'branch') === 'branch');
      if (found === undefined) return undefined;
      return rulesetOf(await client.ask(RulesetSchema, `GET ${RULESETS}/{ruleset_id}`, { ruleset_id: found.id }));
    });
  return {
    repository: () =>
      api.doing('reading the repository', async (client) => {
        const raw = await client.ask(RepositorySchema, 'GET /repos/{owner}/{repo}');
        return {
          fullName: raw.full_name,
          isPrivate: raw.private,
          visibility: raw.visibility ?? (raw.private ? 'private' : 'public'),
          defaultBranch: raw.default_branch,
          ownerType: raw.owner.type === 'Organization' ? 'Organization' : 'User',
        };
      }),
    branchRules: (branch) =>
      api.doing(`reading the rules of ${branch}`, (client) =>
        client.list(BranchRuleSchema, 'GET /repos/{owner}/{repo}/rules/branches/{branch}', { branch }),
      ),
    branchProtection: (branch) =>
      api.doing(`reading the protection of ${branch}`, async (client) => {
        try {
          return rulesOfProtection(await client.ask(BranchProtectionSchema, PROTECTION, { branch }));
        } catch (error) {
          // GitHub says 404 also to a token that may not see it.
          if (error instanceof GitHubFailure && error.message.includes('Branch not protected')) return [];
          throw error;
        }
      }),
    ruleset: find,
    async putRuleset(wanted) {
      const { name, enforcement, include, exclude, rules } = wanted;
      const is = await find(name);
      const conditions = { ref_name: { include, exclude } };
      const body = { name, target: 'branch', enforcement, bypass_actors: [], conditions, rules };
      await api.doing(`setting the ruleset ${name}`, (client) =>
        is === undefined
          ? client.send(`POST ${RULESETS}`, body)
          : client.send(`PUT ${RULESETS}/{ruleset_id}`, { ruleset_id: is.id, ...body }),
      );
    },
    workflowToken: () =>
      api.doing('reading the default permissions of GITHUB_TOKEN', async (client) => {
        const route = 'GET /repos/{owner}/{repo}/actions/permissions/workflow';
        const raw = await client.ask(WorkflowTokenSchema, route);
        return { permissions: raw.default_workflow_permissions, canApprove: raw.can_approve_pull_request_reviews };
      }),
    putWorkflowToken: ({ permissions, canApprove }) =>
      api.doing('setting the default permissions of GITHUB_TOKEN', (client) =>
        client.send('PUT /repos/{owner}/{repo}/actions/permissions/workflow', {
          default_workflow_permissions: permissions,
          can_approve_pull_request_reviews: canApprove,
        }),
      ),
    labelNames: () =>
      api.doing('reading the labels', async (client) => {
        const found = await client.list(Type.Object({ name: Type.String() }), 'GET /repos/{owner}/{repo}/labels');
        return found.map(({ name }) => name);
      }),
    putLabel: (label) =>
      api.doing(`making the label ${label.name}`, (client) =>
        client.send('POST /repos/{owner}/{repo}/labels', { ...label }),
      ),
    findReviewer: (name) =>
      api.doing(`looking for ${name}`, async (client) => {
        const [org, slug] = name.split('/');
        if (slug === undefined) {
          const user = await client.find(AccountSchema, 'GET /users/{username}', { username: name });
          return user && { type: 'User', id: user.id, name: user.login };
        }
        const team = await client.find(TeamSchema, 'GET /orgs/{org}/teams/{team_slug}', { org, team_slug: slug });
        return team && { type: 'Team', id: team.id, name: team.slug };
      }),
  };
}

function rulesetOf(raw: Static<typeof RulesetSchema>): Ruleset {
  return {
    id: raw.id,
    name: raw.name,
    enforcement: raw.enforcement === 'active' || raw.enforcement === 'evaluate' ? raw.enforcement : 'disabled',
    include: raw.conditions?.ref_name?.include ?? [],
    exclude: raw.conditions?.ref_name?.exclude ?? [],
    rules: raw.rules ?? [],
    bypass:
      raw.bypass_actors?.map(({ actor_type, actor_id, bypass_mode }) => ({
        type: actor_type,
        id: actor_id ?? null,
        mode: bypass_mode ?? 'always',
      })) ?? null,
  };
}

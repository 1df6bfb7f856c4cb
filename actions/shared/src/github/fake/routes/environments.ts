import { found, invalid, missing, Refusal, text, type Call, type Route } from '../call.ts';
import { isObject, type JsonObject } from '../description/types.ts';
import type { FakeEnvironment, FakeReviewer } from '../state.ts';
import { reviewer } from '../views.ts';

const R = '/repos/{owner}/{repo}';
const E = `${R}/environments/{environment_name}`;
const MAX_REVIEWERS = 6;

/** https://docs.github.com/en/rest/deployments/environments, and the names of secrets and variables. */
export const ENVIRONMENT_ROUTES: Route[] = [
  {
    route: `GET ${R}/environments`,
    needs: ['actions', 'read'],
    handle(call) {
      const items = Object.keys(call.repository.environments).map((name) => environment(call, name));
      return { status: 200, list: { items, key: 'environments', isCounted: true } };
    },
  },
  {
    route: `GET ${E}`,
    needs: ['actions', 'read'],
    handle: (call) => ({ status: 200, body: environment(call, nameOf(call)) }),
  },
  { route: `PUT ${E}`, needs: ['administration', 'write'], handle: put },
  {
    route: `GET ${E}/deployment-branch-policies`,
    needs: ['actions', 'read'],
    handle(call) {
      const items = custom(call).map(policy);
      return { status: 200, list: { items, key: 'branch_policies', isCounted: true } };
    },
  },
  {
    route: `POST ${E}/deployment-branch-policies`,
    needs: ['administration', 'write'],
    handle(call) {
      const [name, type] = [
        text(call.body, 'name'),
        text(call.body, 'type', 'branch') === 'tag' ? 'tag' : 'branch',
      ] as const;
      const policies = custom(call);
      // GitHub answers 303 to one that is there already.
      if (policies.some((one) => one.name === name && one.type === type)) return { status: 303 };
      const made = { id: call.nextId(), name, type };
      policies.push(made);
      return { status: 200, body: policy(made) };
    },
  },
  {
    route: `DELETE ${E}/deployment-branch-policies/{branch_policy_id}`,
    needs: ['administration', 'write'],
    handle(call) {
      const policies = custom(call);
      const at = policies.findIndex(({ id }) => String(id) === call.params['branch_policy_id']);
      if (at === -1) throw missing();
      policies.splice(at, 1);
      return { status: 204 };
    },
  },
  {
    route: `GET ${E}/secrets`,
    needs: ['environments', 'read'],
    handle: (call) => secretNames(call, of(call).secrets),
  },
  {
    route: `GET ${E}/variables`,
    needs: ['environments', 'read'],
    handle: (call) => variables(call, of(call).variables),
  },
  {
    route: `GET ${R}/actions/secrets`,
    needs: ['secrets', 'read'],
    handle: (call) => secretNames(call, call.repository.secrets),
  },
  {
    route: `GET ${R}/actions/variables`,
    needs: ['actions_variables', 'read'],
    handle: (call) => variables(call, call.repository.variables),
  },
];

const secretNames = ({ repository }: Call, names: string[]) => {
  const at = stamp(repository);
  return {
    status: 200,
    list: { items: names.map((name) => ({ name, ...at })), key: 'secrets', isCounted: true },
  };
};

const variables = ({ repository }: Call, values: Record<string, string>) => {
  const at = stamp(repository);
  const items = Object.entries(values).map(([name, value]) => ({ name, value, ...at }));
  return { status: 200, list: { items, key: 'variables', isCounted: true } };
};

const stamp = ({ id }: { id: number }): JsonObject => {
  const at = new Date(Date.UTC(2024, 0, 1) + id).toISOString();
  return { created_at: at, updated_at: at };
};

const nameOf = (call: Call): string => call.params['environment_name'] ?? '';
const of = (call: Call): FakeEnvironment => found(call.repository.environments[nameOf(call)]);

function custom(call: Call): { id: number; name: string; type: 'branch' | 'tag' }[] {
  const { branch_policy: policies } = of(call);
  if (!Array.isArray(policies)) throw missing();
  return policies;
}

const policy = (one: { id: number; name: string; type: string }): JsonObject => ({ ...one, node_id: `P_${one.id}` });

function put(call: Call) {
  const { body, repository, now } = call;
  const name = nameOf(call);
  const before = repository.environments[name];
  const flags = body['deployment_branch_policy'];
  const timer = body['wait_timer'];
  if (isObject(flags) && flags['protected_branches'] === flags['custom_branch_policies']) {
    throw invalid('Environment', 'deployment_branch_policy', 'invalid');
  }
  if (typeof timer === 'number' && (timer < 0 || timer > 43_200)) throw invalid('Environment', 'wait_timer', 'invalid');
  const reviewers = reviewersOf(call);
  const asksFor = ['wait_timer', 'reviewers', 'prevent_self_review'].some((key) => body[key] !== undefined);
  if (repository.without_protection === true && asksFor) {
    throw new Refusal(
      422,
      'Failed to create the environment protection rule. Please ensure the billing plan supports it.',
    );
  }
  const keeps = Array.isArray(before?.branch_policy) ? before.branch_policy : [];
  repository.environments[name] = {
    id: before?.id ?? call.nextId(),
    created_at: before?.created_at ?? now,
    wait_timer: typeof timer === 'number' ? timer : 0,
    reviewers,
    prevent_self_review: body['prevent_self_review'] === true,
    can_admins_bypass: bypassOf(call, before),
    branch_policy: isObject(flags) ? (flags['custom_branch_policies'] === true ? keeps : 'protected') : null,
    secrets: before?.secrets ?? [],
    variables: before?.variables ?? {},
  };
  return { status: 200, body: environment(call, name) };
}

/** Not in GitHub's description of the API, but in what it does: left out, administrators may go round the rules. */
function bypassOf({ body, repository }: Call, before: FakeEnvironment | undefined): boolean | undefined {
  const wanted = body['can_admins_bypass'];
  if (repository.without_bypass_setting !== true) return typeof wanted === 'boolean' ? wanted : true;
  if (wanted !== undefined) {
    throw new Refusal(422, 'Invalid request.\n\n"can_admins_bypass" is not a permitted key.');
  }
  return before === undefined ? true : before.can_admins_bypass;
}

function reviewersOf(call: Call): FakeReviewer[] {
  const given = Array.isArray(call.body['reviewers']) ? call.body['reviewers'] : [];
  if (given.length > MAX_REVIEWERS) throw invalid('Environment', 'reviewers', 'too_many');
  return given.map((one) => {
    const { type, id } = isObject(one) ? one : {};
    const { users, teams } = call.state;
    const isTeam = type === 'Team';
    const name = Object.keys(isTeam ? teams : users).find((key) => (isTeam ? teams : users)[key]?.id === id);
    if (name === undefined) throw invalid('Environment', 'reviewers', 'invalid');
    return { type: isTeam ? 'Team' : 'User', name: name.replace(/^.*\//, '') };
  });
}

/** As GitHub shows it: a rule for each protection that there is. */
function environment(call: Call, name: string): JsonObject {
  const one = found(call.repository.environments[name]);
  const rule = (offset: number, type: string): JsonObject => ({
    id: one.id * 10 + offset,
    node_id: `R_${one.id}_${offset}`,
    type,
  });
  const { branch_policy: branches } = one;
  const rules = [
    ...(one.wait_timer > 0 ? [{ ...rule(1, 'wait_timer'), wait_timer: one.wait_timer }] : []),
    ...(one.reviewers.length > 0 || one.prevent_self_review
      ? [
          {
            ...rule(2, 'required_reviewers'),
            prevent_self_review: one.prevent_self_review,
            reviewers: one.reviewers.map((each) => reviewer(call, each)),
          },
        ]
      : []),
    ...(branches === null ? [] : [rule(3, 'branch_policy')]),
  ];
  const path = `repos/${call.fullName}/environments/${encodeURIComponent(name)}`;
  return {
    id: one.id,
    name,
    url: `${call.api}/${path}`,
    html_url: `https://github.com/${call.fullName}/deployments/activity_log?environments_filter=${encodeURIComponent(name)}`,
    created_at: one.created_at,
    updated_at: one.created_at,
    ...(one.can_admins_bypass === undefined ? {} : { can_admins_bypass: one.can_admins_bypass }),
    protection_rules: rules,
    deployment_branch_policy:
      branches === null
        ? null
        : { protected_branches: branches === 'protected', custom_branch_policies: branches !== 'protected' },
  };
}

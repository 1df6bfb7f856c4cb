import { found, invalid, Refusal, text, type Call, type Route } from '../call.ts';
import { isObject, type JsonObject } from '../description/types.ts';
import type { FakeDeployment, FakeStatus } from '../state.ts';
import { account, resolveRef } from '../views.ts';

const D = '/repos/{owner}/{repo}/deployments';
const LONGEST_DESCRIPTION = 140;

/** https://docs.github.com/en/rest/deployments */
export const DEPLOYMENT_ROUTES: Route[] = [
  {
    route: `GET ${D}`,
    needs: ['deployments', 'read'],
    handle(call) {
      const wanted = ['sha', 'ref', 'task', 'environment'] as const;
      const of = call.repository.deployments.filter((one) =>
        wanted.every((name) => [null, 'none', one[name]].includes(call.query.get(name))),
      );
      return { status: 200, list: { items: of.toReversed().map((one) => deployment(call, one)) } };
    },
  },
  { route: `POST ${D}`, needs: ['deployments', 'write'], handle: create },
  {
    route: `GET ${D}/{deployment_id}`,
    needs: ['deployments', 'read'],
    handle: (call) => ({ status: 200, body: deployment(call, deploymentOf(call)) }),
  },
  {
    route: `GET ${D}/{deployment_id}/statuses`,
    needs: ['deployments', 'read'],
    handle(call) {
      const one = deploymentOf(call);
      return { status: 200, list: { items: one.statuses.toReversed().map((each) => status(call, one, each)) } };
    },
  },
  { route: `POST ${D}/{deployment_id}/statuses`, needs: ['deployments', 'write'], handle: setStatus },
];

function create(call: Call) {
  const { body, repository, now, actor } = call;
  const ref = text(body, 'ref');
  const sha = resolveRef(call, ref);
  if (sha === undefined) throw new Refusal(422, `No ref found for: ${ref}`);
  const contexts = body['required_contexts'];
  if (!Array.isArray(contexts) || contexts.length > 0) {
    // GitHub then asks for every check of the commit to be green.
    const open = repository.check_runs.filter(
      ({ head_sha, conclusion }) => head_sha === sha && conclusion !== 'success',
    );
    if (open.length > 0) throw new Refusal(409, 'Conflict: Commit status checks failed for this commit.');
  }
  const environment = text(body, 'environment', 'production');
  const { payload = '' } = body;
  const one: FakeDeployment = {
    id: call.nextId(),
    sha,
    ref,
    task: text(body, 'task', 'deploy'),
    environment,
    payload: isObject(payload) ? payload : text(body, 'payload'),
    description: text(body, 'description'),
    creator: actor,
    created_at: now,
    production_environment:
      typeof body['production_environment'] === 'boolean'
        ? body['production_environment']
        : environment === 'production',
    transient_environment: body['transient_environment'] === true,
    statuses: [],
  };
  repository.deployments.push(one);
  // GitHub makes an environment that is deployed to and is not there, without any rules.
  repository.environments[environment] ??= {
    id: call.nextId(),
    created_at: now,
    wait_timer: 0,
    reviewers: [],
    prevent_self_review: false,
    can_admins_bypass: true,
    branch_policy: null,
    secrets: [],
    variables: {},
  };
  return { status: 201, body: deployment(call, one) };
}

function setStatus(call: Call) {
  const { body, now, actor } = call;
  const one = deploymentOf(call);
  const description = text(body, 'description');
  if (description.length > LONGEST_DESCRIPTION) throw invalid('DeploymentStatus', 'description', 'invalid');
  const made: FakeStatus = {
    id: call.nextId(),
    state: text(body, 'state'),
    description,
    environment_url: text(body, 'environment_url'),
    log_url: text(body, 'log_url', text(body, 'target_url')),
    creator: actor,
    created_at: now,
  };
  one.statuses.push(made);
  if (made.state === 'success' && body['auto_inactive'] !== false) deactivateBefore(call, one);
  return { status: 201, body: status(call, one, made) };
}

/** `auto_inactive`: all prior non-transient, non-production deployments of the environment that were a success. */
export function deactivateBefore(
  call: Pick<Call, 'repository' | 'now' | 'actor' | 'nextId'>,
  one: FakeDeployment,
): void {
  for (const other of call.repository.deployments) {
    const isPrior = other.id < one.id && other.environment === one.environment;
    if (!isPrior || other.transient_environment || other.production_environment) continue;
    if (other.statuses.at(-1)?.state !== 'success') continue;
    other.statuses.push({
      id: call.nextId(),
      state: 'inactive',
      description: '',
      environment_url: '',
      log_url: '',
      creator: call.actor,
      created_at: call.now,
    });
  }
}

const deploymentOf = (call: Call): FakeDeployment =>
  found(call.repository.deployments.find(({ id }) => String(id) === call.params['deployment_id']));

const at = (call: Call, one: FakeDeployment): string => `${call.api}/repos/${call.fullName}/deployments/${one.id}`;

function deployment(call: Call, one: FakeDeployment): JsonObject {
  const { statuses, creator, ...shown } = one;
  const last = statuses.at(-1);
  return {
    ...shown,
    creator: account(call, creator),
    original_environment: one.environment,
    updated_at: last?.created_at ?? one.created_at,
    url: at(call, one),
    statuses_url: `${at(call, one)}/statuses`,
    repository_url: `${call.api}/repos/${call.fullName}`,
  };
}

const status = (call: Call, one: FakeDeployment, each: FakeStatus): JsonObject => ({
  ...each,
  creator: account(call, each.creator),
  target_url: each.log_url,
  environment: one.environment,
  updated_at: each.created_at,
  url: `${at(call, one)}/statuses/${each.id}`,
  deployment_url: at(call, one),
  repository_url: `${call.api}/repos/${call.fullName}`,
});

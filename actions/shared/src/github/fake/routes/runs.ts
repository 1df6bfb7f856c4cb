import { found, missing, Refusal, text, type Call, type Route } from '../call.ts';
import { isObject, type JsonObject } from '../description/types.ts';
import type { FakeArtifact, FakeRun } from '../state.ts';
import { account, commit, repository, reviewer } from '../views.ts';

const R = '/repos/{owner}/{repo}';
const RUN = `${R}/actions/runs/{run_id}`;

/** Workflow runs, what they left, who let them through; attestations; the limit of requests. */
export const RUN_ROUTES: Route[] = [
  {
    route: `GET ${RUN}`,
    needs: ['actions', 'read'],
    handle: (call) => ({ status: 200, body: run(call, runOf(call)) }),
  },
  {
    route: `GET ${R}/actions/workflows/{workflow_id}/runs`,
    needs: ['actions', 'read'],
    handle(call) {
      const file = call.params['workflow_id'] ?? '';
      const wanted = { branch: 'head_branch', event: 'event', head_sha: 'head_sha' } as const;
      const items = call.repository.runs
        .filter((one) => one.path.endsWith(`/${file}`))
        .filter((one) => Object.entries(wanted).every(([name, key]) => [null, one[key]].includes(call.query.get(name))))
        .filter((one) => [null, one.status, one.conclusion].includes(call.query.get('status')))
        .toReversed()
        .map((one) => run(call, one));
      return { status: 200, list: { items, key: 'workflow_runs', isCounted: true } };
    },
  },
  {
    route: `GET ${RUN}/artifacts`,
    needs: ['actions', 'read'],
    handle(call) {
      const { artifacts } = runOf(call);
      const items = artifacts.filter(({ name }) => [null, name].includes(call.query.get('name')));
      return {
        status: 200,
        list: { items: items.map((one) => artifact(call, one)), key: 'artifacts', isCounted: true },
      };
    },
  },
  {
    route: `GET ${R}/actions/artifacts/{artifact_id}`,
    needs: ['actions', 'read'],
    handle(call) {
      const all = call.repository.runs.flatMap(({ artifacts }) => artifacts);
      return {
        status: 200,
        body: artifact(call, found(all.find(({ id }) => String(id) === call.params['artifact_id']))),
      };
    },
  },
  {
    route: `GET ${RUN}/approvals`,
    needs: ['actions', 'read'],
    handle(call) {
      const items = runOf(call).approvals.map(({ environment, state, user, comment }) => ({
        state,
        comment,
        user: account(call, user),
        environments: [shortEnvironment(call, environment)],
      }));
      return { status: 200, body: items };
    },
  },
  {
    route: `GET ${RUN}/pending_deployments`,
    needs: ['actions', 'read'],
    handle(call) {
      const items = runOf(call).pending.map(({ environment, wait_timer_started_at }) => {
        const one = found(call.repository.environments[environment]);
        return {
          environment: shortEnvironment(call, environment),
          wait_timer: one.wait_timer,
          wait_timer_started_at,
          current_user_can_approve: one.reviewers.some(({ name }) => name === call.actor),
          reviewers: one.reviewers.map((each) => reviewer(call, each)),
        };
      });
      return { status: 200, body: items };
    },
  },
  { route: `POST ${RUN}/pending_deployments`, needs: ['deployments', 'write'], handle: review },
  {
    route: `GET ${R}/attestations/{subject_digest}`,
    needs: ['attestations', 'read'],
    handle(call) {
      const type = call.query.get('predicate_type');
      const named: Record<string, string> = {
        provenance: 'https://slsa.dev/provenance/v1',
        sbom: 'https://spdx.dev/Document/v2.3',
      };
      const of = call.repository.attestations.filter(
        (one) =>
          one.subject_digest === call.params['subject_digest'] &&
          (type === null || one.predicate_type === (named[type] ?? type)),
      );
      if (of.length === 0) throw missing();
      const items = of.map(({ bundle }) => ({
        bundle,
        repository_id: call.repository.id,
        bundle_url: '',
        initiator: 'user',
      }));
      return { status: 200, list: { items, key: 'attestations', isByCursor: true } };
    },
  },
  { route: `POST ${R}/attestations`, needs: ['attestations', 'write'], handle: attest },
];

/** A reviewer's word: one is enough, GitHub then lets the run on. */
function review(call: Call) {
  const one = runOf(call);
  const { environment_ids: ids, state } = call.body;
  const wanted = Array.isArray(ids) ? ids : [];
  for (const id of wanted) {
    const [name, environment] = found(Object.entries(call.repository.environments).find(([, each]) => each.id === id));
    const { reviewers, prevent_self_review: noSelf } = environment;
    const isReviewer = reviewers.some(({ type, name: who }) =>
      type === 'Team' ? call.state.teams[`${call.owner}/${who}`]?.members.includes(call.actor) : who === call.actor,
    );
    const isSelf = noSelf && (one.triggering_actor ?? one.actor) === call.actor;
    const isPending = one.pending.some((each) => each.environment === name);
    if (!isReviewer || isSelf || !isPending) {
      throw new Refusal(422, `${call.actor} may not review the deployment to ${name}`);
    }
    one.approvals.push({
      environment: name,
      state: state === 'approved' ? 'approved' : 'rejected',
      user: call.actor,
      comment: text(call.body, 'comment'),
    });
    one.pending = one.pending.filter((each) => each.environment !== name);
  }
  return { status: 200, body: [] };
}

/** Subject and type are read out of the bundle's own statement (https://github.com/in-toto/attestation, v1). */
function attest(call: Call) {
  const { bundle } = call.body;
  const envelope = isObject(bundle) ? bundle['dsseEnvelope'] : undefined;
  const payload = isObject(envelope) ? text(envelope, 'payload') : '';
  const statement: unknown = parsed(Buffer.from(payload, 'base64').toString());
  const subjects = isObject(statement) && Array.isArray(statement['subject']) ? statement['subject'] : [];
  const digests = subjects.flatMap((one) => {
    const digest = isObject(one) && isObject(one['digest']) ? one['digest']['sha256'] : undefined;
    return typeof digest === 'string' ? [`sha256:${digest}`] : [];
  });
  if (!isObject(bundle) || !isObject(statement) || digests.length === 0) {
    throw new Refusal(422, 'Invalid request. The bundle holds no statement with a subject.');
  }
  const id = call.nextId();
  for (const subject_digest of digests) {
    call.repository.attestations.push({ id, subject_digest, predicate_type: text(statement, 'predicateType'), bundle });
  }
  return { status: 201, body: { id } };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

const runOf = (call: Call): FakeRun =>
  found(call.repository.runs.find(({ id }) => String(id) === call.params['run_id']));

function shortEnvironment(call: Call, name: string): JsonObject {
  const one = found(call.repository.environments[name]);
  const url = `${call.api}/repos/${call.fullName}/environments/${encodeURIComponent(name)}`;
  const html = `https://github.com/${call.fullName}/deployments`;
  return {
    id: one.id,
    node_id: `E_${one.id}`,
    name,
    url,
    html_url: html,
    created_at: one.created_at,
    updated_at: one.created_at,
  };
}

function artifact(call: Call, one: FakeArtifact): JsonObject {
  const at = `${call.api}/repos/${call.fullName}/actions/artifacts/${one.id}`;
  return {
    ...one,
    expired: one.expired ?? false,
    digest: one.digest ?? null,
    updated_at: one.created_at,
    url: at,
    archive_download_url: `${at}/zip`,
  };
}

function run(call: Call, one: FakeRun): JsonObject {
  const at = `${call.api}/repos/${call.fullName}/actions/runs/${one.id}`;
  const head = commit(call, one.head_sha);
  const { message } = call.repository.commits[one.head_sha] ?? { message: '' };
  const person = { name: one.actor, email: `${one.actor}@users.noreply.github.com` };
  return {
    id: one.id,
    name: one.path,
    path: one.path,
    event: one.event,
    status: one.status,
    conclusion: one.conclusion,
    head_sha: one.head_sha,
    head_branch: one.head_branch,
    run_number: 1,
    run_attempt: one.attempt ?? 1,
    display_title: message,
    workflow_id: 1,
    created_at: one.created_at,
    updated_at: one.created_at,
    url: at,
    html_url: `https://github.com/${call.fullName}/actions/runs/${one.id}`,
    jobs_url: `${at}/jobs`,
    logs_url: `${at}/logs`,
    cancel_url: `${at}/cancel`,
    rerun_url: `${at}/rerun`,
    artifacts_url: `${at}/artifacts`,
    check_suite_url: `${call.api}/repos/${call.fullName}/check-suites/1`,
    workflow_url: `${call.api}/repos/${call.fullName}/actions/workflows/1`,
    head_commit: {
      id: one.head_sha,
      tree_id: one.head_sha,
      message,
      timestamp: one.created_at,
      author: person,
      committer: person,
      url: head['url'] ?? '',
    },
    actor: account(call, one.actor),
    triggering_actor: account(call, one.triggering_actor ?? one.actor),
    repository: repository(call),
    head_repository: repository(call),
    pull_requests: [],
  };
}

import { randomUUID } from 'node:crypto';
import type { ApiClient } from '../client.ts';
import { fullSha } from '../commits.ts';
import { GitHubFailure } from '../failure.ts';
import type { Api } from '../open.ts';
import { DeploymentSchema, DeploymentStatusSchema } from '../schema.ts';
import { deploymentOf, describe, runOfUrl, statusOf } from './read.ts';
import type { Current, Deployment, Deployments, DeploymentStatus, NewDeployment, NewStatus } from './types.ts';

export type * from './types.ts';

const STATUSES = '/repos/{owner}/{repo}/deployments/{deployment_id}/statuses';
const DEPLOYMENTS = '/repos/{owner}/{repo}/deployments';
const NEWEST = 30;
/** Each deployment's statuses are a request of their own, and a workflow's token has a thousand an hour: few at first. */
const LOOKS = [10, 30, 100];
/** A run has no more jobs than that in one environment. */
const JOBS = 5;
/** Tries to write something whose answer gets lost, each after a look whether it is there. */
const WRITES = 3;
/** What was written may take a moment to show in a list. */
const SETTLE_MS = 2000;

export function deploymentsOf(api: Api): Deployments {
  const list: Deployments['listDeployments'] = ({ environment, sha, max = NEWEST }) =>
    api.doing(`reading the deployments to ${environment}`, (client) => listed(client, { environment, sha, max }));

  const own: Deployments['ownDeployment'] = async ({ runId, environment, sha, jobId }) => {
    const found = await list({ environment, ...(sha === undefined ? {} : { sha: fullSha(sha) }) });
    const isOwn = ({ payload, statuses }: Deployment): boolean =>
      payload === null &&
      statuses.some(({ logUrl }) => {
        const run = runOfUrl(logUrl);
        return run?.runId === runId && (jobId === undefined || run.jobId === jobId);
      });
    return found.find(isOwn);
  };

  const create: Deployments['createDeployment'] = async (wanted) => {
    const sha = fullSha(wanted.sha);
    return await api.doing(`creating a deployment of ${sha.slice(0, 12)} to ${wanted.environment}`, (client) =>
      createOnce(client, api, wanted),
    );
  };

  return {
    listDeployments: list,
    deployment: (id) =>
      api.doing(`reading deployment ${id}`, async (client) => {
        const at = { deployment_id: id };
        const raw = await client.ask(DeploymentSchema, `GET ${DEPLOYMENTS}/{deployment_id}`, at);
        return deploymentOf(raw, await client.list(DeploymentStatusSchema, `GET ${STATUSES}`, at));
      }),
    ownDeployment: own,
    createDeployment: create,
    async openDeployment({ jobId, ...wanted }) {
      const { environment, sha, payload } = wanted;
      const which = { runId: payload.run_id, environment, sha };
      const ofJob = await own(jobId === undefined ? which : { ...which, jobId });
      if (ofJob !== undefined) return { deployment: ofJob, isOfJob: true };
      return { deployment: await create(wanted), isOfJob: false };
    },
    setStatus: (id, status) =>
      api.doing(`setting deployment ${id} to ${status.state}`, (client) => setOnce(client, api, id, status)),
    deactivateOlder: ({ environment, keep, description = `replaced by deployment ${keep}` }) =>
      api.doing(`setting older deployments to ${environment} to inactive`, async (client) => {
        const all = await listed(client, { environment, max: NEWEST });
        const { runId } = all.find(({ id }) => id === keep) ?? { runId: null };
        const older = all.filter(
          (one) =>
            one.id < keep && one.state === 'success' && !one.isTransient && (runId === null || one.runId !== runId),
        );
        for (const { id } of older) await setOnce(client, api, id, { state: 'inactive', description });
        return older.map(({ id }) => id);
      }),
    async lastGood({ environment, exceptRun }) {
      for (const max of LOOKS) {
        const found = await list({ environment, max });
        const last = found.find((one) => isGood(one) && (one.runId === null || one.runId !== exceptRun));
        if (last !== undefined || found.length < max) return last;
      }
      return undefined;
    },
    async currentDeployment(environment) {
      for (const max of LOOKS) {
        const found = await list({ environment, max });
        const current = currentOf(found);
        const isLast = found.length < max || max === LOOKS.at(-1);
        // What stands before it in the list may be of the same run, and count.
        const before = found.length - 1 - found.findIndex(({ id }) => id === current?.deployment.id);
        if (isLast || (current !== undefined && before >= JOBS)) return current;
      }
      return undefined;
    },
  };
}

/** A success that is over, because something else came after it, was one. */
const isGood = ({ manifestDigest, state, statuses }: Deployment): boolean =>
  manifestDigest !== null &&
  (state === 'success' || (state === 'inactive' && statuses.some((status) => status.state === 'success')));

/**
 * A run may have several deployments in one environment, one for each of its jobs that names it, and GitHub sets the
 * earlier ones to inactive as later ones succeed: the run counts, not the single deployment.
 */
export function currentOf(newestFirst: readonly Deployment[]): Current | undefined {
  const deployment = newestFirst.find(({ manifestDigest }) => manifestDigest !== null);
  if (deployment === undefined) return undefined;
  const isOfRun = (one: Deployment): boolean =>
    one.id === deployment.id || (deployment.runId !== null && one.runId === deployment.runId);
  const ofRun = newestFirst.filter(isOfRun);
  const later = newestFirst.filter((one) => one.id > deployment.id && !isOfRun(one));
  const isActive = ofRun.some(({ state }) => state === 'success') && !later.some(({ state }) => state === 'success');
  return { deployment, isActive };
}

async function listed(
  client: ApiClient,
  { environment, sha, task, max }: { environment: string; sha?: string | undefined; task?: string; max: number },
): Promise<Deployment[]> {
  const filter = { environment, ...(sha === undefined ? {} : { sha }), ...(task === undefined ? {} : { task }) };
  const found = await client.list(DeploymentSchema, `GET ${DEPLOYMENTS}`, filter, { max });
  const deployments: Deployment[] = [];
  for (const raw of found) {
    const at = { deployment_id: raw.id };
    deployments.push(deploymentOf(raw, await client.list(DeploymentStatusSchema, `GET ${STATUSES}`, at)));
  }
  return deployments.sort((one, other) => other.id - one.id);
}

/** Does `write`; where its outcome stays unknown, `look` says whether it happened, before it is tried again. */
async function writeOnce<T>(api: Api, write: () => Promise<T>, look: () => Promise<T | undefined>): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof GitHubFailure) || !error.isOutcomeUnknown) throw error;
      error.tries = tried;
      await api.clock.sleep(SETTLE_MS * tried);
      const found = await look();
      if (found !== undefined) return found;
      if (tried === WRITES) throw error;
    }
  }
}

async function createOnce(client: ApiClient, api: Api, wanted: NewDeployment): Promise<Deployment> {
  const { sha, environment, task = 'deploy', description = '' } = wanted;
  const request = randomUUID();
  const payload = { schema: 1, ...wanted.payload, request };
  const body = {
    ref: sha,
    task,
    environment,
    payload,
    description: describe(description, undefined),
    auto_merge: false,
    required_contexts: [],
    production_environment: environment === 'production',
  };
  return await writeOnce(
    api,
    async () => deploymentOf(await client.ask(DeploymentSchema, `POST ${DEPLOYMENTS}`, body), []),
    async () => {
      const same = await listed(client, { environment, sha, task, max: NEWEST });
      return same.find((one) => one.payload?.request === request);
    },
  );
}

async function setOnce(client: ApiClient, api: Api, id: number, status: NewStatus): Promise<DeploymentStatus> {
  const { state, environmentUrl, logUrl, autoInactive = false } = status;
  const description = describe(status.description ?? '', status.manifestDigest);
  const at = { deployment_id: id };
  const body = {
    state,
    description,
    ...(environmentUrl === undefined ? {} : { environment_url: environmentUrl }),
    ...(logUrl === undefined ? {} : { log_url: logUrl }),
    auto_inactive: autoInactive,
  };
  return await writeOnce(
    api,
    async () => statusOf(await client.ask(DeploymentStatusSchema, `POST ${STATUSES}`, { ...at, ...body })),
    async () => {
      const found = (await client.list(DeploymentStatusSchema, `GET ${STATUSES}`, at)).map(statusOf);
      const [newest] = found.sort((one, other) => other.id - one.id);
      const isOurs =
        newest?.state === state && newest.description === description && (newest.logUrl ?? '') === (logUrl ?? '');
      return isOurs ? newest : undefined;
    },
  );
}

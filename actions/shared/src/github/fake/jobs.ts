import { deactivateBefore } from './routes/deployments.ts';
import { BOT, type FakeDeployment, type FakeRepository } from './state.ts';
import type { GitHubFake } from './server.ts';

interface Job {
  /** `owner/name` */
  repository: string;
  runId: number;
  jobId: number;
  environment: string;
  sha: string;
  /** RFC 3339 */
  now: string;
}

/** What GitHub does as a job begins that names an `environment:`: a deployment without a payload. */
export function startJob(
  { state }: GitHubFake,
  { repository, runId, jobId, environment, sha, now }: Job,
): FakeDeployment {
  const made: FakeDeployment = {
    id: state.next_id++,
    sha,
    ref: 'main',
    task: 'deploy',
    environment,
    payload: {},
    description: null,
    creator: BOT,
    created_at: now,
    production_environment: environment === 'production',
    transient_environment: false,
    statuses: [],
  };
  repositoryOf(state.repositories, repository).deployments.push(made);
  push(
    made,
    state.next_id++,
    'in_progress',
    `https://github.com/${repository}/actions/runs/${runId}/job/${jobId}`,
    now,
  );
  return made;
}

/** … and as it ends. */
export function finishJob(
  { state }: GitHubFake,
  job: Job,
  deployment: FakeDeployment,
  state_: 'success' | 'failure',
): void {
  const url = `https://github.com/${job.repository}/actions/runs/${job.runId}/job/${job.jobId}`;
  push(deployment, state.next_id++, state_, url, job.now);
  if (state_ === 'failure') return;
  const repository = repositoryOf(state.repositories, job.repository);
  deactivateBefore({ repository, now: job.now, actor: BOT, nextId: () => state.next_id++ }, deployment);
}

function repositoryOf(all: Record<string, FakeRepository>, name: string): FakeRepository {
  const found = all[name];
  if (found === undefined) throw new Error(`the fake has no repository ${name}`);
  return found;
}

const push = (deployment: FakeDeployment, id: number, state: string, log_url: string, created_at: string): number =>
  deployment.statuses.push({ id, state, description: '', environment_url: '', log_url, creator: BOT, created_at });

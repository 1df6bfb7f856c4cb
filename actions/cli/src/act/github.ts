import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  finishJob,
  learnCommits,
  makeState,
  startGitHubFake,
  startJob,
  type FakeDeployment,
  type FakeRepository,
  type FakeState,
  type GitHubFake,
} from '@papergate/delivery/github-fake';
import type { JobOutcome } from './types.ts';

/** GitHub's API for runs on this machine: a server of our own that remembers deployments from run to run. */
export interface LocalGitHub {
  url: string;
  fake: GitHubFake;
  close(): Promise<void>;
}

export interface LocalGitHubOptions {
  /** The checkout whose commits there are. */
  repository: string;
  /** `owner/name` */
  name: string;
  home: string;
  /** Names of the secrets that environments are taken to have. */
  secretNames: readonly string[];
}

/** So many commits of the branch count as green: what is run here has been tested by whoever runs it. */
const GREEN = 50;

export async function startGitHub(options: LocalGitHubOptions): Promise<LocalGitHub> {
  const path = join(options.home, 'act', 'github.json');
  const state = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as FakeState) : freshState(options);
  const known = state.repositories[options.name];
  if (known !== undefined) learn(known, options);
  const keep = (now: FakeState): void => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, JSON.stringify(now), { mode: 0o600 });
  };
  const fake = await startGitHubFake({ state, onChange: keep });
  return {
    url: fake.url,
    fake,
    close: async () => {
      keep(fake.state);
      await fake.close();
    },
  };
}

function freshState({ name, secretNames }: LocalGitHubOptions): FakeState {
  const environment = (id: number, production: boolean): FakeRepository['environments'][string] => ({
    id,
    created_at: new Date().toISOString(),
    wait_timer: production ? 1440 : 0,
    reviewers: [],
    prevent_self_review: production,
    can_admins_bypass: !production,
    branch_policy: [{ id: id + 1, name: 'main', type: 'branch' }],
    secrets: [...secretNames],
    variables: {},
  });
  return makeState({
    repositories: { [name]: { environments: { staging: environment(10, false), production: environment(20, true) } } },
  });
}

function learn(repository: FakeRepository, { repository: folder }: LocalGitHubOptions): void {
  learnCommits(repository, folder);
  const git = (...args: string[]): string => execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8' });
  const green = new Set(repository.check_runs.map(({ head_sha: sha }) => sha));
  const now = new Date().toISOString();
  for (const sha of git('rev-list', '--branches', '--tags', `--max-count=${GREEN}`).split('\n').filter(Boolean)) {
    if (green.has(sha)) continue;
    repository.check_runs.push({
      id: 100_000 + repository.check_runs.length,
      name: 'green',
      head_sha: sha,
      status: 'completed',
      conclusion: 'success',
      started_at: now,
      completed_at: now,
      app: 'github-actions',
    });
  }
}

/**
 * Puts a run on GitHub's list of runs.
 * @returns what ends it there, with the artifacts that it left in `<artifacts>/<run id>/<name>/`
 */
export function beginRun(
  fake: GitHubFake,
  run: FollowedRun & { path: string; event: string; branch: string },
): (passed: boolean, artifacts: string) => void {
  const entry: FakeRepository['runs'][number] = {
    id: Number(run.runId),
    path: run.path,
    event: run.event,
    status: 'in_progress',
    conclusion: null,
    head_sha: run.commit,
    head_branch: run.branch,
    actor: 'developer',
    created_at: new Date().toISOString(),
    artifacts: [],
    approvals: [],
    pending: [],
  };
  fake.state.repositories[run.name]?.runs.push(entry);
  fake.state.users['developer'] ??= { id: 4000 };
  return (passed, artifacts) => {
    entry.status = 'completed';
    entry.conclusion = passed ? 'success' : 'failure';
    const folder = join(artifacts, run.runId);
    for (const name of existsSync(folder) ? readdirSync(folder) : []) {
      const zip = readFileSync(join(folder, name, `${name}.zip`));
      const now = Date.now();
      entry.artifacts.push({
        id: fake.state.next_id++,
        name,
        size_in_bytes: zip.length,
        digest: `sha256:${createHash('sha256').update(zip).digest('hex')}`,
        created_at: new Date(now).toISOString(),
        expires_at: new Date(now + 90 * 24 * 3600 * 1000).toISOString(),
      });
    }
  };
}

export interface FollowedRun {
  name: string;
  runId: string;
  commit: string;
  /** By the id of each job that names one. */
  environments: ReadonlyMap<string, string>;
}

/**
 * What GitHub does beside a run, and act does not: a job that names an `environment:` gets a deployment as it begins, which
 * ends with it.
 * @returns what is told of every job that begins and ends
 */
export function followJobs(
  fake: GitHubFake,
  run: FollowedRun,
): { began(job: string): void; ended(job: JobOutcome): void } {
  const deployments = new Map<string, FakeDeployment>();
  const about = (job: string, environment: string): Parameters<typeof startJob>[1] => ({
    repository: run.name,
    runId: Number(run.runId),
    jobId: [...run.environments.keys()].indexOf(job) + 1,
    environment,
    sha: run.commit,
    now: new Date().toISOString(),
  });
  return {
    began: (job) => {
      const environment = run.environments.get(job);
      if (environment === undefined || deployments.has(job)) return;
      deployments.set(job, startJob(fake, about(job, environment)));
    },
    ended: ({ id, result }) => {
      const environment = run.environments.get(id);
      const deployment = deployments.get(id);
      if (environment === undefined || deployment === undefined) return;
      finishJob(fake, about(id, environment), deployment, result === 'success' ? 'success' : 'failure');
    },
  };
}

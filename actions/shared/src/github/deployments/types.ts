export type DeploymentState = 'error' | 'failure' | 'inactive' | 'in_progress' | 'queued' | 'pending' | 'success';

/** What a deployment of ours says of itself; on GitHub for as long as the deployment is. */
export interface DeploymentPayload {
  schema: 1;
  /** `sha256:…` of the release's manifest. */
  manifest_digest: string;
  /** Image (or, of the process target, folder) digests by service. */
  images: Record<string, string>;
  run_id: number;
  evidence_url?: string;
  /** Drawn for each creation: by it a deployment is found again whose answer was lost. */
  request?: string;
}

export interface DeploymentStatus {
  id: number;
  state: DeploymentState;
  description: string;
  environmentUrl: string | null;
  logUrl: string | null;
  /** Login. */
  by: string | null;
  at: string;
}

export interface Deployment {
  id: number;
  sha: string;
  ref: string;
  task: string;
  environment: string;
  /** Login; `github-actions[bot]` where a workflow made it. */
  by: string | null;
  at: string;
  isTransient: boolean;
  /** Null where it is not ours, as with those that a job's `environment:` makes. */
  payload: DeploymentPayload | null;
  /** Newest first. */
  statuses: DeploymentStatus[];
  /** Of the newest status; `none` before the first. */
  state: DeploymentState | 'none';
  /** Of the payload, else of the newest status of ours. */
  manifestDigest: string | null;
  /** The workflow run that made it, by its payload or its log's address. */
  runId: number | null;
}

export interface NewDeployment {
  /** 40 hex digits. */
  sha: string;
  environment: string;
  payload: Omit<DeploymentPayload, 'schema' | 'request'>;
  /** Default: `deploy`. */
  task?: string;
  description?: string;
}

export interface NewStatus {
  state: DeploymentState;
  /** At most 140 characters; longer ones are cut. */
  description?: string;
  environmentUrl?: string;
  logUrl?: string;
  /** Older deployments of the environment that were a success become inactive. Default: false. */
  autoInactive?: boolean;
  /** Written into the description, so that a deployment without a payload names its manifest too. */
  manifestDigest?: string;
}

/** What runs in an environment, by GitHub's record. */
export interface Current {
  /** The newest deployment that names a manifest, of the newest run that delivered one. */
  deployment: Deployment;
  /** It, or another job's deployment of the same run, is the environment's active one: no other run came after it. */
  isActive: boolean;
}

export interface Deployments {
  /**
   * Newest first, with their statuses. Takes deployments: read.
   * @param filter.max so many of the newest; default 30
   */
  listDeployments(filter: { environment: string; sha?: string; max?: number }): Promise<Deployment[]>;
  deployment(id: number): Promise<Deployment>;
  /**
   * The deployment that the `environment:` of a job of this run made, so that none is made beside it; undefined where
   * there is none. GitHub gives such a deployment no payload; {@link Deployments.setStatus} writes the digest.
   * @param which.jobId of the very job (`job.check_run_id`), where it is known
   */
  ownDeployment(which: {
    runId: number;
    environment: string;
    sha?: string;
    jobId?: number;
  }): Promise<Deployment | undefined>;
  /**
   * Makes one. An answer that gets lost does not make two: the deployment is looked for before another try.
   * Takes deployments: write.
   */
  createDeployment(wanted: NewDeployment): Promise<Deployment>;
  /** The job's own deployment where its `environment:` made one, else a new one. */
  openDeployment(wanted: NewDeployment & { jobId?: number }): Promise<{ deployment: Deployment; isOfJob: boolean }>;
  /** Takes deployments: write. An answer that gets lost does not write the status twice. */
  setStatus(id: number, status: NewStatus): Promise<DeploymentStatus>;
  /**
   * Marks what ran in the environment before as inactive, of production too, which GitHub itself leaves active.
   * Deployments of the same run, and those made after `keep`, are left alone.
   * @returns the ids of those that were marked
   */
  deactivateOlder(which: { environment: string; keep: number; description?: string }): Promise<number[]>;
  /**
   * The newest deployment that named its manifest and was good to its end: what failed later, in the same delivery, was taken back.
   * Undefined where there is none among the hundred newest.
   * @param which.exceptRun a run whose own deployments do not count
   */
  lastGood(which: { environment: string; exceptRun?: number }): Promise<Deployment | undefined>;
  /** Undefined where nothing with a manifest was ever delivered there. */
  currentDeployment(environment: string): Promise<Current | undefined>;
}

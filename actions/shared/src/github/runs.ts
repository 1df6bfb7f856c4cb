import type { Static } from 'typebox';
import { UserError } from '@papergate/config';
import { personOf } from './commits.ts';
import { GitHubFailure } from './failure.ts';
import type { Api } from './open.ts';
import {
  ApprovalSchema,
  ArtifactSchema,
  AttestationSchema,
  PendingSchema,
  RateLimitSchema,
  RunSchema,
} from './schema.ts';
import type { Person } from './types.ts';

export interface WorkflowRun {
  id: number;
  attempt: number;
  /** `.github/workflows/ci.yml` */
  path: string;
  /** push, workflow_dispatch, … */
  event: string;
  status: string | null;
  conclusion: string | null;
  sha: string;
  branch: string | null;
  /** Who it runs for, and who started this attempt. */
  actor: Person | null;
  startedBy: Person | null;
  url: string;
  createdAt: string;
}

/** One person's word on a run that waits for an environment. */
export interface RunApproval {
  environments: string[];
  state: 'approved' | 'rejected' | 'pending';
  by: Person;
  comment: string;
}

export interface PendingDeployment {
  environment: string;
  waitTimerMinutes: number;
  waitStartedAt: string | null;
  canApprove: boolean;
}

export interface Artifact {
  id: number;
  name: string;
  sizeBytes: number;
  isExpired: boolean;
  /** `sha256:…` of the archive. */
  digest: string | null;
  createdAt: string | null;
  expiresAt: string | null;
}

/** A Sigstore bundle (https://docs.sigstore.dev/about/bundle/) as GitHub keeps it; its signature is for the reader to check. */
export interface AttestationBundle {
  mediaType?: string;
  verificationMaterial?: Record<string, unknown>;
  dsseEnvelope?: Record<string, unknown>;
}

export interface Runs {
  /** Takes actions: read, as all of these that name no other permission. */
  run(runId: number): Promise<WorkflowRun>;
  artifacts(runId: number, name?: string): Promise<Artifact[]>;
  /** Who let a run into its environments, over all its attempts. */
  approvals(runId: number): Promise<RunApproval[]>;
  pendingDeployments(runId: number): Promise<PendingDeployment[]>;
  /**
   * What was attested of a subject, by its digest. Empty where there is none. Takes attestations: read.
   * @throws UserError DIGEST_INVALID
   */
  attestations(subjectDigest: string, filter?: { predicateType?: string }): Promise<AttestationBundle[]>;
  /** Costs no request of the limit. `resetAt`: RFC 3339. */
  rateLimit(): Promise<{ limit: number; remaining: number; resetAt: string }>;
}

export function runsOf(api: Api): Runs {
  return {
    run: (runId) =>
      api.doing(`reading run ${runId}`, async (client) =>
        runOf(await client.ask(RunSchema, 'GET /repos/{owner}/{repo}/actions/runs/{run_id}', { run_id: runId })),
      ),
    artifacts: (runId, name) =>
      api.doing(`reading the artifacts of run ${runId}`, async (client) => {
        const route = 'GET /repos/{owner}/{repo}/actions/runs/{run_id}/artifacts';
        const params = { run_id: runId, ...(name === undefined ? {} : { name }) };
        const found = await client.list(ArtifactSchema, route, params, { key: 'artifacts' });
        return found.map((raw) => ({
          id: raw.id,
          name: raw.name,
          sizeBytes: raw.size_in_bytes,
          isExpired: raw.expired,
          digest: raw.digest ?? null,
          createdAt: raw.created_at,
          expiresAt: raw.expires_at,
        }));
      }),
    approvals: (runId) =>
      api.doing(`reading the approvals of run ${runId}`, async (client) => {
        const route = 'GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals';
        const found = await client.list(ApprovalSchema, route, { run_id: runId, per_page: undefined });
        return found.flatMap(({ environments, state, user, comment }) => {
          const by = personOf(user);
          const names = environments.map(({ name }) => name);
          return by === null ? [] : [{ environments: names, state: state as RunApproval['state'], by, comment }];
        });
      }),
    pendingDeployments: (runId) =>
      api.doing(`reading what run ${runId} waits for`, async (client) => {
        const route = 'GET /repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments';
        const found = await client.list(PendingSchema, route, { run_id: runId, per_page: undefined });
        return found.map((raw) => ({
          environment: raw.environment.name,
          waitTimerMinutes: raw.wait_timer,
          waitStartedAt: raw.wait_timer_started_at,
          canApprove: raw.current_user_can_approve,
        }));
      }),
    attestations: (subjectDigest, { predicateType } = {}) =>
      api.doing(`reading the attestations of ${subjectDigest.slice(0, 19)}`, async (client) => {
        const route = 'GET /repos/{owner}/{repo}/attestations/{subject_digest}';
        const which = predicateType === undefined ? {} : { predicate_type: predicateType };
        const params = { subject_digest: checkedDigest(subjectDigest), ...which };
        const found = await client
          .list(AttestationSchema, route, params, { key: 'attestations' })
          .catch((error: unknown) => {
            if (error instanceof GitHubFailure && error.kind === 'not-found') return [];
            throw error;
          });
        return found.flatMap(({ bundle }) => (bundle === null || bundle === undefined ? [] : [bundle]));
      }),
    rateLimit: () =>
      api.doing('reading the limit of requests', async (client) => {
        const { limit, remaining, reset } = (await client.ask(RateLimitSchema, 'GET /rate_limit')).resources.core;
        return { limit, remaining, resetAt: new Date(reset * 1000).toISOString() };
      }),
  };
}

function checkedDigest(digest: string): string {
  if (/^sha256:[0-9a-f]{64}$/.test(digest)) return digest;
  throw new UserError({
    code: 'DIGEST_INVALID',
    message: `"${digest.slice(0, 100)}" is no digest; allowed is sha256: and 64 of 0-9 and a-f`,
    fix: 'give the digest as the manifest of the release names it',
  });
}

const runOf = (raw: Static<typeof RunSchema>): WorkflowRun => ({
  id: raw.id,
  attempt: raw.run_attempt ?? 1,
  path: raw.path.replace(/@.*$/, ''),
  event: raw.event,
  status: raw.status,
  conclusion: raw.conclusion,
  sha: raw.head_sha,
  branch: raw.head_branch,
  actor: personOf(raw.actor),
  startedBy: personOf(raw.triggering_actor),
  url: raw.html_url,
  createdAt: raw.created_at,
});

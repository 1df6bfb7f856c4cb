import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import type { DeploymentSchema, DeploymentStatusSchema } from '../schema.ts';
import type { Deployment, DeploymentPayload, DeploymentState, DeploymentStatus } from './types.ts';

const Digest = Type.String({ pattern: '^sha256:[0-9a-f]{64}$' });
const PayloadSchema = Type.Object({
  schema: Type.Literal(1),
  manifest_digest: Digest,
  images: Type.Record(Type.String(), Type.String()),
  run_id: Type.Integer({ minimum: 0 }),
  evidence_url: Type.Optional(Type.String()),
  request: Type.Optional(Type.String()),
});

const IN_DESCRIPTION = /(?:^|\s)manifest (sha256:[0-9a-f]{64})(?:\s|$)/;
const LONGEST_DESCRIPTION = 140;

/** A status's description that names the manifest first, so that no text cuts it off. */
export function describe(text: string, manifestDigest: string | undefined): string {
  const whole = manifestDigest === undefined ? text : `manifest ${manifestDigest} ${text}`;
  return whole.trim().slice(0, LONGEST_DESCRIPTION);
}

export function statusOf(raw: Static<typeof DeploymentStatusSchema>): DeploymentStatus {
  return {
    id: raw.id,
    state: raw.state as DeploymentState,
    description: raw.description ?? '',
    environmentUrl: textOf(raw.environment_url),
    logUrl: textOf(raw.log_url) ?? textOf(raw.target_url),
    by: raw.creator?.login ?? null,
    at: raw.created_at,
  };
}

export function deploymentOf(
  raw: Static<typeof DeploymentSchema>,
  rawStatuses: Static<typeof DeploymentStatusSchema>[],
): Deployment {
  const statuses = rawStatuses.map(statusOf).sort((one, other) => other.id - one.id);
  const payload = payloadOf(raw.payload);
  return {
    id: raw.id,
    sha: raw.sha,
    ref: raw.ref,
    task: raw.task,
    environment: raw.environment,
    by: raw.creator?.login ?? null,
    at: raw.created_at,
    isTransient: raw.transient_environment ?? false,
    payload,
    statuses,
    state: statuses[0]?.state ?? 'none',
    manifestDigest: payload?.manifest_digest ?? digestIn(statuses) ?? null,
    runId: payload?.run_id ?? runIn(statuses) ?? null,
  };
}

/** GitHub hands a payload out as JSON, as text that holds JSON, or as an empty text. */
function payloadOf(raw: unknown): DeploymentPayload | null {
  const value = typeof raw === 'string' ? parsed(raw) : raw;
  return Value.Check(PayloadSchema, value) ? value : null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const digestIn = (statuses: DeploymentStatus[]): string | undefined =>
  statuses.map(({ description }) => IN_DESCRIPTION.exec(description)?.[1]).find((digest) => digest !== undefined);

const RUN_IN_URL = /\/actions\/runs\/(\d{1,15})(?:\/job\/(\d{1,15}))?(?:[/?#]|$)/;

/** Of the address of a run's or job's log. */
export function runOfUrl(url: string | null): { runId: number; jobId: number | undefined } | undefined {
  const [, runId, jobId] = RUN_IN_URL.exec(url ?? '') ?? [];
  return runId === undefined
    ? undefined
    : { runId: Number(runId), jobId: jobId === undefined ? undefined : Number(jobId) };
}

/** Of the first status: it is written by who makes the deployment. */
const runIn = (statuses: DeploymentStatus[]): number | undefined =>
  statuses
    .toReversed()
    .map(({ logUrl }) => runOfUrl(logUrl)?.runId)
    .find((runId) => runId !== undefined);

const textOf = (text: string | null | undefined): string | null => (text === '' || text === undefined ? null : text);

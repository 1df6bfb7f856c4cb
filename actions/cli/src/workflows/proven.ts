import { PapergateError, UserError } from '@papergate/config';
import type { GitHub, GitHubDeployment } from '@papergate/delivery';
import { ask, type ApiOptions } from './api.ts';

/** An artifact of a run. */
export interface Kept {
  runId: number;
  artifact: string;
}

/** Where the proof of a commit lies. Only a place to look: the gate judges what is found there. */
export interface Proven {
  /** Of the run that delivered it to staging. */
  evidence: Kept;
  /** Images by digest, `repository@sha256:…`; none where the release has none. */
  images: string[];
}

/** It delivers what was proven before, and proves less: there is no load in it. */
const ROLLBACK = '.github/workflows/rollback.yml';

type Reader = Pick<GitHub, 'listDeployments' | 'artifacts' | 'run'>;

/**
 * The run by which staging proved a commit: that of its newest delivery there which was no rollback and whose evidence is
 * still kept.
 * @throws UserError NOT_PROVEN; those of GitHub's client
 */
export async function proven(
  github: Reader,
  { sha, environment }: { sha: string; environment: string },
): Promise<Proven> {
  const delivered = (await github.listDeployments({ environment, sha })).filter(({ payload }) => payload !== null);
  const artifact = `evidence-${sha}`;
  const kept = await keptBy(github, delivered, artifact);
  if (kept !== undefined) return { evidence: kept, images: imagesOf(delivered[0]) };
  throw new UserError({
    code: 'NOT_PROVEN',
    message:
      delivered.length === 0
        ? `${environment} has no record of a delivery of ${sha.slice(0, 12)}`
        : `of ${delivered.length} deliveries of ${sha.slice(0, 12)} to ${environment} none has left an artifact ${artifact} that is still kept`,
    fix: 'let deploy-staging deliver it',
  });
}

/** The newest of the runs that made these deployments which keeps that artifact. */
async function keptBy(
  github: Reader,
  newestFirst: readonly Pick<GitHubDeployment, 'runId'>[],
  artifact: string,
): Promise<Kept | undefined> {
  for (const runId of new Set(newestFirst.map((one) => one.runId))) {
    if (runId === null) continue;
    if (await isOf(github, runId, artifact)) return { runId, artifact };
  }
  return undefined;
}

async function isOf(github: Reader, runId: number, artifact: string): Promise<boolean> {
  try {
    if ((await github.run(runId)).path === ROLLBACK) return false;
    return (await github.artifacts(runId, artifact)).some(({ isExpired }) => !isExpired);
  } catch (error) {
    // A run that was deleted keeps nothing.
    if (error instanceof PapergateError && error.code === 'GITHUB_NOT_FOUND') return false;
    throw error;
  }
}

/** Images of a deployment, `repository@sha256:…`; none where it delivered folders. */
export const imagesOf = (deployment: Pick<GitHubDeployment, 'payload'> | undefined): string[] =>
  Object.values(deployment?.payload?.images ?? {}).filter((image) => image.includes('@sha256:'));

/**
 * With what production's release of today passed, to compare with; undefined before the first, and where it is no longer
 * kept. The run that put it to work last may have been a rollback, which compares nothing: then it is the one before.
 */
export async function baseline(
  github: Reader & Pick<GitHub, 'lastGood'>,
  { environment }: { environment: string },
): Promise<Kept | undefined> {
  const running = await github.lastGood({ environment });
  if (running === undefined) return undefined;
  const { sha, manifestDigest } = running;
  const same = (await github.listDeployments({ environment, sha })).filter(
    (one) => one.manifestDigest === manifestDigest,
  );
  return await keptBy(github, same, `gate-${sha}`);
}

/** The last list of checkpoints that the drill of every night left; undefined where it never succeeded. */
export async function checkpoints(
  options: ApiOptions & { repository: string; branch: string; workflow: string },
): Promise<Kept | undefined> {
  const { repository, workflow, branch } = options;
  const query = `branch=${encodeURIComponent(branch)}&status=success&per_page=1`;
  const path = `/repos/${repository}/actions/workflows/${workflow}/runs?${query}`;
  const { body } = await ask(options, 'GET', path, { expected: [404] });
  const [run] = Array.isArray(body['workflow_runs']) ? (body['workflow_runs'] as { id?: unknown }[]) : [];
  return typeof run?.id === 'number' ? { runId: run.id, artifact: 'checkpoints' } : undefined;
}

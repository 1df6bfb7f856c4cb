import { UserError } from '@papergate/config';
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

/**
 * The run by which staging proved a commit: that of the environment's newest delivery of it.
 * @throws UserError NOT_PROVEN; those of GitHub's client
 */
export async function proven(
  github: Pick<GitHub, 'listDeployments'>,
  { sha, environment }: { sha: string; environment: string },
): Promise<Proven> {
  const found = (await github.listDeployments({ environment, sha })).find(
    ({ runId, payload }) => runId !== null && payload !== null,
  );
  if (found === undefined || found.runId === null) {
    throw new UserError({
      code: 'NOT_PROVEN',
      message: `${environment} has no record of a delivery of ${sha.slice(0, 12)}`,
      fix: 'let deploy-staging deliver it first',
    });
  }
  return { evidence: { runId: found.runId, artifact: `evidence-${sha}` }, images: imagesOf(found) };
}

/** Images of a deployment, `repository@sha256:…`; none where it delivered folders. */
export const imagesOf = (deployment: Pick<GitHubDeployment, 'payload'> | undefined): string[] =>
  Object.values(deployment?.payload?.images ?? {}).filter((image) => image.includes('@sha256:'));

/** With what production's release of today passed, to compare with; undefined before the first. */
export async function baseline(
  github: Pick<GitHub, 'lastGood'>,
  { environment }: { environment: string },
): Promise<Kept | undefined> {
  const running = await github.lastGood({ environment });
  if (running === undefined || running.runId === null) return undefined;
  return { runId: running.runId, artifact: `gate-${running.sha}` };
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

import { UserError } from '@papergate/config';
import type { GitHub, GitHubDeployment } from '@papergate/delivery';

/** Where the proof of a commit lies. Only a place to look: the gate judges what is found there. */
export interface Proven {
  /** The run that delivered it to staging. */
  runId: number;
  /** The name of the artifact that holds its evidence. */
  artifact: string;
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
  return { runId: found.runId, artifact: `evidence-${sha}`, images: imagesOf(found) };
}

/** Images of a deployment, `repository@sha256:…`; none where it delivered folders. */
export const imagesOf = (deployment: Pick<GitHubDeployment, 'payload'> | undefined): string[] =>
  Object.values(deployment?.payload?.images ?? {}).filter((image) => image.includes('@sha256:'));

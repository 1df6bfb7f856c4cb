import { EXIT, PapergateError } from '@papergate/config';
import { verifyImages, type GitHub, type GitHubDeployment, type GoodRelease, type Manifest } from '@papergate/delivery';
import type { EnvSource } from '@papergate/config';

/** What somebody else has written down: a deployment of this commit that went well, and what it delivered. */
export async function healthyDeployment(
  api: Pick<GitHub, 'listDeployments'> | undefined,
  { environment, sha }: { environment: string; sha: string },
): Promise<GitHubDeployment | undefined> {
  if (api === undefined) return undefined;
  const found = await api.listDeployments({ environment, sha });
  return found.find((one) => one.sha === sha && one.manifestDigest !== null && wasHealthy(one));
}

/** It succeeded, and nobody found it wanting afterwards. Inactive is what every good release becomes. */
export function wasHealthy({ statuses }: Pick<GitHubDeployment, 'statuses'>): boolean {
  const judged = statuses.find(({ state }) => state === 'success' || state === 'failure' || state === 'error');
  return judged?.state === 'success';
}

export function neverHealthy(sha: string, releases: readonly GoodRelease[], environment: string): PapergateError {
  const known = releases.map(({ manifest, delivered_at }) => `${manifest.commit} (${delivered_at})`);
  return new PapergateError({
    code: 'NEVER_HEALTHY',
    exitCode: EXIT.blocked,
    message: `${sha} is none of the good releases of ${environment}, and GitHub knows no deployment of it that succeeded and stayed good; good are: ${known.join(', ') || 'none'}`,
    fix: 'go back to one of these; what was never delivered here is delivered with the action deploy',
  });
}

/** What the registry has is what was delivered then. @throws PapergateError RELEASE_REPLACED */
export function demandSame(manifest: Manifest, { manifestDigest, id }: GitHubDeployment): void {
  if (manifest.digest === manifestDigest) return;
  throw new PapergateError({
    code: 'RELEASE_REPLACED',
    exitCode: EXIT.blocked,
    message: `deployment ${id} delivered ${manifestDigest ?? 'nothing'}, and the registry now holds ${manifest.digest} for ${manifest.commit}`,
    fix: 'it was built anew since, and that build was never proven: go back to another commit, or deliver this one with the action deploy',
  });
}

/**
 * Every image is still there, by digest.
 * @throws PapergateError DIGESTS_GONE; those of the registry
 */
export async function demandImages(manifest: Manifest, env: EnvSource, signal: AbortSignal): Promise<void> {
  const gone = (await verifyImages(manifest, { env, signal })).filter(({ status }) => status === 'failed');
  if (gone.length === 0) return;
  throw new PapergateError({
    code: 'DIGESTS_GONE',
    exitCode: EXIT.blocked,
    message: `${gone.length} of its images are not at the registry any more: ${gone.map(({ name, detail }) => detail ?? name).join('; ')}`,
    fix: 'go back to another commit, or build this one again with build-push and deliver it with deploy',
  });
}

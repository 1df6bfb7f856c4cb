import type { GateContext, Problem, Rule } from '../types.ts';
import { judgement, short, unless } from './judgement.ts';
import { runningIn } from './staging.ts';

/** What goes to production is what runs in staging, byte by byte. */
export const stagingProof: Rule<'staging-proof'> = {
  name: 'staging-proof',
  title: 'the same digests as in staging',
  source: 'GitHub deployments',
  waivable: true,
  codes: {
    STAGING_NEVER_DELIVERED: 'nothing that names a manifest was ever delivered to staging',
    STAGING_OTHER_COMMIT: 'the newest deployment of staging is of another commit',
    STAGING_OTHER_DIGEST: 'the newest deployment of staging is of another manifest or other images',
    STAGING_NOT_ACTIVE: 'the deployment is no success, or another one came after it',
  },
  async judge(context, { environment }) {
    const { manifest } = context;
    const wanted = `${short(manifest.commit)} with manifest ${short(manifest.digest)}, active`;
    const current = await runningIn(context);
    if (current === undefined) {
      const message = `nothing that names its manifest was ever delivered to ${environment}`;
      return judgement('no deployment', wanted, { code: 'STAGING_NEVER_DELIVERED', message });
    }
    const { deployment, isActive } = current;
    const found = deployment.manifestDigest ?? 'none';
    return judgement(
      `${short(deployment.sha)} with manifest ${short(found)}, ${isActive ? 'active' : deployment.state}`,
      wanted,
      unless(
        deployment.sha === manifest.commit,
        'STAGING_OTHER_COMMIT',
        `${environment} runs ${deployment.sha}, and ${manifest.commit} is to go to production`,
      ),
      unless(
        found === manifest.digest,
        'STAGING_OTHER_DIGEST',
        `${environment} runs the manifest ${found}, and ${manifest.digest} is to go to production`,
      ),
      found === manifest.digest ? otherImages(context, deployment.payload?.images) : undefined,
      unless(
        isActive,
        'STAGING_NOT_ACTIVE',
        `deployment ${deployment.id} of ${environment} is not active (${deployment.state}): something else came after it, or it failed`,
      ),
    );
  },
};

/** A deployment of a job's own `environment:` has no payload; its manifest's digest covers the images as well. */
function otherImages(
  { manifest }: GateContext,
  images: Readonly<Record<string, string>> | undefined,
): Problem | undefined {
  if (images === undefined) return undefined;
  const wanted = manifest.images ?? manifest.services;
  const different = [...new Set([...Object.keys(wanted), ...Object.keys(images)])].filter(
    // With their repository or without.
    (service) => images[service]?.split('@').at(-1) !== wanted[service]?.digest,
  );
  return unless(
    different.length === 0,
    'STAGING_OTHER_DIGEST',
    `the deployment of staging names other digests of ${different.sort().join(', ')} than the manifest`,
  );
}

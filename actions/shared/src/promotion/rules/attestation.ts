import { messageOf } from '@papergate/config';
import type { Problem, Rule } from '../types.ts';
import { judgement, short, unless } from './judgement.ts';
import { openVerifier, type Wanted } from './attestation/verify.ts';

const PREDICATE = 'https://slsa.dev/provenance/v1';

/** Each image was built by this repository's own workflow from this very commit, by the word of Sigstore. */
export const attestation: Rule<'attestation'> = {
  name: 'attestation',
  title: 'images attested by our workflow',
  source: 'GitHub attestations',
  waivable: true,
  codes: {
    ATTESTATION_MISSING: 'an image has no attestation of its provenance, or the release has no images',
    ATTESTATION_INVALID: 'none of an image’s attestations is by our workflow, of our commit, and signed',
  },
  async judge(context, config) {
    const { manifest, repository, serverUrl, github, files } = context;
    const wanted = `each by ${config.workflow} at ${config.ref} from ${short(manifest.commit)}`;
    // What we did not build is named in the manifest as well, and comes from elsewhere: PostgreSQL.
    const images = Object.entries(manifest.images ?? {})
      .filter(([service]) => service in manifest.services)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    if (images.length === 0) {
      const message = 'the manifest names no images: there is nothing that could be attested';
      return judgement('no images', wanted, { code: 'ATTESTATION_MISSING', message });
    }
    const verifier = await openVerifier(await files.trustedRoot(), config);
    const problems: (Problem | undefined)[] = [];
    for (const [service, { digest }] of images) {
      const bundles = await github.attestations(digest, { predicateType: PREDICATE });
      const own: Wanted = {
        digest,
        predicateType: PREDICATE,
        repository: `${serverUrl}/${repository}`,
        workflow: config.workflow,
        ref: config.ref,
        issuer: config.issuer,
        commit: manifest.commit,
      };
      const doubts = bundles.map((bundle) => {
        try {
          return verifier.doubtAbout(bundle, own);
        } catch (error) {
          return messageOf(error).split('\n')[0];
        }
      });
      const isProven = doubts.includes(undefined);
      problems.push(
        unless(
          bundles.length > 0,
          'ATTESTATION_MISSING',
          `the image of ${service} (${digest}) has no attestation of its provenance`,
        ),
        unless(
          isProven || bundles.length === 0,
          'ATTESTATION_INVALID',
          `the image of ${service} (${short(digest)}): ${[...new Set(doubts)].join('; ').slice(0, 400)}`,
        ),
      );
    }
    const bad = problems.filter((problem) => problem !== undefined).length;
    return judgement(`${images.length - bad} of ${images.length} images`, wanted, ...problems);
  },
};

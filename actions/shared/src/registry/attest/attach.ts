import type { ImageRef } from '../../release/manifest.ts';
import { withClient, type RegistryCall } from '../artifact/manifest.ts';
import { storeArtifact } from '../artifact/store.ts';
import { MEDIA } from '../media.ts';
import { parseNamespace, parseRepository } from '../reference.ts';
import { RegistryFailure } from '../retry/failure.ts';
import { sha256 } from '../http/client.ts';
import { PROVENANCE_TYPE } from './provenance.ts';

export interface AttachOptions extends RegistryCall {
  /** All in one registry. */
  images: Readonly<Record<string, ImageRef>>;
  /** SPDX JSON. */
  sbom: Uint8Array<ArrayBuffer>;
  /** in-toto statement. */
  provenance: Uint8Array<ArrayBuffer>;
  commit: string;
}

/** Attaches the SBOM and the provenance to every image as OCI referrers. @returns the digests of the two */
export async function attachToImages(options: AttachOptions): Promise<{ sbom: string; provenance: string }> {
  const { images, sbom, provenance, commit } = options;
  const { registry } = parseNamespace(options.registry);
  const revision = { 'org.opencontainers.image.revision': commit };
  await withClient(registry, options, `attaching SBOM and provenance at ${options.registry}`, async (client) => {
    await Promise.all(
      Object.values(images).map(async ({ repository, digest }) => {
        const { name } = parseRepository(repository);
        const subject = await client.headManifest(name, digest);
        if (subject === undefined) {
          throw new RegistryFailure('not-visible', `${repository}@${digest} is not at the registry any more`);
        }
        // One after the other: without the referrers API both are entered in the same index.
        await storeArtifact(client, name, {
          artifactType: MEDIA.spdx,
          mediaType: MEDIA.spdx,
          content: sbom,
          subject,
          annotations: { ...revision, 'org.opencontainers.image.title': 'sbom.spdx.json' },
        });
        await storeArtifact(client, name, {
          artifactType: MEDIA.inToto,
          mediaType: MEDIA.inToto,
          content: provenance,
          subject,
          annotations: {
            ...revision,
            'in-toto.io/predicate-type': PROVENANCE_TYPE,
            'org.opencontainers.image.title': 'provenance.intoto.json',
          },
        });
      }),
    );
  });
  return { sbom: sha256(sbom), provenance: sha256(provenance) };
}

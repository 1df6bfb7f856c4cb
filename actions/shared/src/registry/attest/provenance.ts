import type { EnvSource } from '@papergate/config';
import { canonicalJson, type ImageRef, type Manifest } from '../../release/manifest.ts';

export interface ProvenanceOptions {
  /** With its images. */
  manifest: Manifest;
  /** Service to the image that was pushed: the subjects. */
  images: Readonly<Record<string, ImageRef>>;
  /** Repository of the source: `https://github.com/owner/name`; empty where it has no address. */
  source: string;
  /** What the images stand on: a name for people to the image. */
  baseImages: Readonly<Record<string, ImageRef>>;
  /** Build arguments and the like. Never a secret: the build refuses those. */
  parameters: Readonly<Record<string, string>>;
  builder: Builder;
}

export interface Builder {
  id: string;
  version?: Record<string, string>;
  /** The run that built it, where builds are numbered. */
  invocationId?: string;
}

export const PROVENANCE_TYPE = 'https://slsa.dev/provenance/v1';
const BUILD_TYPE = 'urn:papergate:build:buildx-bake:v1';
const LOCAL_BUILDER = 'urn:papergate:builder:local';
const LOCAL_SOURCE = 'urn:papergate:source:local';

export interface Provenance {
  /** The in-toto statement, canonical. */
  content: Uint8Array<ArrayBuffer>;
  /** Its predicate alone, which cosign wraps into a statement of its own. */
  predicate: Record<string, unknown>;
}

/**
 * Where the images come from: an in-toto statement with a SLSA v1 predicate
 * (https://slsa.dev/spec/v1.0/provenance). The same release built by the same builder gives the same bytes.
 */
export function makeProvenance(options: ProvenanceOptions): Provenance {
  const { manifest, images, source, baseImages, parameters, builder } = options;
  const sourceUri = source === '' ? LOCAL_SOURCE : `git+${source}`;
  const predicate = {
    buildDefinition: {
      buildType: BUILD_TYPE,
      externalParameters: { source: { uri: sourceUri, digest: { gitCommit: manifest.commit } }, parameters },
      internalParameters: { manifest: manifest.digest },
      resolvedDependencies: [
        { uri: `${sourceUri}@${manifest.commit}`, digest: { gitCommit: manifest.commit } },
        {
          name: 'package-lock.json',
          uri: `${sourceUri}#package-lock.json`,
          digest: { sha256: hex(manifest.lockfile_digest) },
        },
        ...Object.entries(baseImages)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, { repository, digest }]) => ({
            name,
            uri: `oci://${repository}@${digest}`,
            digest: { sha256: hex(digest) },
          })),
      ],
    },
    runDetails: {
      builder: { id: builder.id, ...(builder.version === undefined ? {} : { version: builder.version }) },
      metadata: builder.invocationId === undefined ? {} : { invocationId: builder.invocationId },
    },
  };
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: Object.entries(images)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, { repository, digest }]) => ({ name: repository, digest: { sha256: hex(digest) } })),
    predicateType: PROVENANCE_TYPE,
    predicate,
  };
  return { content: new TextEncoder().encode(canonicalJson(statement)), predicate };
}

/** Who builds: the workflow where GitHub runs us, else this machine, which nobody vouches for. */
export function builderOf(env: EnvSource): Builder {
  const server = env['GITHUB_SERVER_URL'];
  const workflow = env['GITHUB_WORKFLOW_REF'];
  if (env['GITHUB_ACTIONS'] !== 'true' || server === undefined || workflow === undefined) return { id: LOCAL_BUILDER };
  const run = env['GITHUB_RUN_ID'];
  const repository = env['GITHUB_REPOSITORY'];
  return {
    id: `${server}/${workflow}`,
    ...(run === undefined || repository === undefined
      ? {}
      : { invocationId: `${server}/${repository}/actions/runs/${run}/attempts/${env['GITHUB_RUN_ATTEMPT'] ?? '1'}` }),
  };
}

const hex = (digest: string): string => digest.replace(/^sha256:/, '');

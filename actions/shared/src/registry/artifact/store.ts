import { canonicalJson } from '../../release/manifest.ts';
import { referrersTag, sha256, type RegistryClient } from '../http/client.ts';
import { MEDIA, type ArtifactManifest, type Descriptor } from '../media.ts';

export interface Artifact {
  artifactType: string;
  /** Media type of the content. */
  mediaType: string;
  content: Uint8Array<ArrayBuffer>;
  annotations?: Record<string, string>;
  /** What it is attached to. */
  subject?: Descriptor;
}

const EMPTY = new TextEncoder().encode('{}');

/** The manifest of an artifact: the same content always gives the same bytes. */
export function artifactManifest(artifact: Artifact): { manifest: ArtifactManifest; bytes: Uint8Array<ArrayBuffer> } {
  const { artifactType, mediaType, content, annotations, subject } = artifact;
  const manifest: ArtifactManifest = {
    schemaVersion: 2,
    mediaType: MEDIA.manifest,
    artifactType,
    config: { mediaType: MEDIA.empty, digest: sha256(EMPTY), size: EMPTY.length },
    layers: [{ mediaType, digest: sha256(content), size: content.length }],
    ...(subject === undefined ? {} : { subject }),
    ...(annotations === undefined ? {} : { annotations }),
  };
  return { manifest, bytes: new TextEncoder().encode(canonicalJson(manifest)) };
}

/**
 * Stores an artifact under a tag, or by its digest alone. Nothing is sent that is there already.
 * @returns its descriptor; @throws RegistryFailure
 */
export async function storeArtifact(
  client: RegistryClient,
  name: string,
  artifact: Artifact,
  tag?: string,
): Promise<Descriptor> {
  const { bytes } = artifactManifest(artifact);
  const digest = sha256(bytes);
  const descriptor: Descriptor = {
    mediaType: MEDIA.manifest,
    digest,
    size: bytes.length,
    artifactType: artifact.artifactType,
    ...(artifact.annotations === undefined ? {} : { annotations: artifact.annotations }),
  };
  const there = await client.headManifest(name, tag ?? digest);
  if (there?.digest === digest && artifact.subject === undefined) return descriptor;
  await client.putBlob(name, EMPTY);
  await client.putBlob(name, artifact.content);
  const { subjectKept } = await client.putManifest(name, tag ?? digest, bytes, MEDIA.manifest);
  if (artifact.subject !== undefined && !subjectKept) {
    await addToIndex(client, name, artifact.subject.digest, descriptor);
  }
  return descriptor;
}

/** Registries without the referrers API: the list of a subject's referrers is an index under a tag, kept by clients. */
async function addToIndex(
  client: RegistryClient,
  name: string,
  subject: string,
  descriptor: Descriptor,
): Promise<void> {
  const manifests = (await client.referrersIndex(name, subject))?.manifests ?? [];
  if (manifests.some(({ digest }) => digest === descriptor.digest)) return;
  const index = { schemaVersion: 2, mediaType: MEDIA.index, manifests: [...manifests, descriptor] };
  await client.putManifest(name, referrersTag(subject), new TextEncoder().encode(canonicalJson(index)), MEDIA.index);
}

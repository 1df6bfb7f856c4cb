import { messageOf, UserError, type EnvSource } from '@papergate/config';
import { canonicalJson, checkManifest, type ImageRef, type Manifest } from '../../release/manifest.ts';
import { RegistryClient, sha256 } from '../http/client.ts';
import { MEDIA, type ArtifactManifest } from '../media.ts';
import { checkCommit, clientOptions } from '../push/images.ts';
import { isDigest, parseNamespace } from '../reference.ts';
import { codedError, RegistryFailure } from '../retry/failure.ts';
import type { Chance, RetryPolicy } from '../retry/schedule.ts';
import { artifactManifest, storeArtifact, type Artifact } from './store.ts';

export interface RegistryCall extends Chance {
  /** `ghcr.io/owner/name` or `127.0.0.1:5000/papergate`. */
  registry: string;
  env: EnvSource;
  signal?: AbortSignal | undefined;
  timeoutMs?: number;
  policy?: RetryPolicy;
}

/** Where a release's manifest lies in a registry. */
export interface ManifestArtifact {
  /** `<registry>/release` */
  repository: string;
  /** Of the artifact; the manifest has a digest of its own inside. */
  digest: string;
  /** `<registry>/release:<commit>` */
  reference: string;
}

/** A release's manifest is some kilobytes. */
const MAX_BYTES = 1024 * 1024;
/** Somebody waits for these answers: a registry that says nothing is given up within ten seconds. */
const QUICK = { timeoutMs: 4_500, policy: { tries: 2, baseMs: 200, capMs: 1_000, retryAfterMaxMs: 3_000 } } as const;
/** So many known releases are named where an unknown one is asked for. */
const SHOWN = 5;

/**
 * Stores the manifest in its canonical form as the OCI artifact `<registry>/release:<commit>`. The same manifest
 * gives the same digest; a commit that was built anew moves its tag.
 */
export async function pushManifest(manifest: Manifest, call: RegistryCall): Promise<ManifestArtifact> {
  const { registry, name } = releases(call.registry);
  const reference = `${registry}/${name}:${manifest.commit}`;
  return await withClient(registry, call, `push of ${reference}`, async (client) => {
    const { digest } = await storeArtifact(client, name, artifactOf(manifest), manifest.commit);
    return { repository: `${registry}/${name}`, digest, reference };
  });
}

function artifactOf(manifest: Manifest): Artifact {
  return {
    artifactType: MEDIA.release,
    mediaType: MEDIA.release,
    content: new TextEncoder().encode(canonicalJson(manifest)),
    annotations: {
      'com.papergate.manifest': manifest.digest,
      'org.opencontainers.image.revision': manifest.commit,
      'org.opencontainers.image.title': 'manifest.json',
    },
  };
}

/**
 * Where the artifact of a manifest lies, computed from the manifest alone: its images say in which registry, its
 * content which digest. Undefined where it has no images or they lie in several registries.
 */
export function releaseArtifactOf(manifest: Manifest): ImageRef | undefined {
  const namespaces = Object.entries(manifest.images ?? {}).flatMap(([service, { repository }]) =>
    service in manifest.services
      ? [repository.endsWith(`/${service}`) ? repository.slice(0, -service.length - 1) : '']
      : [],
  );
  const namespace = namespaces[0];
  if (namespace === undefined || namespace === '' || namespaces.some((one) => one !== namespace)) return undefined;
  return { repository: `${namespace}/release`, digest: sha256(artifactManifest(artifactOf(manifest)).bytes) };
}

export type FetchManifestOptions = RegistryCall & ({ commit: string } | { digest: string });

/**
 * The manifest of a release, by its commit or by the digest of its artifact. Nothing in it is believed before every
 * digest on the way has been computed again.
 * @throws UserError RELEASE_UNKNOWN, RELEASE_MALFORMED, RELEASE_TAMPERED, REGISTRY_UNAUTHORIZED, REGISTRY_DENIED;
 *   ExternalError REGISTRY_UNREACHABLE, …
 */
export async function fetchManifest(
  options: FetchManifestOptions,
): Promise<{ manifest: Manifest; artifact: ManifestArtifact }> {
  const wanted = 'commit' in options ? options.commit : options.digest;
  if ('commit' in options) checkCommit(wanted);
  else if (!isDigest(wanted))
    throw malformed(`"${wanted.slice(0, 80)}"`, 'is not a digest (sha256: and 64 hex digits)');
  const { registry, name } = releases(options.registry);
  const shown = `${registry}/${name}${isDigest(wanted) ? '@' : ':'}${wanted}`;
  return await withClient(registry, { ...QUICK, ...options }, `fetch of ${shown}`, async (client) => {
    const stored = await client.getManifest(name, wanted).catch((error: unknown) => {
      throw tampered(error, shown);
    });
    if (stored === undefined) throw await unknown(client, name, shown);
    const layer = layerOf(stored.bytes, shown);
    const content = await client.getBlob(name, layer.digest).catch((error: unknown) => {
      throw tampered(error, shown);
    });
    if (content === undefined)
      throw malformed(shown, `names a manifest ${layer.digest} that the registry does not have`);
    const manifest = parse(content, shown);
    if ('commit' in options && manifest.commit !== wanted) {
      throw new UserError({
        code: 'RELEASE_TAMPERED',
        message: `${shown} holds the manifest of another commit, ${manifest.commit}`,
        fix: 'somebody moved the tag; push the release of this commit again, and find out who did it',
      });
    }
    return { manifest, artifact: { repository: `${registry}/${name}`, digest: stored.digest, reference: shown } };
  });
}

/** The commits whose release manifests a registry holds, in its order; empty where there are none yet. */
export async function listReleases(call: RegistryCall): Promise<string[]> {
  const { registry, name } = releases(call.registry);
  return await withClient(registry, { ...QUICK, ...call }, `list of ${registry}/${name}`, (client) =>
    commitsOf(client, name),
  );
}

async function commitsOf(client: RegistryClient, name: string): Promise<string[]> {
  const tags = (await client.tags(name)) ?? [];
  return tags.filter((tag) => /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(tag));
}

function releases(registry: string): { registry: string; name: string } {
  const namespace = parseNamespace(registry);
  return { registry: namespace.registry, name: `${namespace.name}/release` };
}

export async function withClient<T>(
  registry: string,
  call: Omit<RegistryCall, 'registry'>,
  doing: string,
  act: (client: RegistryClient) => Promise<T>,
): Promise<T> {
  const client = new RegistryClient(registry, clientOptions(call));
  try {
    return await act(client);
  } catch (error) {
    throw codedError(error, doing);
  } finally {
    await client.close();
  }
}

function layerOf(bytes: Uint8Array, shown: string): { digest: string } {
  let value: Partial<ArtifactManifest>;
  try {
    value = (JSON.parse(new TextDecoder().decode(bytes)) ?? {}) as Partial<ArtifactManifest>;
  } catch {
    throw malformed(shown, 'is not an OCI manifest');
  }
  if (value.artifactType !== MEDIA.release) {
    const type =
      typeof value.artifactType === 'string' ? `an artifact of type ${value.artifactType.slice(0, 100)}` : 'an image';
    throw malformed(shown, `is ${type}, not the manifest of a release`);
  }
  const layer = Array.isArray(value.layers) && value.layers.length === 1 ? value.layers[0] : undefined;
  if (layer === undefined || typeof layer.digest !== 'string' || !isDigest(layer.digest)) {
    throw malformed(shown, 'does not hold exactly one manifest');
  }
  if (!(layer.size <= MAX_BYTES))
    throw malformed(shown, `holds ${String(layer.size)} bytes, more than any manifest has`);
  return layer;
}

function parse(content: Uint8Array, shown: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(content));
  } catch {
    throw malformed(shown, 'does not hold JSON');
  }
  try {
    return checkManifest(value, shown);
  } catch (error) {
    throw new UserError({
      code: 'RELEASE_MALFORMED',
      message: messageOf(error),
      fix: 'push the release of this commit again ("papergate ship"), and find out who changed what was there',
      cause: error,
    });
  }
}

function malformed(shown: string, why: string): UserError {
  return new UserError({
    code: 'RELEASE_MALFORMED',
    message: `${shown} ${why}`,
    fix: 'give the registry and commit of a release that "papergate ship" has pushed',
  });
}

function tampered(error: unknown, shown: string): unknown {
  if (!(error instanceof RegistryFailure) || error.kind !== 'content') return error;
  return new UserError({
    code: 'RELEASE_TAMPERED',
    message: `${shown} is not what its digest says: ${error.message}`,
    fix: 'do not deploy from this registry until that is explained; push the release again',
    cause: error,
  });
}

async function unknown(client: RegistryClient, name: string, shown: string): Promise<UserError> {
  const known = await commitsOf(client, name);
  const some = known.slice(-SHOWN).map((commit) => commit.slice(0, 12));
  return new UserError({
    code: 'RELEASE_UNKNOWN',
    message: `${shown} does not exist; ${
      known.length === 0
        ? `${client.registry}/${name} holds no releases`
        : `there are ${known.length} releases there, among them ${some.join(', ')}`
    }`,
    fix: 'build and push that commit first ("papergate ship"), or give one that is there',
  });
}

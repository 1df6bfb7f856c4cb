import type { EnvSource } from '@papergate/config';
import type { Check, OnProgress, StageResult } from '../evidence/index.ts';
import { imageName, withImages, type ImageRef, type Manifest } from '../release/manifest.ts';
import { attachToImages } from './attest/attach.ts';
import { builderOf, makeProvenance, type Builder } from './attest/provenance.ts';
import { makeSbom } from './attest/sbom.ts';
import { pushManifest, type ManifestArtifact, type RegistryCall } from './artifact/manifest.ts';
import type { ImageEngine } from './push/engine.ts';
import { checkCommit, pushImages } from './push/images.ts';
import { parseNamespace } from './reference.ts';
import type { RetryPolicy, Chance } from './retry/schedule.ts';
import { sign } from './sign/sign.ts';
import { findSigner } from './sign/signer.ts';

export interface PushStageOptions extends Chance {
  /** The release's, without images. */
  manifest: Manifest;
  /** The release's tree (`releases/<sha>`). */
  releaseDir: string;
  /** Service to the id of its image on the engine. */
  images: Readonly<Record<string, string>>;
  /** Images of others that the release runs, by digest: `postgres`. They are named in the manifest and not pushed. */
  external?: Readonly<Record<string, ImageRef>>;
  /** What our images stand on, for the provenance: `node`. */
  baseImages?: Readonly<Record<string, ImageRef>>;
  /** Build arguments, for the provenance. */
  parameters?: Readonly<Record<string, string>>;
  /** `ghcr.io/owner/name` or `127.0.0.1:5000/papergate`. */
  registry: string;
  /** Address of the source: `https://github.com/owner/name`. */
  source: string;
  /** Time of the commit, seconds since 1970. */
  epoch: number;
  /** PATH, HOME, DOCKER_HOST, DOCKER_CONFIG, proxies, GITHUB_*, COSIGN_*. */
  env: EnvSource;
  /** Path or KMS address of the key to sign with; else COSIGN_KEY and the like, else an OIDC identity, else unsigned. */
  signKey?: string | undefined;
  /** Enters key signatures in the public transparency log. */
  publicLog?: boolean;
  builder?: Builder;
  onProgress?: OnProgress;
  signal?: AbortSignal | undefined;
  policy?: RetryPolicy;
  engine?: ImageEngine;
}

export interface PushOutcome {
  result: StageResult;
  /** The release's manifest with its images: a digest of its own, which all later evidence is bound to. */
  manifest: Manifest;
  artifact: ManifestArtifact;
  signed: boolean;
}

const UNSIGNED =
  'unsigned: there is no signing key (COSIGN_KEY, COSIGN_PRIVATE_KEY_FILE) and no OIDC identity; SBOM and provenance are attached as they are';

/**
 * The push stage: images, then SBOM and provenance attached to each, then the manifest, then signatures. The
 * manifest comes after what it names, so that a release that can be fetched is complete.
 * @throws what its parts throw; nothing that runs anywhere is touched
 */
export async function pushStage(options: PushStageOptions): Promise<PushOutcome> {
  const { manifest: unpushed, registry, env, signal, onProgress = () => undefined, external = {} } = options;
  const { releaseDir, epoch, source, baseImages = {}, parameters = {}, builder = builderOf(env) } = options;
  parseNamespace(registry);
  checkCommit(unpushed.commit);
  const signer = findSigner({
    env,
    key: options.signKey,
    ...(options.publicLog === undefined ? {} : { publicLog: options.publicLog }),
  });
  const call: RegistryCall = { ...chanceOf(options), registry, env, signal };
  const retries: { service: string; tried: number; reason: string }[] = [];

  // Side by side: npm takes a second or two to list the packages. The failure of one ends the other.
  const stop = new AbortController();
  const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const [sbom, images] = await both(
    stop,
    makeSbom({ dir: releaseDir, commit: unpushed.commit, epoch, env, signal: either }),
    pushImages({
      ...call,
      signal: either,
      images: options.images,
      commit: unpushed.commit,
      onProgress,
      onRetry: ({ service, tried, reason }) => retries.push({ service, tried, reason }),
      ...(options.engine === undefined ? {} : { engine: options.engine }),
    }),
  );
  const manifest = withImages(unpushed, { ...external, ...images });
  const provenance = makeProvenance({ manifest, images, source, baseImages, parameters, builder });

  onProgress({ message: 'attaching SBOM and provenance' });
  const attached = await attachToImages({
    ...call,
    images,
    sbom: sbom.content,
    provenance: provenance.content,
    commit: manifest.commit,
  });
  const artifact = await pushManifest(manifest, call);
  const manifestImage = imageName(artifact);
  if (signer !== undefined) {
    onProgress({ message: `signing with ${signer.description}` });
    await sign({
      ...chanceOf(options),
      images: Object.values(images).map(imageName),
      manifest: manifestImage,
      sbom: sbom.content,
      provenance: provenance.predicate,
      signer,
      env,
      signal,
    });
  }

  const count = Object.keys(images).length;
  const checks: Check[] = [
    ...Object.entries(images).map(([service, { repository, digest }]): Check => ({
      name: `image ${service}`,
      status: 'passed',
      observed: digest,
      detail: `read back from ${repository}${triesOf(service, retries)}`,
    })),
    { name: 'release manifest', status: 'passed', observed: artifact.digest, detail: artifact.reference },
    {
      name: 'SBOM',
      status: 'passed',
      observed: attached.sbom,
      detail: `SPDX 2.3, ${sbom.packages} packages, attached to ${count} images`,
    },
    {
      name: 'provenance',
      status: 'passed',
      observed: attached.provenance,
      detail: `SLSA v1, built by ${builder.id}, attached to ${count} images`,
    },
    {
      name: 'signatures',
      status: 'passed',
      observed: signer === undefined ? 'unsigned' : 'signed',
      detail:
        signer === undefined ? UNSIGNED : `images, manifest, SBOM and provenance signed with ${signer.description}`,
    },
  ];
  const data = {
    registry,
    manifest_digest: manifest.digest,
    artifact: manifestImage,
    images: Object.fromEntries(
      Object.entries({ ...external, ...images }).map(([service, ref]) => [service, imageName(ref)]),
    ),
    signed: signer !== undefined,
    retries,
  };
  return { result: { status: 'passed', checks, data }, manifest, artifact, signed: signer !== undefined };
}

/** Both results; or the first failure, once the other has ended too. */
async function both<A, B>(stop: AbortController, one: Promise<A>, two: Promise<B>): Promise<[A, B]> {
  const ended = await Promise.allSettled([
    one.catch((error: unknown) => fail(stop, error)),
    two.catch((error: unknown) => fail(stop, error)),
  ]);
  if (ended[0].status === 'fulfilled' && ended[1].status === 'fulfilled') return [ended[0].value, ended[1].value];
  throw stop.signal.reason;
}

function fail(stop: AbortController, error: unknown): never {
  stop.abort(error);
  throw error;
}

const triesOf = (service: string, retries: readonly { service: string }[]): string => {
  const more = retries.filter((one) => one.service === service).length;
  return more === 0 ? '' : `, at try ${more + 1}`;
};

function chanceOf({ random, sleep, policy }: PushStageOptions): Chance & { policy?: RetryPolicy } {
  return {
    ...(random === undefined ? {} : { random }),
    ...(sleep === undefined ? {} : { sleep }),
    ...(policy === undefined ? {} : { policy }),
  };
}

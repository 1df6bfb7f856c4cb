import { ExternalError, type EnvSource } from '@papergate/config';
import type { Check } from '../../evidence/index.ts';
import type { ImageRef, Manifest } from '../../release/manifest.ts';
import { RegistryClient } from '../http/client.ts';
import { clientOptions } from '../push/images.ts';
import { parseRepository } from '../reference.ts';
import { codedError, RegistryFailure } from '../retry/failure.ts';
import type { Chance, RetryPolicy } from '../retry/schedule.ts';

export interface VerifyImagesOptions extends Chance {
  env: EnvSource;
  signal?: AbortSignal | undefined;
  /** For everything, ms. */
  timeoutMs?: number;
  policy?: RetryPolicy;
}

/** A deployer is waiting: what a registry has not said after this it will not say in time. */
const TIMEOUT_MS = 9_000;
/** A connection that broke once gets a second chance, no more. */
const QUICK: RetryPolicy = { tries: 3, baseMs: 200, capMs: 1_000, retryAfterMaxMs: 3_000 };

/**
 * Asks for every digest that a manifest names, all at once, at the registry that it names.
 * @returns one check for each image; the missing ones failed
 * @throws ExternalError REGISTRY_UNREACHABLE, REGISTRY_BROKEN, …; UserError REGISTRY_UNAUTHORIZED, REGISTRY_DENIED
 */
export async function verifyImages(manifest: Manifest, options: VerifyImagesOptions): Promise<Check[]> {
  const images = Object.entries(manifest.images ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  if (images.length === 0) {
    return [
      {
        name: 'images at the registry',
        status: 'failed',
        observed: 'none',
        detail: `the manifest of ${manifest.commit} names no images; it was not built for containers`,
      },
    ];
  }
  const { timeoutMs = TIMEOUT_MS, signal, policy = QUICK } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  const clients = new Map<string, RegistryClient>();
  const clientFor = (registry: string): RegistryClient => {
    const client =
      clients.get(registry) ??
      new RegistryClient(registry, clientOptions({ ...options, timeoutMs, policy, signal: either }));
    clients.set(registry, client);
    return client;
  };
  try {
    return await Promise.all(
      images.map(async ([service, image]) => {
        const { registry, name } = parseRepository(image.repository);
        try {
          const found = await clientFor(registry).headManifest(name, image.digest);
          return checkOf(service, image, found?.digest);
        } catch (error) {
          signal?.throwIfAborted();
          if (timeout.aborted) throw silent(registry, timeoutMs);
          throw codedError(error, `look at ${image.repository}@${image.digest}`, triesOf(error, policy));
        }
      }),
    );
  } finally {
    await Promise.all([...clients.values()].map((client) => client.close()));
  }
}

const triesOf = (error: unknown, policy: RetryPolicy): number =>
  error instanceof RegistryFailure && (error.kind === 'network' || error.kind === 'server') ? policy.tries : 1;

function checkOf(service: string, { repository, digest }: ImageRef, found: string | undefined): Check {
  const name = `image ${service}`;
  if (found === digest) return { name, status: 'passed', observed: digest, detail: repository };
  return {
    name,
    status: 'failed',
    observed: found ?? 'absent',
    limit: digest,
    detail:
      found === undefined
        ? `${repository}@${digest} is not at the registry`
        : `${repository}@${digest} is answered with another digest`,
  };
}

function silent(registry: string, timeoutMs: number): ExternalError {
  return new ExternalError({
    code: 'REGISTRY_UNREACHABLE',
    message: `${registry} did not answer for all images within ${timeoutMs / 1000} s`,
    fix: 'check the address, that the registry runs, and the network and proxy between',
  });
}

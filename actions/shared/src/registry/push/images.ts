import { ExternalError, UserError, type EnvSource } from '@papergate/config';
import type { OnProgress } from '../../evidence/index.ts';
import type { ImageRef } from '../../release/manifest.ts';
import { RegistryClient } from '../http/client.ts';
import { parseNamespace } from '../reference.ts';
import { codedError, RegistryFailure } from '../retry/failure.ts';
import { RETRY, withRetries, type Chance, type RetryPolicy } from '../retry/schedule.ts';
import { dockerEngine, type ImageEngine } from './engine.ts';

export interface PushImagesOptions extends Chance {
  /** Service to the id of its image on the engine (`sha256:…`). */
  images: Readonly<Record<string, string>>;
  /** `ghcr.io/owner/name` or `127.0.0.1:5000/papergate`. */
  registry: string;
  /** 40 hex digits: the tag. */
  commit: string;
  /** What docker and its credential helpers get: PATH, HOME, DOCKER_HOST, DOCKER_CONFIG, proxies. */
  env: EnvSource;
  onProgress?: OnProgress;
  signal?: AbortSignal | undefined;
  /** Told of each further try, for the evidence. */
  onRetry?: (event: { service: string; tried: number; reason: string; pauseMs: number }) => void;
  policy?: RetryPolicy;
  engine?: ImageEngine;
  /** For one request of ours to the registry, ms. */
  timeoutMs?: number;
}

/** So many at once after the first: the layers that all share are there by then, and the engine mounts them. */
const AT_ONCE = 4;

/**
 * Tags each image `<registry>/<service>:<commit>`, pushes it through the engine, and asks the registry for the digest
 * that now stands there. Failures are repeated by the table in `retry/failure.ts`.
 * @throws UserError REGISTRY_INVALID, REGISTRY_UNAUTHORIZED, REGISTRY_DENIED, REGISTRY_NAME_INVALID, REGISTRY_TOO_LARGE,
 *   IMAGE_MISSING; ExternalError REGISTRY_UNREACHABLE, REGISTRY_BROKEN, REGISTRY_RATE_LIMITED, REGISTRY_TLS,
 *   REGISTRY_REFUSED, PUSH_DIGEST_MISMATCH, DOCKER_MISSING
 */
export async function pushImages(options: PushImagesOptions): Promise<Record<string, ImageRef>> {
  const { images, registry, env, signal, engine = dockerEngine(env), onProgress, policy = RETRY } = options;
  const namespace = parseNamespace(registry);
  const services = Object.keys(images).sort();
  if (services.length === 0) {
    throw new UserError({
      code: 'IMAGE_MISSING',
      message: `there are no images to push to ${registry}`,
      fix: 'build the images of the release first',
    });
  }
  // One try for each of its requests: the push around them is what is tried again.
  const client = new RegistryClient(namespace.registry, clientOptions({ ...options, policy: { ...policy, tries: 1 } }));
  const pushed = new Map<string, ImageRef>();
  const pushNext = async (service: string, until: AbortSignal | undefined): Promise<void> => {
    const image = await pushOne({
      ...options,
      signal: until,
      engine,
      client,
      service,
      name: `${namespace.name}/${service}`,
    });
    pushed.set(service, image);
    onProgress?.({ message: `pushed ${service} ${image.digest}`, fraction: pushed.size / services.length });
  };
  try {
    const [first, ...others] = services;
    if (first !== undefined) await pushNext(first, signal);
    // The first failure ends the others: none of them will be needed.
    const stop = new AbortController();
    const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
    const waiting = [...others];
    const worker = async (): Promise<void> => {
      for (let service = waiting.shift(); service !== undefined; service = waiting.shift()) {
        either.throwIfAborted();
        try {
          await pushNext(service, either);
        } catch (error) {
          stop.abort(error);
          throw error;
        }
      }
    };
    const ended = await Promise.allSettled(Array.from({ length: AT_ONCE }, worker));
    signal?.throwIfAborted();
    if (ended.some(({ status }) => status === 'rejected')) throw stop.signal.reason;
  } finally {
    await client.close();
  }
  return Object.fromEntries(services.flatMap((service) => entry(service, pushed.get(service))));
}

const entry = (service: string, image: ImageRef | undefined): [string, ImageRef][] =>
  image === undefined ? [] : [[service, image]];

export function clientOptions(options: {
  env: EnvSource;
  signal?: AbortSignal | undefined;
  timeoutMs?: number;
  policy?: RetryPolicy;
  random?: () => number;
  sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
}): ConstructorParameters<typeof RegistryClient>[1] {
  const { env, signal, timeoutMs, policy, random, sleep } = options;
  return {
    env,
    signal,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(policy === undefined ? {} : { policy }),
    ...(random === undefined ? {} : { random }),
    ...(sleep === undefined ? {} : { sleep }),
  };
}

interface OnePush extends PushImagesOptions {
  engine: ImageEngine;
  client: RegistryClient;
  service: string;
  name: string;
}

async function pushOne(one: OnePush): Promise<ImageRef> {
  const { engine, client, service, name, images, commit, signal, onProgress, onRetry, policy = RETRY } = one;
  const repository = `${client.registry}/${name}`;
  const reference = `${repository}:${commit}`;
  const doing = `push of ${reference}`;
  const imageId = images[service] ?? '';
  return await withRetries(
    async () => {
      await engine.tag(imageId, reference);
      const said = await engine
        .push(reference, { signal, onLine: (message) => onProgress?.({ message: `${service}: ${message}` }) })
        .catch(async (error: unknown) => {
          throw await withRetryAfter(error, client, name);
        });
      const found = await client.headManifest(name, commit);
      if (found === undefined)
        throw new RegistryFailure('not-visible', `${client.registry} does not have ${reference}`);
      if (found.digest !== said) throw mismatch(reference, said, found.digest);
      return { repository, digest: found.digest };
    },
    {
      policy,
      ...(one.random === undefined ? {} : { random: one.random }),
      ...(one.sleep === undefined ? {} : { sleep: one.sleep }),
      signal,
      onRetry: ({ tried, failure, pauseMs }) => {
        const reason = `${failure.kind}: ${failure.message}`;
        onRetry?.({ service, tried, reason, pauseMs });
        onProgress?.({
          message: `${service}: try ${tried} failed (${reason}); again in ${Math.ceil(pauseMs / 1000)} s`,
        });
      },
    },
    ({ failure, tries }) => codedError(failure, doing, tries),
  );
}

/** The engine does not pass on how long a registry wants us to wait: we ask it ourselves. */
async function withRetryAfter(error: unknown, client: RegistryClient, name: string): Promise<unknown> {
  if (!(error instanceof RegistryFailure) || error.kind !== 'rate-limited') return error;
  try {
    await client.look(name);
  } catch (looked) {
    if (looked instanceof RegistryFailure && looked.retryAfterMs !== undefined) {
      return new RegistryFailure('rate-limited', error.message, { retryAfterMs: looked.retryAfterMs });
    }
  }
  return error;
}

function mismatch(reference: string, said: string, found: string): ExternalError {
  return new ExternalError({
    code: 'PUSH_DIGEST_MISMATCH',
    message: `the engine pushed ${reference} as ${said}, and the registry has ${found} there`,
    fix: 'somebody else pushes the same commit there, or content is changed on the way; find out which before you deploy',
  });
}

/** @throws UserError COMMIT_INVALID */
export function checkCommit(commit: string): void {
  if (/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(commit)) return;
  throw new UserError({
    code: 'COMMIT_INVALID',
    message: `"${commit.slice(0, 80)}" is not a full commit; allowed: 40 hex digits`,
    fix: 'give the commit in full ("git rev-parse HEAD")',
  });
}

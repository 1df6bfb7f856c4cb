import { setTimeout as delay } from 'node:timers/promises';
import { posix } from 'node:path';
import { ExternalError, type Secret } from '@papergate/config';
import type { ComposeModel } from '../../composition/index.ts';
import type { Fence, Place } from '../../deliver/types.ts';
import type { OnProgress } from '../../evidence/index.ts';
import { slots } from '../../host/slots.ts';
import { lastWords, type Docker } from './docker.ts';
import { dockerFailed } from './errors.ts';
import { infrastructurePaths } from './paths.ts';

const PULL_MS = 15 * 60_000;
const PULLS_AT_A_TIME = 4;
const TRIES = 3;
/** What may be over at the next try; anything else is not (unknown, denied, malformed, no space). */
const PASSING =
  /timeout|timed out|EOF|connection reset|connection refused|TLS handshake|5\d\d |toomanyrequests|temporary failure/i;

export function imagesOf(...models: readonly ComposeModel[]): string[] {
  return [...new Set(models.flatMap(({ services }) => Object.values(services).map(({ image }) => image)))].sort();
}

/** Which of these images the engine has, by reference: their ids. */
export async function presentImages(
  docker: Docker,
  images: readonly string[],
  signal?: AbortSignal,
): Promise<Map<string, string>> {
  if (images.length === 0) return new Map();
  const format = '{{.Id}}\t{{json .RepoDigests}}';
  const { code, stdout, stderr } = await docker.run(['image', 'inspect', '--format', format, ...images], { signal });
  if (code !== 0 && !/no such image/i.test(stderr)) throw dockerFailed('looking at images', lastWords(stderr));
  const found = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'))
    .map(([id = '', digests = '[]']) => ({ id, digests: (JSON.parse(digests) as string[] | null) ?? [] }));
  return new Map(
    images.flatMap((image): [string, string][] => {
      const match = found.find(({ digests }) => digests.includes(image));
      return match === undefined ? [] : [[image, match.id]];
    }),
  );
}

/**
 * Fetches what the engine does not have, by digest, several at a time.
 * @throws ExternalError IMAGE_PULL_FAILED with the engine's words
 */
export async function pullImages(
  { docker, place, auth }: { docker: Docker; place: Place; auth: () => Promise<Secret | undefined> },
  images: readonly string[],
  fence: Fence,
  onProgress: OnProgress,
  signal?: AbortSignal,
): Promise<void> {
  const present = await presentImages(docker, images, signal);
  const missing = images.filter((image) => !present.has(image));
  if (missing.length === 0) return;
  await fence.assertHeld();
  const limited = slots(PULLS_AT_A_TIME);
  let done = 0;
  await withLogin(place, await auth(), async (env) => {
    // All of them end before the login is removed.
    const ends = await Promise.allSettled(
      missing.map((image) =>
        limited(async () => {
          await pull(docker, image, env, signal);
          done += 1;
          onProgress({ message: `fetched ${image.split('@')[0]}`, fraction: done / missing.length });
        }),
      ),
    );
    const failed = ends.find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  });
}

async function withLogin(
  place: Place,
  auth: Secret | undefined,
  act: (env: Record<string, string> | undefined) => Promise<void>,
): Promise<void> {
  if (auth === undefined) return act(undefined);
  const { files } = place.host;
  const { login } = infrastructurePaths(place);
  try {
    await files.makeDir(login, 0o700);
    await files.write(posix.join(login, 'config.json'), auth.reveal(), 0o600);
    await act({ DOCKER_CONFIG: login });
  } finally {
    await files.remove(login);
  }
}

async function pull(
  docker: Docker,
  image: string,
  env: Record<string, string> | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  let words = '';
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const run = { timeoutMs: PULL_MS, signal, ...(env === undefined ? {} : { env }) };
    const { code, stderr } = await docker.run(['pull', '--quiet', image], run);
    if (code === 0) return;
    words = lastWords(stderr, 2);
    if (!PASSING.test(words)) break;
    if (attempt < TRIES) await delay(500 * 2 ** attempt, undefined, signal === undefined ? {} : { signal });
  }
  throw new ExternalError({
    code: /no space left/i.test(words) ? 'DISK_FULL' : 'IMAGE_PULL_FAILED',
    message: `${image} could not be fetched: ${words}`,
    fix: 'check that the registry is up, has this digest, and lets this user read it (docker login)',
  });
}

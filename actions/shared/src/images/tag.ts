import { docker, type DockerEnv } from './docker/run.ts';
import type { BuiltImage } from './sizes.ts';

/**
 * Gives every image the name under which it is pushed: `<registry>/<service>:<commit>`. Gives the names by service.
 * @throws ExternalError DOCKER_MISSING, ENGINE_UNREACHABLE, DOCKER_FAILED
 */
export async function tagImages(
  images: Readonly<Record<string, Pick<BuiltImage, 'id'>>>,
  registry: string,
  commit: string,
  env: DockerEnv,
  signal?: AbortSignal,
): Promise<Record<string, string>> {
  const named = await Promise.all(
    Object.entries(images).map(async ([service, { id }]): Promise<[string, string]> => {
      const name = `${registry}/${service}:${commit}`;
      await docker(['tag', id, name], { env, signal });
      return [service, name];
    }),
  );
  return Object.fromEntries(named);
}

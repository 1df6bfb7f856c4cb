import { ExternalError } from '@papergate/config';
import { composeText, INFRASTRUCTURE_SERVICES, type ComposeModel } from '../../composition/index.ts';
import type { Fence, Place } from '../../deliver/types.ts';
import type { OnProgress } from '../../evidence/index.ts';
import { containersOf } from './containers.ts';
import { lastWords, type Docker } from './docker.ts';
import { infrastructurePaths } from './paths.ts';

const UP_MS = 5 * 60_000;

/** What of it runs on: one of its services only makes the volumes ready, and ends. */
const lasting = ({ services }: ComposeModel): string[] =>
  Object.keys(services).filter((name) => name !== INFRASTRUCTURE_SERVICES[0]);

/**
 * Brings the infrastructure up as it is wanted, and leaves alone what is so already: PostgreSQL is made anew only for
 * another definition of it. Where the new one does not become healthy, the one before comes back.
 * @throws ExternalError INFRASTRUCTURE_FAILED with the engine's words
 */
export async function bringUp(
  { docker, place }: { docker: Docker; place: Place },
  model: ComposeModel,
  fence: Fence,
  onProgress: OnProgress,
  signal?: AbortSignal,
): Promise<void> {
  const { files } = place.host;
  const paths = infrastructurePaths(place);
  const text = composeText(model);
  const before = await files.read(paths.compose);
  if (before === text && (await isUp(docker, place.project, model, signal))) return;
  onProgress({ message: 'bringing the infrastructure up' });
  await fence.assertHeld();
  await files.write(paths.next, text);
  const failed = await up(docker, model, paths.next, signal);
  if (failed === undefined) {
    await files.rename(paths.next, paths.compose);
    return;
  }
  if (before !== undefined && before !== text && signal?.aborted !== true) {
    await fence.assertHeld();
    await up(docker, JSON.parse(before) as ComposeModel, paths.compose, signal);
  }
  throw new ExternalError({
    code: 'INFRASTRUCTURE_FAILED',
    message: `the infrastructure did not come up: ${failed}`,
    fix: `read what its containers say: docker compose -p ${model.name} logs postgres`,
  });
}

async function isUp(docker: Docker, project: string, model: ComposeModel, signal?: AbortSignal): Promise<boolean> {
  const containers = await containersOf(docker, { project }, signal);
  return lasting(model).every((service) =>
    containers.some(
      (container) =>
        container.manifest === '' &&
        container.service === service &&
        container.status === 'running' &&
        (container.health === undefined || container.health === 'healthy'),
    ),
  );
}

/** @returns why it did not come up */
async function up(
  docker: Docker,
  model: ComposeModel,
  file: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const wait = ['--wait', '--wait-timeout', String(UP_MS / 1000 - 30)];
  const args = ['compose', '-p', model.name, '-f', file, 'up', '-d', '--no-build', '--pull', 'missing', '--quiet-pull'];
  const { code, stderr } = await docker.run([...args, ...wait, ...lasting(model)], { timeoutMs: UP_MS, signal });
  return code === 0 ? undefined : lastWords(stderr);
}

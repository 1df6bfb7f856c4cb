import type { ComposeModel } from '../../composition/index.ts';
import type { Fence, Place } from '../../deliver/types.ts';
import { containersOf } from './containers.ts';
import { lastWords, type Docker } from './docker.ts';
import { dockerFailed } from './errors.ts';
import { infrastructurePaths } from './paths.ts';

const DOWN_MS = 3 * 60_000;

/** Removes all containers and networks of a place, and with `volumes` its data. What is gone already is no reason to fail. */
export async function takeDown(
  { docker, place }: { docker: Docker; place: Place },
  { volumes }: { volumes: boolean },
  stopAll: () => Promise<void>,
  fence: Fence,
): Promise<void> {
  const { project } = place;
  await stopAll();
  const made = (await containersOf(docker, { project })).filter(({ manifest }) => manifest !== '');
  if (made.length > 0) {
    await fence.assertHeld();
    const args = ['rm', '-f', '-v', ...made.map(({ id }) => id)];
    const { code, stderr } = await docker.run(args, { timeoutMs: DOWN_MS });
    if (code !== 0 && !/no such container/i.test(stderr)) throw dockerFailed('removing containers', lastWords(stderr));
  }
  await fence.assertHeld();
  const file = await infrastructureFile(place);
  const from = file === undefined ? [] : ['-f', file];
  const args = ['compose', '-p', project, ...from, 'down', '--remove-orphans', ...(volumes ? ['--volumes'] : [])];
  const { code, stderr } = await docker.run(args, { timeoutMs: DOWN_MS });
  if (code !== 0) throw dockerFailed('taking the infrastructure down', lastWords(stderr));
  if (volumes) await removeVolumes(docker, project);
}

/** That which was brought up last; without one, Compose goes by its labels. */
async function infrastructureFile(place: Place): Promise<string | undefined> {
  const { compose, next } = infrastructurePaths(place);
  for (const path of [next, compose]) {
    const text = await place.host.files.read(path);
    if (text !== undefined && isModel(text)) return path;
  }
  return undefined;
}

function isModel(text: string): boolean {
  try {
    return typeof (JSON.parse(text) as ComposeModel).services === 'object';
  } catch {
    return false;
  }
}

/** Those of files that are not there any more. */
async function removeVolumes(docker: Docker, project: string): Promise<void> {
  const filter = `label=com.docker.compose.project=${project}`;
  const found = await docker.text('listing volumes', ['volume', 'ls', '-q', '--filter', filter]);
  const names = found.split('\n').filter((name) => name !== '');
  if (names.length > 0) await docker.text('removing volumes', ['volume', 'rm', ...names]);
}

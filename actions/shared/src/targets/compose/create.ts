import { EXIT, PapergateError } from '@papergate/config';
import type { ComposeModel } from '../../composition/index.ts';
import type { Fence, Place } from '../../deliver/types.ts';
import { imageName, type Manifest } from '../../release/manifest.ts';
import { containersOf, isService, type Container } from './containers.ts';
import { lastWords, type Docker } from './docker.ts';
import { dockerFailed } from './errors.ts';
import { presentImages } from './images.ts';
import { releasePaths } from './paths.ts';

const CREATE_MS = 5 * 60_000;

/** Services of a release that run on; what is run once stands behind a profile. */
export const servicesIn = ({ services }: ComposeModel): string[] =>
  Object.entries(services)
    .filter(([, { profiles = [] }]) => profiles.length === 0)
    .map(([name]) => name);

/**
 * Makes the containers of a release beside those that run, without starting them, and looks at what they were made
 * of. Those that are there already and right stay.
 */
export async function createContainers(
  { docker, place }: { docker: Docker; place: Place },
  manifest: Manifest,
  model: ComposeModel,
  fence: Fence,
  signal?: AbortSignal,
): Promise<Container[]> {
  const { project } = place;
  const services = servicesIn(model);
  const wanted = { project, manifest: manifest.digest };
  const there = (await containersOf(docker, wanted, signal)).filter(isService);
  const wrong = there.filter((container) => !container.running && !isRight(container, manifest));
  if (wrong.length > 0) {
    await fence.assertHeld();
    const ids = wrong.map(({ id }) => id);
    await docker.text('removing containers of the wrong image', ['rm', '-v', ...ids], { signal });
  }
  const right = new Set(there.filter((container) => !wrong.includes(container)).map(({ service }) => service));
  if (services.some((service) => !right.has(service))) {
    await fence.assertHeld();
    const files = ['-p', model.name, '-f', releasePaths(place, manifest.digest).compose];
    const create = ['compose', ...files, 'create', '--no-build', '--pull', 'never', '--no-recreate'];
    const { code, stderr } = await docker.run(create, { timeoutMs: CREATE_MS, signal });
    if (code !== 0) throw dockerFailed('making the containers', lastWords(stderr));
  }
  const made = (await containersOf(docker, wanted, signal)).filter(isService);
  await checkMade(docker, manifest, services, made, signal);
  return made;
}

const wantedImage = ({ images }: Manifest, service: string): string | undefined => {
  const image = images?.[service];
  return image === undefined ? undefined : imageName(image);
};

const isRight = (container: Container, manifest: Manifest): boolean =>
  container.image === wantedImage(manifest, container.service);

/** @throws PapergateError CONTAINER_WRONG_IMAGE where one is missing, twice there, or of another image */
async function checkMade(
  docker: Docker,
  manifest: Manifest,
  services: readonly string[],
  made: readonly Container[],
  signal?: AbortSignal,
): Promise<void> {
  const images = services.flatMap((service) => wantedImage(manifest, service) ?? []);
  const ids = await presentImages(docker, [...new Set(images)], signal);
  const wrong = services.flatMap((service) => {
    const image = wantedImage(manifest, service) ?? 'no image';
    const own = made.filter((container) => container.service === service);
    const [first] = own;
    if (own.length !== 1 || first === undefined) return [`${service} has ${own.length} containers`];
    if (first.image !== image || first.imageId !== ids.get(image)) {
      return [`${service} was made from ${first.image} (${first.imageId}) and not from ${image}`];
    }
    return [];
  });
  if (wrong.length === 0) return;
  throw new PapergateError({
    code: 'CONTAINER_WRONG_IMAGE',
    exitCode: EXIT.blocked,
    message: `the containers are not those of the manifest: ${wrong.join('; ')}`,
    fix: 'remove the containers that are named ("docker rm"), and deploy again',
  });
}

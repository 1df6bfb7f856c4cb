import type { Check } from '../../evidence/index.ts';
import { imageName, type Manifest } from '../../release/manifest.ts';
import { verifyImages } from '../../registry/index.ts';
import { gateChecks, gateOf } from '../gate.ts';
import { inspect, LABEL, type Container } from './containers.ts';
import { checkDisk } from './disk.ts';
import type { Docker } from './docker.ts';
import { checkEngine } from './engine.ts';
import { projectTaken } from './errors.ts';
import { imagesOf, presentImages } from './images.ts';
import { readLayout, render } from './layout.ts';
import type { ComposeTargetOptions } from './options.ts';
import { releasePaths } from './paths.ts';
import { checkPorts, publishedPorts } from './ports.ts';
import { checkSecrets, neededSecrets } from './secret-files.ts';

/**
 * All that can be known before anything is touched.
 * @throws what says at once that nothing will come of it: no engine, too old, ports or disk taken, no such project
 */
export async function verifyPlace(
  options: ComposeTargetOptions,
  docker: Docker,
  manifest: Manifest,
  signal?: AbortSignal,
): Promise<Check[]> {
  const { place, env, gate: given } = options;
  const { host, dir, project } = place;
  const gate = await gateOf({ place, path: releasePaths(place, manifest.digest).gate, manifest, given });
  const opened = gateChecks({ place, manifest }, gate);
  // Nothing is asked of anybody for a release that production is closed to.
  if (opened.some(({ status }) => status === 'failed')) return opened;
  const engine = await checkEngine(docker, signal);
  await checkProject(docker, place, signal);
  const layout = (await readLayout(options, manifest)) ?? (await render(options, docker, manifest, 0, signal));
  const models = [layout.release, layout.infrastructure];
  await checkSecrets(place, options.secrets, neededSecrets(...models));
  const images = imagesOf(...models);
  const [present, wanted] = [await presentImages(docker, images, signal), publishedPorts(...models)];
  const [atRegistry, disk] = await Promise.all([
    checkImages(options, manifest, present, signal),
    checkDisk({ docker, host, dir, missing: images.filter((image) => !present.has(image)), env, signal }),
    checkPorts({ docker, host, project }, wanted, signal),
  ]);
  return [
    ...opened,
    ...engine,
    { name: 'compose files', status: 'passed', observed: Object.keys(layout.release.services).length },
    ...atRegistry,
    disk,
    { name: 'ports', status: 'passed', observed: wanted.map(({ port }) => port).join(', ') },
  ];
}

/**
 * Every digest at the registry, or here already: a release that was delivered before can be gone back to while the
 * registry is away, or has forgotten it.
 */
async function checkImages(
  { env, verifyImages: own }: ComposeTargetOptions,
  manifest: Manifest,
  present: ReadonlyMap<string, string>,
  signal?: AbortSignal,
): Promise<Check[]> {
  const here = (service: string): boolean => {
    const image = manifest.images?.[service];
    return image !== undefined && present.has(imageName(image));
  };
  const all = Object.keys(manifest.images ?? {});
  const ask = own ?? ((given: Manifest, by?: AbortSignal) => verifyImages(given, { env, signal: by }));
  try {
    const checks = await ask(manifest, signal);
    return checks.map((check): Check => {
      const service = check.name.replace(/^image /, '');
      if (check.status === 'passed' || !here(service)) return check;
      return {
        name: check.name,
        status: 'passed',
        observed: 'on the host',
        detail: check.detail ?? 'not at the registry',
      };
    });
  } catch (error) {
    if (signal?.aborted === true || all.length === 0 || !all.every(here)) throw error;
    return [
      {
        name: 'images at the registry',
        status: 'passed',
        observed: 'on the host',
        detail: 'the registry does not answer, and no image has to come from it',
      },
    ];
  }
}

/** @throws ExternalError PROJECT_TAKEN where containers of this name are somebody else's */
async function checkProject(
  docker: Docker,
  { project, dir }: ComposeTargetOptions['place'],
  signal?: AbortSignal,
): Promise<void> {
  const ids = async (label: string): Promise<string[]> =>
    (await docker.text('listing containers', ['ps', '-aq', '--no-trunc', '--filter', `label=${label}`], { signal }))
      .split('\n')
      .filter((id) => id !== '');
  const [ours, named] = await Promise.all([
    ids(`${LABEL.project}=${project}`),
    ids(`com.docker.compose.project=${project}`),
  ]);
  const all = await inspect(docker, [...new Set([...ours, ...named])], signal);
  const foreign = all.find((container: Container) => container.place !== dir);
  if (foreign === undefined) return;
  throw projectTaken(
    project,
    foreign.place === ''
      ? `containers that Papergate did not make (${foreign.name})`
      : `the place ${foreign.place} (container ${foreign.name})`,
  );
}

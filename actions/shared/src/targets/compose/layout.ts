import { posix } from 'node:path';
import { loadSystemConfig, type SystemConfig } from '@papergate/config';
import {
  chooseFreePorts,
  composeText,
  defaultPorts,
  environmentOf,
  infrastructureFiles,
  monitoringDigest,
  renderContainerConfig,
  renderRelease,
  type ComposeModel,
  type ComposeService,
  type PublishedPorts,
} from '../../composition/index.ts';
import { pathsOf } from '../../deliver/place.ts';
import type { Fence } from '../../deliver/types.ts';
import { canonicalJson, checkManifest, type Manifest } from '../../release/manifest.ts';
import { LABEL } from './containers.ts';
import type { Docker } from './docker.ts';
import type { ComposeTargetOptions } from './options.ts';
import { infrastructurePaths, releasePaths } from './paths.ts';
import { drawPorts } from './ports.ts';

/** A release as Compose is told of it. */
export interface Layout {
  release: ComposeModel;
  infrastructure: ComposeModel;
}

/** Also what has to be written for it. */
export interface Rendering extends Layout {
  configFiles: ReadonlyMap<string, string>;
  /** Below the place's `infrastructure/`. */
  infrastructureFiles: ReadonlyMap<string, string>;
  ports: PublishedPorts | undefined;
}

/** The release as it lies in the place; undefined where it was never laid out to the end. */
export async function readLayout({ place }: ComposeTargetOptions, manifest: Manifest): Promise<Layout | undefined> {
  const { files } = place.host;
  const paths = releasePaths(place, manifest.digest);
  const [complete, compose, infrastructure] = await Promise.all([
    files.read(paths.complete),
    files.read(paths.compose),
    files.read(paths.infrastructure),
  ]);
  if (complete === undefined || compose === undefined || infrastructure === undefined) return undefined;
  try {
    return {
      release: JSON.parse(compose) as ComposeModel,
      infrastructure: JSON.parse(infrastructure) as ComposeModel,
    };
  } catch {
    // Half-written by something else than us, or edited: it is laid out anew.
    return undefined;
  }
}

/** What the release wants, worked out from its own files; writes nothing. */
export async function render(
  options: ComposeTargetOptions,
  docker: Docker,
  manifest: Manifest,
  generation: number,
  signal?: AbortSignal,
): Promise<Rendering> {
  const { place, monitoring } = options;
  const { environment, project } = place;
  const { configDir, composeDir } = await options.releaseSource(manifest);
  const system = loadSystemConfig(configDir, environment);
  const shared = { composeDir, configDir, environment, system, monitoring: monitoring !== undefined };
  const files = infrastructureFiles(shared);
  const ports = await portsOf(options, system);
  const variables = environmentOf({
    manifest,
    environment,
    system,
    project,
    generation,
    ports: ports ?? 'default',
    secretsDir: pathsOf(place).secrets,
    configDir: releasePaths(place, manifest.digest).config,
    infrastructureDir: infrastructurePaths(place).dir,
    ...(monitoring === undefined
      ? {}
      : {
          monitoring: {
            images: monitoring,
            configDigest: monitoringDigest(files),
            dockerRoot: await docker.rootDir(),
          },
        }),
  });
  const { release, infrastructure } = await renderRelease({
    host: options.here ?? place.host,
    composeDir,
    environment,
    variables,
    signal,
    monitoring: monitoring !== undefined,
  });
  return {
    release: probedByUs(ownedBy(release, place.dir)),
    infrastructure: ownedBy(infrastructure, place.dir),
    configFiles: renderContainerConfig({ from: configDir, environment }).files,
    infrastructureFiles: files,
    ports,
  };
}

/** Says on every container which place made it: two places with one project's name would take each other apart. */
function ownedBy(model: ComposeModel, dir: string): ComposeModel {
  return eachService(model, (service) => ({ ...service, labels: { ...service.labels, [LABEL.place]: dir } }));
}

/**
 * While services start, this engine asks each of them itself, many times a second, and goes by nothing else. Docker's
 * own checks are processes that would take from the machine what the services need then, so they begin a little later.
 */
function probedByUs(model: ComposeModel): ComposeModel {
  return eachService(model, ({ healthcheck, ...service }) =>
    healthcheck?.start_interval === undefined
      ? { ...service, ...(healthcheck === undefined ? {} : { healthcheck }) }
      : { ...service, healthcheck: { ...healthcheck, start_interval: START_INTERVAL } },
  );
}

const START_INTERVAL = '5s';

function eachService(model: ComposeModel, change: (service: ComposeService) => ComposeService): ComposeModel {
  const services = Object.entries(model.services).map(([name, service]): [string, ComposeService] => [
    name,
    change(service),
  ]);
  return { ...model, services: Object.fromEntries(services) };
}

async function portsOf(options: ComposeTargetOptions, system: SystemConfig): Promise<PublishedPorts | undefined> {
  const { place, ports } = options;
  if (ports === 'default') return undefined;
  if (ports !== 'free') return ports;
  const kept = await place.host.files.read(infrastructurePaths(place).ports);
  if (kept !== undefined) return JSON.parse(kept) as PublishedPorts;
  if (place.host.name === 'local') return chooseFreePorts(place.environment, system);
  return drawPorts(place.host, Object.keys(defaultPorts(place.environment, system)));
}

/** Puts a rendered release into the place. What is there already and the same is left alone. */
export async function writeLayout(
  { place }: ComposeTargetOptions,
  manifest: Manifest,
  rendering: Rendering,
  fence: Fence,
): Promise<void> {
  const { files } = place.host;
  const paths = releasePaths(place, manifest.digest);
  const infrastructure = infrastructurePaths(place);
  await fence.assertHeld();
  await files.remove(paths.complete);
  if (rendering.ports !== undefined) await files.write(infrastructure.ports, canonicalJson(rendering.ports));
  // Users of their own read these in the containers; the folder of the place is nobody's but ours.
  await files.makeDir(paths.config, 0o755);
  const configuration = [...rendering.configFiles].map(([name, text]) =>
    files.write(posix.join(paths.config, name), text, 0o644),
  );
  const shared = [...rendering.infrastructureFiles].map(async ([name, text]) => {
    const path = posix.join(infrastructure.dir, name);
    if ((await files.read(path)) === text) return;
    await files.makeDir(posix.dirname(path), 0o755);
    await files.write(path, text, 0o644);
  });
  await Promise.all([...configuration, ...shared]);
  await Promise.all([
    files.write(paths.manifest, `${JSON.stringify(manifest, null, 2)}\n`),
    files.write(paths.infrastructure, composeText(rendering.infrastructure)),
    files.write(paths.compose, composeText(rendering.release)),
  ]);
  await files.write(paths.complete, `${manifest.digest}\n`);
}

/** Manifests of all releases that lie in the place, whole or not, by folder. */
export async function laidOut({
  place,
}: ComposeTargetOptions): Promise<{ dir: string; manifest: Manifest | undefined }[]> {
  const { files } = place.host;
  const { releases } = pathsOf(place);
  const folders = await files.list(releases);
  return Promise.all(
    folders.map(async (name) => {
      const dir = posix.join(releases, name);
      const text = await files.read(posix.join(dir, 'manifest.json'));
      try {
        return { dir, manifest: text === undefined ? undefined : checkManifest(JSON.parse(text), dir) };
      } catch {
        return { dir, manifest: undefined };
      }
    }),
  );
}

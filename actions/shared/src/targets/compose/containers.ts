import type { Docker } from './docker.ts';
import { dockerFailed } from './errors.ts';
import { lastWords } from './docker.ts';

/** A container of a place, as the engine describes it. */
export interface Container {
  id: string;
  name: string;
  service: string;
  /** Digest of the release's manifest; empty for infrastructure. */
  manifest: string;
  commit: string;
  /** Folder of the place that made it; empty for infrastructure. */
  place: string;
  oneOff: boolean;
  /** The image as it was asked for: `repository@sha256:…`. */
  image: string;
  imageId: string;
  /** `created`, `running`, `restarting`, `exited`, `paused`, `dead`, `removing`. */
  status: string;
  running: boolean;
  health: string | undefined;
  exitCode: number;
  oomKilled: boolean;
  /** Why the engine could not start it. */
  error: string;
  restarts: number;
  /** ms since 1970 by the host's clock; undefined where that never happened. */
  startedAt: number | undefined;
  finishedAt: number | undefined;
  createdAt: number;
  /** Port of the container to the port of the host's loopback. */
  ports: { target: number; published: number }[];
}

export const LABEL = {
  project: 'com.papergate.project',
  service: 'com.papergate.service',
  manifest: 'com.papergate.manifest',
  commit: 'com.papergate.commit',
  generation: 'com.papergate.generation',
  place: 'com.papergate.place',
} as const;

interface Inspected {
  Id: string;
  Name: string;
  Created: string;
  Image: string;
  RestartCount: number;
  State: {
    Status: string;
    Running: boolean;
    Restarting: boolean;
    OOMKilled: boolean;
    ExitCode: number;
    Error: string;
    StartedAt: string;
    FinishedAt: string;
    Health?: { Status: string };
  };
  Config: { Image: string; Labels: Record<string, string> | null };
  HostConfig: { PortBindings: Record<string, { HostPort: string }[] | null> | null };
}

/** The zero time of the engine's language stands for "never". */
const timeOf = (text: string): number | undefined => (text.startsWith('0001-') ? undefined : Date.parse(text));

export function containerOf(found: Inspected): Container {
  const labels = found.Config.Labels ?? {};
  const { State: state } = found;
  return {
    id: found.Id,
    name: found.Name.replace(/^\//, ''),
    service: labels[LABEL.service] ?? '',
    manifest: labels[LABEL.manifest] ?? '',
    commit: labels[LABEL.commit] ?? '',
    place: labels[LABEL.place] ?? '',
    oneOff: labels['com.docker.compose.oneoff'] === 'True',
    image: found.Config.Image,
    imageId: found.Image,
    status: state.Status,
    running: state.Running || state.Restarting,
    health: state.Health?.Status,
    exitCode: state.ExitCode,
    oomKilled: state.OOMKilled,
    error: state.Error,
    restarts: found.RestartCount,
    startedAt: timeOf(state.StartedAt),
    finishedAt: timeOf(state.FinishedAt),
    createdAt: Date.parse(found.Created),
    ports: Object.entries(found.HostConfig.PortBindings ?? {}).flatMap(([target, bindings]) =>
      (bindings ?? []).map(({ HostPort }) => ({ target: Number.parseInt(target, 10), published: Number(HostPort) })),
    ),
  };
}

/** Describes containers by id or name; those that are gone by now are left out. */
export async function inspect(docker: Docker, ids: readonly string[], signal?: AbortSignal): Promise<Container[]> {
  if (ids.length === 0) return [];
  const { code, stdout, stderr } = await docker.run(['container', 'inspect', ...ids], { signal });
  if (code !== 0 && !/no such container/i.test(stderr)) throw dockerFailed('looking at containers', lastWords(stderr));
  return (JSON.parse(stdout === '' ? '[]' : stdout) as Inspected[]).map(containerOf);
}

export interface Wanted {
  project: string;
  service?: string;
  manifest?: string;
}

/** Ids of a place's containers, running or not. */
export async function idsOf(docker: Docker, wanted: Wanted, signal?: AbortSignal): Promise<string[]> {
  const { project, service, manifest } = wanted;
  const filters = [
    `${LABEL.project}=${project}`,
    ...(service === undefined ? [] : [`${LABEL.service}=${service}`]),
    ...(manifest === undefined ? [] : [`${LABEL.manifest}=${manifest}`]),
  ].flatMap((label) => ['--filter', `label=${label}`]);
  const found = await docker.text('listing containers', ['ps', '-aq', '--no-trunc', ...filters], { signal });
  return found.split('\n').filter((id) => id !== '');
}

/** All containers of a place, described. */
export async function containersOf(docker: Docker, wanted: Wanted, signal?: AbortSignal): Promise<Container[]> {
  return inspect(docker, await idsOf(docker, wanted, signal), signal);
}

/** Whether it is one of a release's services, which run on; not infrastructure and not a thing that runs once. */
export const isService = ({ manifest, oneOff }: Container): boolean => manifest !== '' && !oneOff;

/** Of an image reference, what comes after the `@`. */
export const digestOfImage = (image: string): string | undefined => /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1];

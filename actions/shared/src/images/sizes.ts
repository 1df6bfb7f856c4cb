import { ExternalError } from '@papergate/config';
import type { Check } from '../evidence/index.ts';
import { docker, type DockerEnv } from './docker/run.ts';

export interface ImageLayer {
  /** `sha256:…` of the uncompressed layer. */
  diffId: string;
  bytes: number;
}
export interface BuiltImage {
  /** `sha256:…` of the image's configuration: the image's id in the engine. */
  id: string;
  /** All layers, uncompressed. */
  sizeBytes: number;
  /** Layers that not every image of the release has. */
  ownBytes: number;
  /** From the bottom up. */
  layers: ImageLayer[];
}

/** Of one image, in bytes. */
export const BUDGET = { size: 250_000_000, own: 25_000_000 } as const;

/** Steps of a Dockerfile that make a layer, as `docker history` writes them. */
const MAKES_LAYER = /^(?:COPY|ADD|RUN|WORKDIR) /;

interface Inspected {
  Id: string;
  Size: number;
  RootFS: { Layers: string[] };
}

/** Sizes of images that were built together, by name. */
export async function measureImages(
  ids: Readonly<Record<string, string>>,
  env: DockerEnv,
  signal?: AbortSignal,
): Promise<Record<string, BuiltImage>> {
  const names = Object.keys(ids);
  const references = Object.values(ids);
  const options = { env, signal };
  const [inspected, ...histories] = await Promise.all([
    docker(['image', 'inspect', ...references], options),
    ...references.map((id) =>
      docker(['history', '--no-trunc', '--human=false', '--format', '{{json .}}', id], options),
    ),
  ]);
  const found = JSON.parse(inspected) as Inspected[];
  const images = found.map(({ Id, Size, RootFS }, at) => ({
    id: Id,
    sizeBytes: Size,
    layers: layersOf(Id, RootFS.Layers, histories[at] ?? ''),
  }));
  const shared = images
    .map(({ layers }) => new Set(layers.map(({ diffId }) => diffId)))
    .reduce((all, own) => new Set([...all].filter((diffId) => own.has(diffId))));
  return Object.fromEntries(
    images.map((image, at) => {
      const own = image.layers.filter(({ diffId }) => images.length === 1 || !shared.has(diffId));
      return [names[at] ?? '', { ...image, ownBytes: own.reduce((sum, { bytes }) => sum + bytes, 0) }];
    }),
  );
}

function layersOf(id: string, diffIds: readonly string[], history: string): ImageLayer[] {
  const sizes = history
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { CreatedBy: string; Size: string })
    .filter(({ CreatedBy }) => MAKES_LAYER.test(CreatedBy))
    .map(({ Size }) => Number(Size))
    .toReversed();
  if (sizes.length !== diffIds.length) {
    throw new ExternalError({
      code: 'IMAGE_HISTORY_UNREADABLE',
      message: `image ${id} has ${diffIds.length} layers and a history of ${sizes.length}; its budget cannot be checked`,
      fix: 'write every layer of compose/images/Dockerfile with COPY, ADD, RUN or WORKDIR',
    });
  }
  return diffIds.map((diffId, at) => ({ diffId, bytes: sizes[at] ?? 0 }));
}

const inMegabytes = (bytes: number): number => Math.round(bytes / 10_000) / 100;

/** One check for each image and budget. */
export function budgetChecks(images: Readonly<Record<string, BuiltImage>>): Check[] {
  const check = (name: string, bytes: number, budget: number, fix: string): Check => ({
    name,
    status: Number.isFinite(bytes) && bytes > 0 && bytes <= budget ? 'passed' : 'failed',
    observed: inMegabytes(bytes),
    limit: `<= ${inMegabytes(budget)}`,
    unit: 'MB',
    ...(bytes <= budget ? {} : { detail: fix }),
  });
  return Object.entries(images).flatMap(([service, { sizeBytes, ownBytes, layers }]) => {
    const largest = [...layers].sort((a, b) => b.bytes - a.bytes)[0];
    const fix = `its largest layer has ${inMegabytes(largest?.bytes ?? 0)} MB; see what it holds with: docker history papergate/${service}`;
    return [
      check(`image size: ${service}`, sizeBytes, BUDGET.size, fix),
      check(`image size of its own: ${service}`, ownBytes, BUDGET.own, fix),
    ];
  });
}

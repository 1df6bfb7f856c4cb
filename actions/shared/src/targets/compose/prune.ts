import { pathsOf, shortDigest } from '../../deliver/place.ts';
import type { Fence, Place, PruneResult } from '../../deliver/types.ts';
import { imageName, type Manifest } from '../../release/manifest.ts';
import { containersOf, digestOfImage, isService, type Container } from './containers.ts';
import { lastWords, type Docker } from './docker.ts';
import { dockerFailed } from './errors.ts';
import { laidOut } from './layout.ts';
import type { ComposeTargetOptions } from './options.ts';

const REMOVE_MS = 5 * 60_000;

interface LocalImage {
  repository: string;
  tag: string;
  digest: string;
  id: string;
}

async function localImages(docker: Docker): Promise<LocalImage[]> {
  const format = '{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}';
  const text = await docker.text('listing images', ['image', 'ls', '--no-trunc', '--digests', '--format', format]);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [repository = '', tag = '', digest = '', id = ''] = line.split('\t');
      return { repository, tag, digest, id };
    });
}

const NONE = '<none>';

/**
 * Removes containers, images and folders of all releases but these. Of images it touches only those that a release of
 * this place named, and those without a tag in the same repositories; what runs is never touched.
 */
export async function prunePlace(
  options: ComposeTargetOptions,
  docker: Docker,
  keep: readonly Manifest[],
  fence: Fence,
): Promise<PruneResult> {
  const { place } = options;
  const { host } = place;
  const root = await docker.rootDir();
  const before = await host.files.freeBytes(root);
  const removed: string[] = [];
  const kept = new Set(keep.map(({ digest }) => digest));
  const known = await laidOut(options);
  const { gone, left } = await pruneContainers({ docker, place }, kept, fence);
  removed.push(...gone.map(({ name }) => `container ${name}`));
  const manifests = [...keep, ...known.flatMap(({ manifest }) => manifest ?? [])];
  removed.push(...(await pruneImages(docker, { manifests, kept, used: left.map(({ image }) => image) }, fence)));
  const folders = new Set(keep.map(({ digest }) => shortDigest(digest)));
  for (const { dir } of known) {
    if (folders.has(dir.slice(pathsOf(place).releases.length + 1))) continue;
    await fence.assertHeld();
    await host.files.remove(dir);
    removed.push(dir);
  }
  return { removed, freedBytes: Math.max(0, (await host.files.freeBytes(root)) - before) };
}

async function pruneContainers(
  { docker, place }: { docker: Docker; place: Place },
  kept: ReadonlySet<string>,
  fence: Fence,
): Promise<{ gone: Container[]; left: Container[] }> {
  const all = await containersOf(docker, { project: place.project });
  const gone = all.filter(
    (container) => !container.running && (container.oneOff || (isService(container) && !kept.has(container.manifest))),
  );
  const left = all.filter((container) => !gone.includes(container));
  if (gone.length === 0) return { gone, left };
  await fence.assertHeld();
  const args = ['rm', '-v', ...gone.map(({ id }) => id)];
  const { code, stderr } = await docker.run(args, { timeoutMs: REMOVE_MS });
  if (code !== 0 && !/no such container/i.test(stderr)) throw dockerFailed('removing containers', lastWords(stderr));
  return { gone, left };
}

async function pruneImages(
  docker: Docker,
  { manifests, kept, used }: { manifests: readonly Manifest[]; kept: ReadonlySet<string>; used: readonly string[] },
  fence: Fence,
): Promise<string[]> {
  const refs = (list: readonly Manifest[]): string[] =>
    list.flatMap(({ images = {} }) => Object.values(images).map(imageName));
  const wanted = new Set([...refs(manifests.filter(({ digest }) => kept.has(digest))), ...used]);
  const obsolete = new Set(refs(manifests).filter((ref) => !wanted.has(ref)));
  const repositories = new Set(
    manifests.flatMap(({ images = {} }) => Object.values(images).map(({ repository }) => repository)),
  );
  const digests = new Set([...wanted].map(digestOfImage));
  const local = (await localImages(docker)).filter(({ repository }) => repositories.has(repository));
  const needed = new Set(local.filter(({ digest }) => digests.has(digest)).map(({ id }) => id));
  const gone = new Set(
    local
      .filter(({ repository, digest }) => obsolete.has(`${repository}@${digest}`))
      .map(({ id }) => id)
      .filter((id) => !needed.has(id)),
  );
  const names = local
    .filter(({ id, tag, digest }) => gone.has(id) || (tag === NONE && digest !== NONE && !needed.has(id)))
    .flatMap(({ repository, tag, digest }) => [
      ...(tag === NONE ? [] : [`${repository}:${tag}`]),
      ...(digest === NONE ? [] : [`${repository}@${digest}`]),
    ]);
  const unique = [...new Set(names)];
  if (unique.length === 0) return [];
  await fence.assertHeld();
  const { code, stderr } = await docker.run(['rmi', ...unique], { timeoutMs: REMOVE_MS });
  // One that another project runs stays where it is.
  if (code !== 0 && !/no such image|is using its referenced image|being used by/i.test(stderr)) {
    throw dockerFailed('removing images', lastWords(stderr));
  }
  return unique.map((name) => `image ${name}`);
}

import { createReadStream, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { messageOf, ExternalError } from '@papergate/config';
import type { OnProgress } from '../../evidence/index.ts';
import { withLock } from '../../tools/lock.ts';
import { engineInfo } from '../docker/engine.ts';
import { docker, runDocker, type DockerEnv } from '../docker/run.ts';
import { accountFiles } from './accounts.ts';
import { writeImage } from './image.ts';
import { LayerWriter } from './layer.ts';
import { addNode, nodeProgram, type NodeProgram } from './node-files.ts';
import { unpackPackages } from './packages.ts';
import { postgresFiles } from './postgres-files.ts';
import { leftOut, readRecipes, recipeKey, RECIPES_DIR, type BaseName, type Recipes } from './recipe.ts';

export interface AirgapOptions {
  env: DockerEnv;
  /** Where images are kept that an engine does not have yet; about 400 MB. */
  cacheDir: string;
  /** `127.0.0.1:5000/base`: they are pushed there as `<registry>/node` and `<registry>/postgres`. */
  registry?: string;
  /** Debian's packages as they are today, though an image of the same recipe is there. */
  fresh?: boolean;
  /** Default: `compose/airgap` of this repository. */
  recipesDir?: string;
  onProgress?: OnProgress;
  signal?: AbortSignal;
}

/** How the images are to be named: `<registry>/node@sha256:…` where they were pushed, else a tag of this engine. */
export type AirgapBases = Record<BaseName, string>;

const NAMES: readonly BaseName[] = ['node', 'postgres'];

/**
 * Stand-ins for the official Node and PostgreSQL images, made of Debian packages, Node's npm package and npm. What
 * the engine or the cache has of the same recipe is used again.
 * @throws UserError AIRGAP_UNSUPPORTED; ExternalError MMDEBSTRAP_MISSING, KEYRING_MISSING, PACKAGES_FAILED,
 *   NODE_PROGRAM_MISSING, NPM_PACKAGE_FAILED, DOCKER_MISSING, ENGINE_UNREACHABLE, DOCKER_FAILED
 */
export async function buildAirgapBases(options: AirgapOptions): Promise<AirgapBases> {
  const { env, registry, recipesDir = RECIPES_DIR, signal } = options;
  const recipes = readRecipes(recipesDir);
  const [{ arch }, program] = await Promise.all([engineInfo(env, signal), nodeProgram()]);
  const made = await Promise.all(
    NAMES.map(async (name): Promise<[BaseName, string]> => {
      const added =
        name === 'node' ? { node: program.sha256 } : { entrypoint: sha256(join(recipesDir, 'docker-entrypoint.sh')) };
      const key = recipeKey(recipes, name, arch, added);
      const tag = `papergate-airgap/${name}:${key}`;
      await provide({ ...options, recipesDir }, { recipes, name, tag, key, arch, program });
      return [name, registry === undefined ? tag : await push(options, tag, `${registry}/${name}`, key)];
    }),
  );
  return Object.fromEntries(made) as AirgapBases;
}

interface Wanted {
  recipes: Recipes;
  name: BaseName;
  tag: string;
  key: string;
  arch: string;
  program: NodeProgram;
}

const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

async function provide(options: AirgapOptions & { recipesDir: string }, wanted: Wanted): Promise<void> {
  const { env, cacheDir, fresh = false, onProgress = () => {}, signal } = options;
  const { name, tag, key } = wanted;
  const isThere = async (): Promise<boolean> =>
    !fresh && (await runDocker(['image', 'inspect', '--format', '{{.Id}}', tag], { env, signal })).code === 0;
  if (await isThere()) return;
  mkdirSync(cacheDir, { recursive: true });
  const archive = join(cacheDir, `${name}-${key}.tar`);
  const onWait = (pid: number): void =>
    onProgress({ message: `waiting for process ${pid}, which makes a ${name} base` });
  // Two that start together need not make it twice.
  await withLock(`${archive}.lock`, fill, { onWait, signal });

  async function fill(): Promise<void> {
    if (await isThere()) return;
    // Damaged or gone: then it is made.
    if (!fresh && (await runDocker(['load', '--quiet', '--input', archive], { env, signal })).code === 0) return;
    onProgress({ message: `making a ${name} base image of Debian packages` });
    const work = mkdtempSync(join(cacheDir, `.${name}-`));
    try {
      const built = await make(options, wanted, work);
      await docker(['load', '--quiet', '--input', built], { env, signal });
      rmSync(archive, { force: true });
      renameSync(built, archive);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
}

async function make(
  options: AirgapOptions & { recipesDir: string },
  { recipes, name, tag, arch, program }: Wanted,
  work: string,
): Promise<string> {
  const { env, recipesDir, signal } = options;
  const { packages, config } = recipes.images[name];
  const rootfs = join(work, 'rootfs.tar');
  await unpackPackages(recipes, packages, rootfs, { env, signal });
  signal?.throwIfAborted();
  const ours = [...(await accountFiles(rootfs, name)), ...(name === 'postgres' ? postgresFiles(recipesDir) : [])];
  const replaced = new Set(ours.map(({ path }) => path));
  const isLeftOut = leftOut(recipes.leave_out);
  const path = join(work, 'layer.tar');
  const layer = new LayerWriter(path);
  await layer.copy(createReadStream(rootfs), (entry) => (isLeftOut(entry) || replaced.has(entry) ? undefined : entry));
  rmSync(rootfs);
  for (const entry of ours) await layer.add(entry);
  if (name === 'node') await addNode(layer, program, recipes, work, { env, signal });
  const { diffId, size } = await layer.finish();
  const image = join(work, 'image.tar');
  await writeImage(image, tag, arch, config, { path, diffId, size });
  return image;
}

/** Pushes it and gives its name by digest; what the registry has is not sent again. */
async function push({ env, signal }: AirgapOptions, tag: string, repository: string, key: string): Promise<string> {
  const remote = `${repository}:${key}`;
  await docker(['tag', tag, remote], { env, signal });
  const words = await docker(['push', remote], { env, signal });
  const digest = /digest: (sha256:[0-9a-f]{64})/.exec(words)?.[1];
  if (digest === undefined) {
    throw new ExternalError({
      code: 'DOCKER_FAILED',
      message: `docker push ${remote} named no digest: ${messageOf(words.trim())}`,
      fix: 'push it by hand and give its digest with --node-image or --postgres-image',
    });
  }
  return `${repository}@${digest}`;
}

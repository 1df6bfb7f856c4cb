import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SERVICE_NAMES } from '@papergate/config';
import { buildImages, localTag } from '../../images/build.ts';
import { commitEpoch } from '../../images/epoch.ts';
import { run } from '../../process/run.ts';
import { makeRelease, resolveCommit } from '../../release/index.ts';
import { withImages, type ImageRef, type Manifest } from '../../release/manifest.ts';
import { COMPOSE_DIR } from './bundle.ts';
import { baseImages } from './images.ts';

const REPOSITORY = join(COMPOSE_DIR, '..');

const imageRef = (image: string): ImageRef => {
  const [repository = '', digest = ''] = image.split('@');
  return { repository, digest };
};

/** The present commit, built into images and pushed, beside the stand-in of PostgreSQL; and the base image it is built on. */
export async function buildRelease(
  env: Readonly<Record<string, string | undefined>>,
  registry: string,
): Promise<{ manifest: Manifest; node: string }> {
  const { node, postgres } = await baseImages(env, registry);
  const { sha } = await resolveCommit(REPOSITORY, 'HEAD');
  const releases = mkdtempSync(join(tmpdir(), 'papergate-release-'));
  try {
    const release = await makeRelease(REPOSITORY, releases, sha);
    const epoch = await commitEpoch(REPOSITORY, sha);
    await buildImages({ release, epoch, version: sha.slice(0, 12), source: '', nodeImage: node, env });
    const images = await Promise.all(
      SERVICE_NAMES.map(
        async (name) => [name, await push(env, localTag(name, sha), `${registry}/composition/${name}`)] as const,
      ),
    );
    return {
      manifest: withImages(release.manifest, { ...Object.fromEntries(images), postgres: imageRef(postgres) }),
      node,
    };
  } finally {
    rmSync(releases, { recursive: true, force: true });
  }
}

async function push(
  env: Readonly<Record<string, string | undefined>>,
  local: string,
  repository: string,
): Promise<ImageRef> {
  const docker = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run('docker', args, { env });
    if (code !== 0) throw new Error(`docker ${args[0]} ${local}: ${stderr}`);
    return stdout.trim();
  };
  const tag = `${repository}:test`;
  await docker('tag', local, tag);
  await docker('push', '--quiet', tag);
  const digests = JSON.parse(await docker('inspect', '--format', '{{json .RepoDigests}}', tag)) as string[];
  const own = digests.find((digest) => digest.startsWith(`${repository}@`));
  if (own === undefined) throw new Error(`the registry gave no digest for ${tag}`);
  return imageRef(own);
}

import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { errorCode, ExternalError, messageOf } from '@papergate/config';
import { run } from '../../process/run.ts';
import { sha256OfFile } from '../../tools/cache.ts';
import type { DockerEnv } from '../docker/run.ts';
import type { LayerWriter } from './layer.ts';
import type { Recipes } from './recipe.ts';

export interface NodeProgram {
  path: string;
  sha256: string;
  size: number;
}

/** The Node of this checkout's own packages. @throws ExternalError NODE_PROGRAM_MISSING */
export async function nodeProgram(arch = process.arch): Promise<NodeProgram> {
  const name = `node-linux-${arch}`;
  try {
    const path = join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'bin', 'node');
    return { path, sha256: await sha256OfFile(path), size: statSync(path).size };
  } catch (error) {
    throw new ExternalError({
      code: 'NODE_PROGRAM_MISSING',
      message: `the package ${name}, whose Node goes into the image, is not installed`,
      fix: `npm ci (without --omit=optional), on Linux with ${arch}`,
      cause: error,
    });
  }
}

/** Node and npm at the places where the official image has them. */
export async function addNode(
  layer: LayerWriter,
  program: NodeProgram,
  { npm }: Recipes,
  work: string,
  { env, signal }: { env: DockerEnv; signal?: AbortSignal | undefined },
): Promise<void> {
  const folder = async (path: string): Promise<void> => layer.add({ path, type: 'directory', mode: 0o755 });
  for (const path of ['usr/local', 'usr/local/bin', 'usr/local/lib', 'usr/local/lib/node_modules']) await folder(path);
  await layer.add({ path: 'usr/local/bin/node', type: 'file', mode: 0o755, from: program });
  const link = async (path: string, linkname: string): Promise<void> =>
    layer.add({ path, type: 'symlink', mode: 0o777, linkname });
  await link('usr/local/bin/nodejs', 'node');
  for (const name of ['npm', 'npx']) {
    await link(`usr/local/bin/${name}`, `../lib/node_modules/npm/bin/${name}-cli.js`);
  }
  const packed = await packNpm(npm, work, env, signal);
  await layer.copy(createReadStream(packed).pipe(createGunzip()), (path) =>
    /^package\/(?:docs|man)(?:\/|$)/.test(path)
      ? undefined
      : path.replace(/^package/, 'usr/local/lib/node_modules/npm'),
  );
}

async function packNpm(npm: Recipes['npm'], into: string, env: DockerEnv, signal?: AbortSignal): Promise<string> {
  const failed = (why: string, cause?: unknown): ExternalError =>
    new ExternalError({
      code: 'NPM_PACKAGE_FAILED',
      message: `npm@${npm.version}, which goes into the image, ${why}`,
      fix: 'check that npm reaches its registry from here (npm ping)',
      cause,
    });
  let result;
  try {
    const args = ['pack', `npm@${npm.version}`, '--pack-destination', into, '--silent'];
    result = await run('npm', args, { env: { ...env }, signal, cwd: into });
  } catch (error) {
    signal?.throwIfAborted();
    throw failed(errorCode(error) === 'ENOENT' ? 'cannot be fetched: there is no npm here' : messageOf(error), error);
  }
  if (result.code !== 0) throw failed(`cannot be fetched: ${result.stderr.trim().split('\n').slice(-2).join(' | ')}`);
  const path = join(into, `npm-${npm.version}.tgz`);
  const integrity = `sha512-${createHash('sha512').update(readFileSync(path)).digest('base64')}`;
  if (integrity !== npm.integrity) throw failed('is not what compose/airgap/recipes.json has the digest of');
  return path;
}

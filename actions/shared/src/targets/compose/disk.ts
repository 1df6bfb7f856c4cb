import { ExternalError, type EnvSource } from '@papergate/config';
import type { Check } from '../../evidence/index.ts';
import type { Host } from '../../host/types.ts';
import { RegistryClient } from '../../registry/http/client.ts';
import { parseImage } from '../../registry/index.ts';
import { parseRepository } from '../../registry/reference.ts';
import type { Docker } from './docker.ts';

/** What a layer takes: as it came, unpacked (about three times as much), and the copy in between. */
const UNPACKED = 4;
/** For containers, logs, the database's next hour and the place itself; bytes. */
export const ROOM = 512 * 1024 * 1024;
/** Of an image whose size nobody told. */
const UNKNOWN = 300 * 1024 * 1024;

/** Bytes of the layers that have to come, each counted once; what the registry does not tell is assumed. */
export async function bytesToFetch(images: readonly string[], env: EnvSource, signal?: AbortSignal): Promise<number> {
  const clients = new Map<string, RegistryClient>();
  const layers = new Map<string, number>();
  let unknown = 0;
  const look = async (image: string): Promise<void> => {
    const { repository, digest } = parseImage(image);
    const { registry, name } = parseRepository(repository);
    const client = clients.get(registry) ?? new RegistryClient(registry, { env, signal, timeoutMs: 5_000 });
    clients.set(registry, client);
    const found = await client.getManifest(name, digest).catch(() => undefined);
    const sizes = found === undefined ? [] : layersOf(Buffer.from(found.bytes).toString('utf8'));
    if (sizes.length === 0) unknown += UNKNOWN;
    for (const layer of sizes) layers.set(layer.digest, layer.size);
  };
  try {
    await Promise.all(images.map(look));
  } finally {
    await Promise.all([...clients.values()].map((client) => client.close()));
  }
  return unknown + [...layers.values()].reduce((sum, size) => sum + size, 0);
}

/** None where it is a list of images for several platforms. */
function layersOf(text: string): { digest: string; size: number }[] {
  try {
    const { layers } = JSON.parse(text) as { layers?: { digest: string; size: number }[] };
    return layers ?? [];
  } catch {
    return [];
  }
}

/** @throws ExternalError DISK_FULL */
export async function checkDisk(options: {
  docker: Docker;
  host: Host;
  dir: string;
  missing: readonly string[];
  env: EnvSource;
  signal?: AbortSignal | undefined;
}): Promise<Check> {
  const { docker, host, dir, missing, env, signal } = options;
  const [root, bytes] = await Promise.all([
    docker.rootDir({ signal }),
    missing.length === 0 ? 0 : bytesToFetch(missing, env, signal),
  ]);
  const needed = bytes * UNPACKED + ROOM;
  const [images, place] = await Promise.all([host.files.freeBytes(root), host.files.freeBytes(dir)]);
  const free = Math.min(images, place < ROOM / 4 ? 0 : images);
  const megabytes = (amount: number): number => Math.round(amount / 2 ** 20);
  if (free >= needed) {
    const limit = `>= ${megabytes(needed)}`;
    return { name: 'disk space', status: 'passed', observed: megabytes(free), limit, unit: 'MB' };
  }
  const where = free === 0 && images >= needed ? dir : root;
  throw new ExternalError({
    code: 'DISK_FULL',
    message: `${host.name === 'local' ? 'this machine' : host.name} has ${megabytes(where === dir ? place : images)} MB left below ${where}; ${megabytes(where === dir ? ROOM / 4 : needed)} MB are needed (${missing.length} images to fetch)`,
    fix: 'free space there: old images ("docker image prune"), logs, checkpoints that are not needed any more',
  });
}

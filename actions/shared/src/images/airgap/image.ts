import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';

export interface LayerFile {
  path: string;
  diffId: string;
  size: number;
}

/**
 * Writes one image as `docker load` reads it. Nothing in it depends on the day: the same layer and the same
 * configuration give the same image id.
 */
export async function writeImage(
  into: string,
  tag: string,
  arch: string,
  config: Record<string, unknown>,
  layer: LayerFile,
): Promise<{ id: string }> {
  const created = '1970-01-01T00:00:00Z';
  const image = JSON.stringify({
    architecture: arch,
    os: 'linux',
    created,
    config,
    rootfs: { type: 'layers', diff_ids: [layer.diffId] },
    history: [{ created, created_by: 'papergate compose/airgap', comment: 'made of Debian packages' }],
  });
  const id = createHash('sha256').update(image).digest('hex');
  const layerName = `${layer.diffId.slice('sha256:'.length)}/layer.tar`;
  const archive = pack();
  const written = pipeline(archive, createWriteStream(into));
  const header = { mode: 0o644, mtime: new Date(0) };
  archive.entry({ ...header, name: `${id}.json` }, image);
  archive.entry(
    { ...header, name: 'manifest.json' },
    JSON.stringify([{ Config: `${id}.json`, RepoTags: [tag], Layers: [layerName] }]),
  );
  await pipeline(createReadStream(layer.path), archive.entry({ ...header, name: layerName, size: layer.size }));
  archive.finalize();
  await written;
  return { id: `sha256:${id}` };
}

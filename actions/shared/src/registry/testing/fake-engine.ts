import { createHash } from 'node:crypto';
import { classifyWords, RegistryFailure } from '../retry/failure.ts';
import type { ImageEngine } from '../push/engine.ts';

const sha256 = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export interface FakeEngine extends ImageEngine {
  /** Makes an image of one layer; gives its id. */
  make(layer: string): string;
  /** Digest under which an image is pushed. */
  digestOf(id: string): string;
  readonly tags: ReadonlyMap<string, string>;
}

/** Keeps images in memory, pushes them for real over HTTP, and words its failures as Docker's engine does. */
export function makeFakeEngine(): FakeEngine {
  const images = new Map<string, { config: Buffer; layer: Buffer }>();
  const tags = new Map<string, string>();
  const manifestOf = (id: string): Buffer => {
    const image = images.get(id);
    if (image === undefined) throw new RegistryFailure('image-missing', `No such image: ${id}`);
    const part = (mediaType: string, bytes: Buffer) => ({ mediaType, size: bytes.length, digest: sha256(bytes) });
    return Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
        config: part('application/vnd.docker.container.image.v1+json', image.config),
        layers: [part('application/vnd.docker.image.rootfs.diff.tar.gzip', image.layer)],
      }),
    );
  };
  return {
    tags,
    make: (layer) => {
      const bytes = Buffer.from(layer);
      const config = Buffer.from(JSON.stringify({ rootfs: { diff_ids: [sha256(bytes)] } }));
      images.set(sha256(config), { config, layer: bytes });
      return sha256(config);
    },
    digestOf: (id) => sha256(manifestOf(id)),
    tag: (id, reference) => {
      manifestOf(id);
      tags.set(reference, id);
      return Promise.resolve();
    },
    push: async (reference, { onLine, signal }) => {
      const [, host = '', name = '', tag = ''] = /^([^/]+)\/(.+):([^:]+)$/.exec(reference) ?? [];
      const id = tags.get(reference) ?? '';
      const manifest = manifestOf(id);
      const image = images.get(id);
      const base = `http://${host}/v2/${name}`;
      await ask(`http://${host}/v2/`, {}, signal);
      for (const blob of image === undefined ? [] : [image.config, image.layer]) {
        const opened = await ask(`${base}/blobs/uploads/`, { method: 'POST' }, signal);
        const url = new URL(opened.headers.get('location') ?? '', `${base}/`);
        url.searchParams.set('digest', sha256(blob));
        await ask(url, { method: 'PUT', body: new Uint8Array(blob) }, signal);
      }
      const headers = { 'content-type': 'application/vnd.docker.distribution.manifest.v2+json' };
      await ask(`${base}/manifests/${tag}`, { method: 'PUT', headers, body: new Uint8Array(manifest) }, signal);
      onLine?.(`${tag}: digest: ${sha256(manifest)} size: ${manifest.length}`);
      return sha256(manifest);
    },
  };
}

/** The words are those of Docker 26. */
async function ask(url: string | URL, init: RequestInit, signal: AbortSignal | undefined): Promise<Response> {
  const method = init.method?.toLowerCase() ?? 'get';
  let response: Response;
  try {
    response = await fetch(url, { ...init, ...(signal === undefined ? {} : { signal }) });
  } catch {
    signal?.throwIfAborted();
    throw failure(`${method} "${String(url)}": read tcp 127.0.0.1:1->127.0.0.1:2: read: connection reset by peer`);
  }
  if (response.ok) return response;
  const text = await response.text();
  if (response.status >= 500)
    throw failure(`received unexpected HTTP status: ${response.status} ${response.statusText}`);
  if (response.status === 429) throw failure(`toomanyrequests: ${text}`);
  if (response.status === 401) throw failure('unauthorized: authentication required');
  if (response.status === 403) throw failure('denied: requested access to the resource is denied');
  throw failure(`error parsing HTTP ${response.status} response body: ${text}`);
}

const failure = (words: string): RegistryFailure => new RegistryFailure(classifyWords(words), words);

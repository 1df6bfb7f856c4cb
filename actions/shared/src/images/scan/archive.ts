import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ExternalError } from '@papergate/config';
import { extract } from 'tar-stream';
import { engineUnreachable, type DockerEnv } from '../docker/run.ts';

/** One file of one layer. Whiteouts come too: their names tell what a layer below held. */
export interface LayerFile {
  /** Digest of the layer's blob. */
  layer: string;
  path: string;
  /** Where a link leads; empty where it is none. */
  linkname: string;
  mode: number;
  /** ms since 1970. */
  modifiedAt: number;
  content: AsyncIterable<Buffer>;
}
export interface ImageText {
  /** Configuration, manifests, index: what an image says of itself. */
  name: string;
  text: string;
}
export interface ArchiveVisitor {
  file(file: LayerFile): Promise<void>;
  text(text: ImageText): void;
}

const BLOB = /^blobs\/(sha256)\/([0-9a-f]{64})$|^([0-9a-f]{64})\/layer\.tar$/;
const BLOCK = 512;
/** JSON of an image is small; what is larger is a layer. */
const MAX_TEXT = 4 * 1024 * 1024;

/** Walks everything in the archive that the engine makes of images: every entry of every layer once, and all JSON. */
export async function walkImages(
  images: readonly string[],
  env: DockerEnv,
  visitor: ArchiveVisitor,
  signal?: AbortSignal,
): Promise<void> {
  const save = spawn('docker', ['save', ...images], { env: { ...env }, signal, stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  save.stderr.setEncoding('utf8').on('data', (text: string) => (words += text));
  const closed = once(save, 'close') as Promise<[number | null]>;
  closed.catch(() => {});
  await walkArchive(save.stdout, visitor);
  const [code] = await closed;
  if (code === 0) return;
  throw (
    engineUnreachable(words) ??
    new ExternalError({
      code: 'DOCKER_FAILED',
      message: `docker save ended with ${String(code)}: ${words.trim().split('\n').slice(-3).join(' | ')}`,
      fix: 'build the images first; "docker images" lists what is there',
    })
  );
}

/** The same of an archive from anywhere. */
export async function walkArchive(archive: Readable, visitor: ArchiveVisitor): Promise<void> {
  const outer = extract();
  const read = pipeline(archive, outer);
  read.catch(() => {});
  for await (const entry of outer) {
    if (entry.header.type !== 'file') {
      entry.resume();
      continue;
    }
    await visitBlob(entry.header.name, entry.header.size, bytesOf(entry), visitor);
  }
  await read;
}

/** What comes out of an archive is bytes; its types do not say so. */
const bytesOf = (entry: AsyncIterable<unknown>): AsyncIterable<Buffer> => entry as AsyncIterable<Buffer>;

async function visitBlob(
  name: string,
  size: number,
  content: AsyncIterable<Buffer>,
  visitor: ArchiveVisitor,
): Promise<void> {
  const match = BLOB.exec(name);
  const digest = match?.[2] ?? match?.[3];
  const { head, whole } = await peek(content);
  const gzip = head[0] === 0x1f && head[1] === 0x8b;
  if (digest !== undefined && (gzip || isTar(head) || size > MAX_TEXT)) {
    await visitLayer(`sha256:${digest}`, gzip ? whole.pipe(createGunzip()) : whole, visitor);
  } else visitor.text({ name, text: (await buffer(whole)).toString('utf8') });
}

/** A tar archive says so in its first header; an empty one is two blocks of nothing. */
const isTar = (head: Buffer): boolean =>
  head.length === BLOCK && (head.toString('latin1', 257, 262) === 'ustar' || head.every((byte) => byte === 0));

/** The first block of a stream, and the stream with it. */
async function peek(content: AsyncIterable<Buffer>): Promise<{ head: Buffer; whole: Readable }> {
  const pieces = content[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) {
    head = Buffer.concat([head, next.value]);
    if (head.length >= BLOCK) break;
  }
  const rest: AsyncIterable<Buffer> = { [Symbol.asyncIterator]: () => pieces };
  async function* all(): AsyncGenerator<Buffer> {
    if (head.length > 0) yield head;
    yield* rest;
  }
  return { head: head.subarray(0, BLOCK), whole: Readable.from(all()) };
}

async function visitLayer(layer: string, stream: Readable, visitor: ArchiveVisitor): Promise<void> {
  const inner = extract();
  const read = pipeline(stream, inner);
  read.catch(() => {});
  for await (const entry of inner) {
    await visitor.file({
      layer,
      path: entry.header.name.replace(/^\.?\//, ''),
      linkname: entry.header.linkname,
      mode: entry.header.mode,
      modifiedAt: entry.header.mtime.getTime(),
      content: bytesOf(entry),
    });
    entry.resume();
  }
  await read;
}

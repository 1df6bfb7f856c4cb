import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { Transform, type Writable } from 'node:stream';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { extract, pack, type Pack } from 'tar-stream';

type EntryHeader = Parameters<Pack['entry']>[0];

/** All times in a layer: the same packages give the same bytes on any day. */
const THEN = new Date(0);

const COPIED: ReadonlySet<string> = new Set(['file', 'directory', 'symlink', 'link']);

export interface LayerEntry {
  path: string;
  type: 'file' | 'directory' | 'symlink';
  mode: number;
  uid?: number;
  gid?: number;
  linkname?: string;
  content?: Buffer;
  /** A file of this machine instead of `content`, with its size. */
  from?: { path: string; size: number };
}

/** Puts one layer together: entries of other archives that pass a filter, and entries of our own. */
export class LayerWriter {
  readonly #pack: Pack = pack();
  readonly #hash: Hash = createHash('sha256');
  readonly #written: Promise<void>;
  #size = 0;

  constructor(path: string) {
    const count = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        this.#hash.update(chunk);
        this.#size += chunk.length;
        done(null, chunk);
      },
    });
    this.#written = pipeline(this.#pack, count, createWriteStream(path));
    // It is awaited in `finish`; until then a failure must not count as unhandled.
    this.#written.catch(() => {});
  }

  /** Copies the entries of an archive that `rename` gives a path to, in their order. */
  async copy(archive: NodeJS.ReadableStream, rename: (path: string) => string | undefined): Promise<void> {
    const entries = extract();
    entries.on('entry', (header, stream, next) => {
      const path = rename(header.name.replace(/^\.?\//, '').replace(/\/$/, ''));
      // Engines make the devices of a container themselves.
      if (path === undefined || path === '' || !COPIED.has(header.type ?? 'file')) {
        stream.on('end', () => next()).resume();
        return;
      }
      const type = header.type ?? 'file';
      const kept: EntryHeader = {
        name: type === 'directory' ? `${path}/` : path,
        type,
        mode: header.mode,
        uid: header.uid,
        gid: header.gid,
        mtime: THEN,
        ...(type === 'link' ? { linkname: rename((header.linkname ?? '').replace(/^\.?\//, '')) ?? '' } : {}),
        ...(type === 'symlink' ? { linkname: header.linkname } : {}),
        ...(type === 'file' ? { size: header.size } : {}),
      };
      if (type !== 'file' || header.size === 0) {
        stream.resume();
        this.#pack.entry(kept, '', next);
        return;
      }
      stream.pipe(this.#pack.entry(kept, next) as unknown as Writable);
    });
    await pipeline(archive, entries);
  }

  async add(entry: LayerEntry): Promise<void> {
    const { path, type, mode, uid = 0, gid = 0, linkname, content = Buffer.alloc(0), from } = entry;
    const header: EntryHeader = { name: type === 'directory' ? `${path}/` : path, type, mode, uid, gid, mtime: THEN };
    if (linkname !== undefined) header.linkname = linkname;
    if (from === undefined) {
      this.#pack.entry(header, content);
      return;
    }
    const sink = this.#pack.entry({ ...header, size: from.size });
    const ended = once(sink, 'finish');
    createReadStream(from.path).pipe(sink);
    await ended;
  }

  /** SHA-256 of the uncompressed layer, and its bytes. */
  async finish(): Promise<{ diffId: string; size: number }> {
    this.#pack.finalize();
    await this.#written;
    return { diffId: `sha256:${this.#hash.digest('hex')}`, size: this.#size };
  }
}

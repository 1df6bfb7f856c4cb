import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { extract, pack, type Header } from 'tar-stream';
import { errorCode, ExternalError, messageOf, UserError } from '@papergate/config';

/** First entry of an export: what the blocks after it hold. */
export const ExportHeadSchema = Type.Object(
  {
    schema: Type.Literal(1),
    created_at: Type.String(),
    project: Type.String(),
    range: Type.Object(
      {
        from: Type.Number(),
        to: Type.Number(),
        step: Type.Number(),
        series: Type.Number(),
        sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);
export type ExportHead = Static<typeof ExportHeadSchema>;

const HEAD_NAME = 'papergate-metrics.json';
/** A block's folder, a ULID, and what lies in it. */
const BLOCK_PATH = /^[0-9A-HJKMNP-TV-Z]{26}(?:\/|$)[A-Za-z0-9_./-]*$/;
const MAX_HEAD_BYTES = 65_536;

/** Everything of a tar that lies in a folder of blocks, whatever that folder is called, as an export. Bytes of blocks. */
export async function writeExport(file: string, head: ExportHead, snapshot: Readable): Promise<number> {
  const part = `${file}.part`;
  const out = pack();
  const text = `${JSON.stringify(head)}\n`;
  let bytes = 0;
  try {
    const writing = pipeline(out, createGzip({ level: 6 }), createWriteStream(part, { mode: 0o600 }));
    const reading = (async () => {
      out.entry({ name: HEAD_NAME, mtime: new Date(0) }, text);
      for await (const entry of snapshot.pipe(extract())) {
        const name = entry.header.name.replace(/^(?:\.\/)?[^/]+\/?/, '');
        if (!BLOCK_PATH.test(name) || !isPlain(entry.header)) {
          entry.resume();
          continue;
        }
        bytes += entry.header.size ?? 0;
        await copyEntry(entry, out, { ...entry.header, name });
      }
      out.finalize();
    })();
    snapshot.on('error', (error) => out.destroy(error));
    await Promise.all([writing, reading.catch((error: unknown) => Promise.reject(abandon(out, error)))]);
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    throw new ExternalError({
      code: 'METRICS_EXPORT_FAILED',
      message: `${file} could not be written: ${messageOf(error)}`,
      cause: error,
    });
  }
  return bytes;
}

function abandon(out: { destroy: (error?: Error) => unknown }, error: unknown): Error {
  const reason = error instanceof Error ? error : new Error(String(error));
  out.destroy(reason);
  return reason;
}

const isPlain = ({ type }: Header): boolean => type === 'file' || type === 'directory';

type NewHeader = Pick<Header, 'name'> & Partial<Header>;
type Entry = AsyncIterable<unknown> & { resume(): unknown };

async function copyEntry(entry: Entry, out: ReturnType<typeof pack>, header: NewHeader): Promise<void> {
  if (header.type === 'directory') {
    out.entry({ ...header, size: 0 });
    entry.resume();
    return;
  }
  const into = out.entry(header);
  await pipeline(Readable.from(entry), into);
}

/** @throws UserError METRICS_FILE_INVALID */
export async function readHead(file: string): Promise<ExportHead> {
  const source = createReadStream(file);
  const unpacked = createGunzip();
  const entries = extract();
  const broken = (why: string, cause?: unknown): UserError =>
    new UserError({
      code: 'METRICS_FILE_INVALID',
      message: `${file} ${why}`,
      fix: 'name a file that papergate metrics export wrote',
      ...(cause === undefined ? {} : { cause }),
    });
  const feeding = pipeline(source, unpacked, entries).catch((error: unknown) => error);
  try {
    for await (const entry of entries) {
      if (entry.header.name !== HEAD_NAME || (entry.header.size ?? 0) > MAX_HEAD_BYTES)
        throw broken('is no export of metrics');
      const parts: Buffer[] = [];
      for await (const part of entry) parts.push(part as Buffer);
      const head: unknown = JSON.parse(Buffer.concat(parts).toString('utf8'));
      if (Value.Check(ExportHeadSchema, head)) return head;
      throw broken('is an export that this version does not know');
    }
    throw broken('is empty');
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (errorCode(error) === 'ENOENT') throw broken('does not exist', error);
    throw broken(`cannot be read: ${messageOf(error)}`, error);
  } finally {
    source.destroy();
    unpacked.destroy();
    await feeding;
  }
}

/**
 * The blocks of an export as a tar of Prometheus's data folder: every entry below a block's own folder, owned by `owner`.
 * A name that leads elsewhere ends the stream with METRICS_FILE_INVALID.
 */
export function openBlocks(file: string, owner: { uid: number; gid: number }): Readable {
  const out = pack();
  const feed = async (): Promise<void> => {
    const entries = extract();
    const feeding = pipeline(createReadStream(file), createGunzip(), entries);
    const reading = (async () => {
      for await (const entry of entries) {
        const { name } = entry.header;
        if (name === HEAD_NAME) {
          entry.resume();
          continue;
        }
        if (!BLOCK_PATH.test(name) || name.split('/').includes('..') || !isPlain(entry.header)) {
          throw new UserError({
            code: 'METRICS_FILE_INVALID',
            message: `${file} holds ${JSON.stringify(name.slice(0, 100))}, which is no part of a block`,
            fix: 'name a file that papergate metrics export wrote',
          });
        }
        const { type, size, mtime } = entry.header;
        const header = { name, type, size, mtime, mode: type === 'directory' ? 0o755 : 0o644, ...owner };
        await copyEntry(entry, out, header);
      }
    })();
    await Promise.all([feeding, reading]);
    out.finalize();
  };
  // Whoever reads it may be no more than Node's own streams know.
  const through = new PassThrough();
  feed().catch((error: unknown) => abandon(out, error));
  pipeline(out, through).catch((error: unknown) => abandon(through, error));
  return through;
}

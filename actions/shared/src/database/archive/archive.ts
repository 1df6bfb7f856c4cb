import { createHash } from 'node:crypto';
import { PassThrough, Readable, Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGunzip, createGzip } from 'node:zlib';
import type { Client } from 'pg';
import { errorCode, ExternalError, messageOf } from '@papergate/config';
import type { DatabaseAccess } from '../../deliver/types.ts';
import { databaseOf, userOf, withDatabase, connect } from '../connection.ts';
import { restoreSql } from './sql-restore.ts';
import { dumpSql } from './sql-dump.ts';

export interface Written {
  format: 'pg_dump' | 'sql';
  bytes: number;
  sha256: string;
  /** What the dump itself says of the sequences; undefined where only the dump program knows. */
  sequences: ReadonlyMap<string, string> | undefined;
}

export const fileNameOf = (format: Written['format']): string => (format === 'sql' ? 'dump.sql.gz' : 'dump.pgdump');
export const formatOf = ({ program }: DatabaseAccess): Written['format'] => (program === undefined ? 'sql' : 'pg_dump');

export interface DumpOptions {
  database: DatabaseAccess;
  /** A connection that sees the snapshot, for where no pg_dump is. */
  client: Client;
  /** The name that the snapshot was exported under. */
  snapshot: string;
  into: Writable;
  signal?: AbortSignal | undefined;
}

/** Writes the snapshot out, by pg_dump where there is one. */
export async function writeDump({ database, client, snapshot, into, signal }: DumpOptions): Promise<Written> {
  const measure = new Measure();
  const options = signal === undefined ? {} : { signal };
  if (database.program === undefined) {
    const { script, sequences } = await dumpSql(client);
    const compress = createGzip({ level: constants.Z_BEST_SPEED });
    await pipeline(Readable.from(script), compress, measure, into, options);
    return { format: 'sql', ...measure.result(), sequences };
  }
  const stdout = new PassThrough();
  const written = pipeline(stdout, measure, into, options);
  // Where the file is what failed, that is the cause, whatever the program says of its closed output.
  let fileError: unknown;
  const settled = written.catch((error: unknown) => {
    if (errorCode(error) !== 'ERR_STREAM_PREMATURE_CLOSE') fileError = error;
  });
  try {
    const args = ['--format=custom', '--compress=1', `--snapshot=${snapshot}`, '--lock-wait-timeout=30s'];
    await runClientProgram(database, 'pg_dump', [...args, ...addressOf(database)], { stdout, signal });
    if (!stdout.writableEnded) stdout.end();
  } catch (error) {
    stdout.destroy();
    await settled;
    throw fileError ?? error;
  }
  await written;
  return { format: 'pg_dump', ...measure.result(), sequences: undefined };
}

/** Puts a dump into an empty database of the same server. */
export async function restoreDump(options: {
  database: DatabaseAccess;
  into: string;
  format: Written['format'];
  from: Readable;
  signal?: AbortSignal | undefined;
}): Promise<void> {
  const { database, into, format, from, signal } = options;
  if (format === 'sql') {
    const { client, close } = await connect(withDatabase(database.adminUrl, into), signal);
    const unzipped = createGunzip();
    const fed = pipeline(from, unzipped);
    // The reader below meets the same error.
    fed.catch(() => {});
    try {
      await restoreSql(client, unzipped);
      // The rest of the file has to be read too: its end carries the checksum of the compression.
      unzipped.resume();
      await fed;
    } finally {
      from.destroy();
      await close();
    }
    return;
  }
  if (database.program === undefined) {
    throw new ExternalError({
      code: 'PG_RESTORE_MISSING',
      message: 'the checkpoint is in the format of pg_dump, and there is no pg_restore beside this database',
      fix: 'restore it where it was taken (the compose target), or use a checkpoint of the format `sql`',
    });
  }
  const args = ['--exit-on-error', '--single-transaction', ...addressOf(database, into)];
  await runClientProgram(database, 'pg_restore', args, { stdin: from, signal });
}

/** Reads a file to its end for its digest. */
export async function digestStream(from: Readable): Promise<{ bytes: number; sha256: string }> {
  const measure = new Measure();
  await pipeline(from, measure, async (chunks: AsyncIterable<Buffer>) => {
    for await (const _chunk of chunks);
  });
  return measure.result();
}

// Host and password are the business of who runs the program: no argument shows a secret.
function addressOf(database: DatabaseAccess, name = databaseOf(database.adminUrl)): string[] {
  return [`--username=${userOf(database.adminUrl)}`, '--no-password', `--dbname=${name}`];
}

async function runClientProgram(
  database: DatabaseAccess,
  name: 'pg_dump' | 'pg_restore',
  args: string[],
  io: { stdin?: Readable; stdout?: Writable; signal?: AbortSignal | undefined },
): Promise<void> {
  const fail = (why: string, cause?: unknown): ExternalError =>
    new ExternalError({
      code: name === 'pg_dump' ? 'PG_DUMP_FAILED' : 'PG_RESTORE_FAILED',
      message: `${name} did not come to its end: ${why}`,
      fix: 'mend what it names; nothing of the running database was changed',
      cause,
    });
  let result;
  try {
    result = await database.program?.(name, args, io);
  } catch (error) {
    io.signal?.throwIfAborted();
    if (error instanceof ExternalError) throw error;
    throw fail(messageOf(error), error);
  }
  if (result?.code === 0) return;
  io.signal?.throwIfAborted();
  const words = (result?.stderr ?? '').trim().split('\n').slice(-4).join(' | ');
  throw fail(words === '' ? `it ended with ${result?.code ?? 'a signal'}` : words);
}

class Measure extends Transform {
  readonly #hash = createHash('sha256');
  #bytes = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: (error: null, chunk: Buffer) => void): void {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
    done(null, chunk);
  }

  result(): { bytes: number; sha256: string } {
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }
}

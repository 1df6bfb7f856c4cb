import type { Client } from 'pg';
import { ExternalError, PapergateError } from '@papergate/config';
import type { DatabaseAccess } from '../deliver/types.ts';
import { fileNameOf, formatOf, writeDump, type Written } from './archive/archive.ts';
import { connect, databaseOf, describeAddress, during, isOfServer } from './connection.ts';
import { databaseFailed, storeFailed } from './errors.ts';
import { nextValues, readContents } from './inspect/contents.ts';
import { exclusively } from './lock.ts';
import { momentOf, schemaVersionOf } from './moment.ts';
import { withScratch } from './scratch.ts';
import { folderOf, listCheckpoints, newId, openDump, removeCheckpoint, writeRecord } from './store.ts';
import type { Checkpoint, CheckpointStore, Contents, Moment, OnStep } from './types.ts';
import { restoreAndCompare } from './verify.ts';

export interface CheckpointOptions {
  database: DatabaseAccess;
  store: CheckpointStore;
  /** The release that the data belong to. */
  commit: string;
  manifestDigest: string;
  reason: string;
  /** By whose clock it is dated: the host's. Default: this machine's. */
  now?: () => Date;
  onProgress?: OnStep;
  signal?: AbortSignal | undefined;
  /** How long another checkpoint or drill of the same database is waited for, ms. Default: ten minutes. */
  waitMs?: number;
}

const WAIT_MS = 600_000;
/** What has to be free beside the dump itself, bytes. */
const MARGIN = 64 * 1024 * 1024;

/**
 * Dumps the database as it is at one moment, restores the dump into a scratch database and compares the two,
 * while the services go on. What is returned can be relied on; of anything less nothing stays.
 *
 * @throws CHECKPOINT_MISMATCH, ExternalError DATABASE_UNREACHABLE, DATABASE_FAILED, PG_DUMP_FAILED,
 *   CHECKPOINT_STORE, CHECKPOINT_NO_SPACE, CHECKPOINT_UNSUPPORTED, DATABASE_CARE_BUSY
 */
export async function checkpoint(options: CheckpointOptions): Promise<Checkpoint> {
  const { database, store, signal, waitMs = WAIT_MS } = options;
  return exclusively(database, { waitMs, signal }, async () => {
    const { checkpoints, unfinished } = await listCheckpoints(store);
    for (const left of unfinished) await removeCheckpoint(store, left);
    await checkSpace(store, checkpoints[0]?.bytes ?? 0);

    const id = newId(options.now?.() ?? new Date());
    try {
      return await make(id, options);
    } catch (error) {
      await removeCheckpoint(store, id).catch(() => {});
      throw error;
    }
  });
}

async function make(id: string, options: CheckpointOptions): Promise<Checkpoint> {
  const { database, store, commit, manifestDigest, reason, onProgress = () => {}, signal } = options;
  const now = options.now ?? (() => new Date());
  const takenAt = now();
  const begun = performance.now();
  await onProgress('dumping the database');
  const { written, contents, moment, schemaVersion, version } = await dump(id, options);
  const dumped = performance.now();

  const record: Checkpoint = {
    schema: 1,
    id,
    taken_at: takenAt.toISOString(),
    reason,
    commit,
    manifest_digest: manifestDigest,
    schema_version: schemaVersion,
    format: written.format,
    file: fileNameOf(written.format),
    bytes: written.bytes,
    sha256: written.sha256,
    database: databaseOf(database.adminUrl),
    server_version: version,
    ...contents,
    moments: [moment],
    verified_at: '',
    duration_ms: { dump: Math.round(dumped - begun), verify: 0, total: 0 },
    drills: [],
  };
  await withScratch(
    database,
    // Out of the store and not out of memory: it is the stored file that has to be good.
    async (into) =>
      restoreAndCompare({
        database,
        checkpoint: record,
        dump: await openDump(store, record),
        into,
        onProgress,
        signal,
      }),
    signal,
  );
  record.verified_at = now().toISOString();
  record.duration_ms.verify = Math.round(performance.now() - dumped);
  record.duration_ms.total = Math.round(performance.now() - begun);
  await writeRecord(store, record);
  return record;
}

interface Dumped {
  written: Written;
  contents: Contents;
  moment: Moment;
  schemaVersion: string;
  version: number;
}

/** Two connections share one snapshot: one is dumped from, the other counts and hashes meanwhile. */
async function dump(id: string, { database, store, signal }: CheckpointOptions): Promise<Dumped> {
  const failed = new AbortController();
  const ended = AbortSignal.any([failed.signal, ...(signal === undefined ? [] : [signal])]);
  const reads = await connect(database.adminUrl, ended);
  const dumps = await connect(database.adminUrl, ended);
  try {
    await reads.client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const { rows } = await reads.client.query<{ snapshot: string }>('SELECT pg_export_snapshot() AS snapshot');
    const snapshot = rows[0]?.snapshot ?? '';
    await dumps.client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await dumps.client.query(`SET TRANSACTION SNAPSHOT '${snapshot}'`);
    const moment = await momentOf(reads.client);
    const schemaVersion = await schemaVersionOf(reads.client);
    const before = await nextValues(reads.client);
    const into = await openFile(store, id, fileNameOf(formatOf(database)));
    const cut = (error: unknown): never => {
      failed.abort(error);
      throw error;
    };
    const [written, contents] = await Promise.all([
      writeDump({ database, client: dumps.client, snapshot, into, signal: ended }).catch(cut),
      readContents(reads.client).catch(cut),
    ]);
    contents.sequences = await between(reads.client, before, written);
    return { written, contents, moment, schemaVersion, version: reads.version };
  } catch (error) {
    signal?.throwIfAborted();
    // Where one of the two failed, the other only says that it was cut off.
    const cause: unknown = failed.signal.aborted ? failed.signal.reason : error;
    if (cause instanceof PapergateError) throw cause;
    if (isOfServer(cause)) throw databaseFailed('dumping', describeAddress(database.adminUrl), cause);
    throw storeFailed('written', id, cause);
  } finally {
    await Promise.all([reads.close(), dumps.close()]);
  }
}

// Sequences stand outside of snapshots: a dump program reads them somewhere between these two looks.
async function between(
  client: Client,
  before: ReadonlyMap<string, string>,
  { sequences }: Written,
): Promise<Contents['sequences']> {
  if (sequences !== undefined) return [...sequences].map(([name, next]) => ({ name, low: next, high: next }));
  const after = await nextValues(client);
  return [...before].map(([name, low]) => ({ name, low, high: after.get(name) ?? low }));
}

async function openFile(
  store: CheckpointStore,
  id: string,
  file: string,
): ReturnType<CheckpointStore['files']['openWrite']> {
  try {
    await store.files.makeDir(store.dir, 0o700);
    await store.files.makeDir(folderOf(store, id), 0o700);
    return await store.files.openWrite(`${folderOf(store, id)}/${file}`, 0o600);
  } catch (error) {
    throw error instanceof PapergateError ? error : storeFailed('written', id, error);
  }
}

// Said before the work, where it can be known; a disk that fills up meanwhile is found by the write itself.
async function checkSpace(store: CheckpointStore, lastBytes: number): Promise<void> {
  const free = await store.files.freeBytes(store.dir);
  const needed = Math.ceil(lastBytes * 1.2) + MARGIN;
  if (free >= needed) return;
  throw new ExternalError({
    code: 'CHECKPOINT_NO_SPACE',
    message: `${store.dir} has ${megabytes(free)} free, a checkpoint needs ${megabytes(needed)}`,
    fix: 'free disk space there, or remove old checkpoints (`papergate db list` shows them)',
  });
}

const megabytes = (bytes: number): string => `${Math.floor(bytes / 1024 / 1024)} MB`;

/** The schema version of a database that runs. */
export async function schemaVersionNow(database: DatabaseAccess): Promise<string> {
  return during(database.adminUrl, 'reading the schema version', ({ client }) => schemaVersionOf(client));
}

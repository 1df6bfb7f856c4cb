import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { Value } from 'typebox/value';
import { messageOf, PapergateError } from '@papergate/config';
import { corrupt, storeFailed, unknownCheckpoint } from './errors.ts';
import { digestStream } from './archive/archive.ts';
import { CheckpointSchema, type Checkpoint, type CheckpointStore } from './types.ts';

const RECORD = 'checkpoint.json';
const ID = /^\d{8}-\d{6}-[0-9a-f]{6}$/;

export const folderOf = ({ dir }: CheckpointStore, id: string): string => `${dir}/${id}`;

/** `20261120-052042-1a2b3c`: sorts by time. */
export function newId(now: Date): string {
  const digits = now.toISOString().replaceAll(/[-:T]/g, '');
  return `${digits.slice(0, 8)}-${digits.slice(8, 14)}-${randomBytes(3).toString('hex')}`;
}

export interface Listing {
  /** Newest first. */
  checkpoints: Checkpoint[];
  /** Folders whose record cannot be read, with the reason. */
  broken: { id: string; why: string }[];
  /** Folders without a record: being made, or left by a kill. */
  unfinished: string[];
}

export async function listCheckpoints(store: CheckpointStore): Promise<Listing> {
  const listing: Listing = { checkpoints: [], broken: [], unfinished: [] };
  const ids = (await store.files.list(store.dir)).filter((name) => ID.test(name));
  for (const id of ids.toSorted().toReversed()) {
    const text = await store.files.read(`${folderOf(store, id)}/${RECORD}`);
    if (text === undefined) listing.unfinished.push(id);
    else {
      const read = parse(id, text);
      if (typeof read === 'string') listing.broken.push({ id, why: read });
      else listing.checkpoints.push(read);
    }
  }
  return listing;
}

/** @throws UserError CHECKPOINT_UNKNOWN; CHECKPOINT_CORRUPT where its record cannot be read */
export async function readCheckpoint(store: CheckpointStore, id: string): Promise<Checkpoint> {
  const text = ID.test(id) ? await store.files.read(`${folderOf(store, id)}/${RECORD}`) : undefined;
  if (text === undefined) {
    const { checkpoints } = await listCheckpoints(store);
    throw unknownCheckpoint(
      id,
      checkpoints.map((checkpoint) => checkpoint.id),
    );
  }
  const read = parse(id, text);
  if (typeof read === 'string') throw corrupt(id, `its ${RECORD} ${read}`);
  return read;
}

function parse(id: string, text: string): Checkpoint | string {
  try {
    const value: unknown = JSON.parse(text);
    if (!Value.Check(CheckpointSchema, value)) return 'is not a checkpoint’s record';
    return value.id === id ? value : `is that of ${value.id}`;
  } catch (error) {
    return `is no JSON (${messageOf(error)})`;
  }
}

export async function writeRecord(store: CheckpointStore, checkpoint: Checkpoint): Promise<void> {
  try {
    await store.files.write(
      `${folderOf(store, checkpoint.id)}/${RECORD}`,
      `${JSON.stringify(checkpoint, null, 2)}\n`,
      0o600,
    );
  } catch (error) {
    throw error instanceof PapergateError ? error : storeFailed('recorded', checkpoint.id, error);
  }
}

/** The dump, once its bytes were found to be those that were written. */
export async function openDump(store: CheckpointStore, checkpoint: Checkpoint): Promise<Readable> {
  const path = `${folderOf(store, checkpoint.id)}/${checkpoint.file}`;
  let found;
  try {
    found = await digestStream(await store.files.openRead(path));
  } catch (error) {
    // A host that is away says nothing about the file.
    if (error instanceof PapergateError && error.code !== 'HOST_FILE_FAILED') throw error;
    throw corrupt(checkpoint.id, `${checkpoint.file} cannot be read (${messageOf(error)})`);
  }
  if (found.sha256 !== checkpoint.sha256) {
    const what =
      found.bytes === checkpoint.bytes
        ? 'its bytes have changed since it was written'
        : `it has ${found.bytes} bytes, expected ${checkpoint.bytes}`;
    throw corrupt(checkpoint.id, `${checkpoint.file}: ${what}`);
  }
  return store.files.openRead(path);
}

export async function removeCheckpoint(store: CheckpointStore, id: string): Promise<void> {
  // The record goes first: what is cut off here is unfinished, not broken.
  await store.files.remove(`${folderOf(store, id)}/${RECORD}`);
  await store.files.remove(folderOf(store, id));
}

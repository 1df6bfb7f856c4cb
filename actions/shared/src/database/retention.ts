import type { DatabaseAccess } from '../deliver/types.ts';
import { isGood } from './drill.ts';
import { exclusively } from './lock.ts';
import { setAsideDatabases } from './restore.ts';
import { dropDatabase } from './scratch.ts';
import { folderOf, listCheckpoints, removeCheckpoint } from './store.ts';
import type { Checkpoint, CheckpointStore } from './types.ts';

export const RETENTION_DAYS = 30;
/** Databases that a restore set aside are kept so long, days. */
export const SET_ASIDE_DAYS = 7;
const DAY_MS = 86_400_000;

export interface PruneOptions {
  database: DatabaseAccess;
  store: CheckpointStore;
  /** Checkpoints that releases which can be gone back to name, and those that the user wants to keep. */
  keep?: readonly string[];
  now?: Date;
  days?: number;
  setAsideDays?: number;
  waitMs?: number;
  signal?: AbortSignal | undefined;
}

export interface Pruned {
  checkpoints: string[];
  databases: string[];
  freed_bytes: number;
}

/** Removes checkpoints that are older than the retention, and what restores have set aside long enough ago. */
export async function pruneCheckpoints(options: PruneOptions): Promise<Pruned> {
  const {
    database,
    store,
    keep = [],
    now = new Date(),
    days = RETENTION_DAYS,
    setAsideDays = SET_ASIDE_DAYS,
  } = options;
  return exclusively(database, { waitMs: options.waitMs ?? 60_000, signal: options.signal }, async () => {
    const listing = await listCheckpoints(store);
    const removed = expired(listing.checkpoints, { keep, now, days });
    const pruned: Pruned = { checkpoints: [], databases: [], freed_bytes: 0 };
    for (const { id, bytes } of removed) {
      await removeCheckpoint(store, id);
      pruned.checkpoints.push(id);
      pruned.freed_bytes += bytes;
    }
    // Nobody is at work (the lock is ours): without a record it is what a kill left.
    for (const id of listing.unfinished) {
      await removeCheckpoint(store, id);
      pruned.checkpoints.push(id);
    }
    const broken = listing.broken.filter(({ id }) => !keep.includes(id) && ageMs(timeOf(id), now) > days * DAY_MS);
    for (const { id } of broken) {
      await store.files.remove(folderOf(store, id));
      pruned.checkpoints.push(id);
    }
    for (const { name, since, bytes } of await setAsideDatabases(database)) {
      if (!(ageMs(since.toISOString(), now) > setAsideDays * DAY_MS)) continue;
      await dropDatabase(database, name);
      pruned.databases.push(name);
      pruned.freed_bytes += bytes;
    }
    return pruned;
  });
}

/** Those past the retention, but never the newest good one nor one that is to be kept. A date in the future is no age. */
export function expired(
  checkpoints: readonly Checkpoint[],
  { keep, now, days }: { keep: readonly string[]; now: Date; days: number },
): Checkpoint[] {
  const newestFirst = checkpoints.toSorted((a, b) => (a.taken_at < b.taken_at ? 1 : -1));
  const lastGood = newestFirst.find(isGood) ?? newestFirst[0];
  return newestFirst.filter(
    ({ id, taken_at: takenAt }) => id !== lastGood?.id && !keep.includes(id) && ageMs(takenAt, now) > days * DAY_MS,
  );
}

const ageMs = (at: string, now: Date): number => now.getTime() - new Date(at).getTime();

// `20261120-052042-1a2b3c`
function timeOf(id: string): string {
  return id.replace(/^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-.*$/, '$1-$2-$3T$4:$5:$6Z');
}

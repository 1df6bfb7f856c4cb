import { messageOf, PapergateError } from '@papergate/config';
import { checkpoint, type CheckpointOptions } from './checkpoint.ts';
import { verifyCheckpoint } from './drill.ts';
import { pruneCheckpoints, type PruneOptions } from './retention.ts';
import { listCheckpoints } from './store.ts';
import type { Checkpoint } from './types.ts';

export const BACKUP_EVERY_MS = 24 * 3_600_000;
export const DRILL_EVERY_MS = 7 * 24 * 3_600_000;
/** A timer that runs a little early does not skip a turn. */
const SLACK_MS = 10 * 60_000;

export interface Due {
  backup: boolean;
  drill: boolean;
}

/**
 * What is due: a backup where the newest is a day old, a drill where none has succeeded for a week. After a downtime
 * it is simply due, once. What is dated in the future (a clock was wrong) does not count.
 */
export function whatIsDue(checkpoints: readonly Checkpoint[], now: Date): Due {
  const isWithin = (at: string, ms: number): boolean => {
    const age = now.getTime() - new Date(at).getTime();
    return age >= -SLACK_MS && age < ms - SLACK_MS;
  };
  const backedUp = checkpoints.some(({ verified_at: at }) => isWithin(at, BACKUP_EVERY_MS));
  const drilled = checkpoints.some(({ drills }) => drills.some(({ ok, at }) => ok && isWithin(at, DRILL_EVERY_MS)));
  return { backup: !backedUp, drill: !drilled };
}

export interface Action {
  action: 'backup' | 'drill' | 'prune';
  ok: boolean;
  /** Of the checkpoint that was taken or restored. */
  id?: string;
  detail: string;
}

export type RunDueOptions = Omit<CheckpointOptions, 'reason' | 'waitMs'> & Pick<PruneOptions, 'keep' | 'days'>;

/**
 * Does what is due: the whole of scheduled database care in one call, made every hour. Two at once do not happen: the
 * later one says `busy` and leaves it. One that fails does not keep the others from being tried, and stays due.
 */
export async function runDue(options: RunDueOptions): Promise<Action[]> {
  const { database, store, signal, onProgress = () => {} } = options;
  const now = options.now ?? (() => new Date());
  const shared = { database, store, now, onProgress, signal, waitMs: 0 };
  const { checkpoints } = await listCheckpoints(store);
  const { backup, drill } = whatIsDue(checkpoints, now());
  const actions: Action[] = [];
  const attempt = async (action: Action['action'], work: () => Promise<Omit<Action, 'action'>>): Promise<void> => {
    signal?.throwIfAborted();
    try {
      actions.push({ action, ...(await work()) });
    } catch (error) {
      signal?.throwIfAborted();
      const code = error instanceof PapergateError ? error.code : 'UNEXPECTED';
      // Somebody else is at it: that is as good, and what is due stays due until it is done.
      if (code === 'DATABASE_CARE_BUSY') actions.push({ action, ok: true, detail: `busy: ${messageOf(error)}` });
      else actions.push({ action, ok: false, detail: `${code}: ${messageOf(error)}` });
    }
  };
  // The drill first: it proves a file that has lain for a while, where there is one.
  const drillNow = async (): Promise<Omit<Action, 'action'>> => {
    const { checkpoint: drilled, drill: result } = await verifyCheckpoint(shared);
    const detail = result.ok ? 'restored and compared' : result.problems.join('; ');
    return { ok: result.ok, id: drilled.id, detail };
  };
  const hasSome = checkpoints.length > 0;
  if (drill && hasSome) await attempt('drill', drillNow);
  if (backup) {
    await attempt('backup', async () => {
      const { commit, manifestDigest } = options;
      const taken = await checkpoint({ ...shared, commit, manifestDigest, reason: 'scheduled' });
      const rows = taken.tables.reduce((sum, table) => sum + table.rows, 0);
      return { ok: true, id: taken.id, detail: `${rows} rows in ${taken.tables.length} tables, ${taken.bytes} bytes` };
    });
  }
  if (drill && !hasSome) await attempt('drill', drillNow);
  // Where there is no new one, the old ones may be needed for longer.
  const wanting = actions.some(({ action, id }) => action === 'backup' && id === undefined);
  if ((backup || drill) && !wanting) {
    await attempt('prune', async () => {
      const { keep = [], days } = options;
      const pruned = await pruneCheckpoints({ ...shared, now: now(), keep, ...(days === undefined ? {} : { days }) });
      const gone = [...pruned.checkpoints, ...pruned.databases];
      return { ok: true, detail: gone.length === 0 ? 'nothing was too old' : `removed ${gone.join(', ')}` };
    });
  }
  return actions;
}

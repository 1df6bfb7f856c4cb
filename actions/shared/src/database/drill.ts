import { EXIT, PapergateError } from '@papergate/config';
import type { DatabaseAccess } from '../deliver/types.ts';
import { exclusively } from './lock.ts';
import { withScratch } from './scratch.ts';
import { listCheckpoints, openDump, readCheckpoint, writeRecord } from './store.ts';
import type { Checkpoint, CheckpointStore, Drill, OnStep } from './types.ts';
import { restoreAndCompare } from './verify.ts';

export interface DrillOptions {
  database: DatabaseAccess;
  store: CheckpointStore;
  /** Default: the newest. */
  id?: string;
  now?: () => Date;
  onProgress?: OnStep;
  signal?: AbortSignal | undefined;
  waitMs?: number;
}

export interface DrillOutcome {
  checkpoint: Checkpoint;
  drill: Drill;
}

const WAIT_MS = 600_000;
/** So many drills stay on record. */
const KEPT_DRILLS = 20;

/**
 * A restore drill: reads a stored checkpoint back, restores it into a scratch database and compares. What came of it
 * is written into its record. A checkpoint that is bad is an answer (`drill.ok` false), a server that breaks is an error.
 */
export async function verifyCheckpoint(options: DrillOptions): Promise<DrillOutcome> {
  const { database, store, signal, now = () => new Date(), onProgress = () => {} } = options;
  return exclusively(database, { waitMs: options.waitMs ?? WAIT_MS, signal }, async () => {
    const checkpoint = await readCheckpoint(store, options.id ?? (await newest(store)));
    const begun = performance.now();
    const problems: string[] = [];
    try {
      await withScratch(
        database,
        async (into) =>
          restoreAndCompare({
            database,
            checkpoint,
            dump: await openDump(store, checkpoint),
            into,
            onProgress,
            signal,
          }),
        signal,
      );
    } catch (error) {
      if (!isAnswer(error)) throw error;
      problems.push(error.message);
    }
    const drill: Drill = {
      at: now().toISOString(),
      ok: problems.length === 0,
      duration_ms: Math.round(performance.now() - begun),
      problems,
    };
    checkpoint.drills = [...checkpoint.drills, drill].slice(-KEPT_DRILLS);
    await writeRecord(store, checkpoint);
    return { checkpoint, drill };
  });
}

async function newest(store: CheckpointStore): Promise<string> {
  const { checkpoints } = await listCheckpoints(store);
  // None there: reading it says so, with what to do.
  return checkpoints[0]?.id ?? 'latest';
}

/** The checks' own no, as opposed to something that broke. */
export function isAnswer(error: unknown): error is PapergateError {
  return error instanceof PapergateError && error.exitCode === EXIT.blocked;
}

/** Whether it can be relied on: the last drill says so, or where there was none yet, the check when it was taken. */
export const isGood = ({ drills }: Checkpoint): boolean => drills.at(-1)?.ok ?? true;

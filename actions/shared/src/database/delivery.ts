import type { CheckpointRequest, CheckpointTaken, RestoreHooks, TakeCheckpoint } from '../deliver/options.ts';
import type { Check } from '../evidence/index.ts';
import { checkpoint } from './checkpoint.ts';
import { planRestore } from './plan-restore.ts';
import { restore, revertRestore } from './restore.ts';
import type { Checkpoint, CheckpointStore } from './types.ts';

/** What the delivery engine is given of this folder: a checkpoint before each deploy, and going back to one. */
export function databaseHooks(
  store: CheckpointStore,
  now: () => Date = () => new Date(),
): { checkpoint: TakeCheckpoint; restore: RestoreHooks } {
  return {
    async checkpoint(database, { manifest, reason, onProgress, signal }: CheckpointRequest): Promise<CheckpointTaken> {
      const release = { commit: manifest.commit, manifestDigest: manifest.digest };
      const taken = await checkpoint({ database, store, ...release, reason, now, onProgress, signal });
      return { id: taken.id, checks: checksOf(taken) };
    },
    restore: {
      async plan(database, id) {
        const { checkpoint: found, lost } = await planRestore({ database, store, id });
        return {
          takenAt: found.taken_at,
          schemaVersion: found.schema_version,
          lost: lost.map(({ table, since }) => ({ table, rows: since })),
        };
      },
      async apply(database, id, run) {
        const outcome = await restore({ database, store, id, operation: run, confirmed: true, now });
        const detail =
          outcome.setAside === undefined ? undefined : `the database before it is kept as ${outcome.setAside}`;
        return [{ ...checkOf('restore', outcome.checkpoint), ...(detail === undefined ? {} : { detail }) }];
      },
      async revert(database, id, run) {
        await revertRestore({ database, id, operation: run, now });
      },
    },
  };
}

/** A checkpoint as evidence. */
export function checksOf(taken: Checkpoint): Check[] {
  const seconds = (taken.duration_ms.total / 1000).toFixed(1);
  return [{ ...checkOf('checkpoint', taken), detail: `${taken.id}, ${taken.bytes} bytes, ${seconds} s` }];
}

function checkOf(name: string, { tables, schema_version: schema }: Checkpoint): Check {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  return {
    name,
    status: 'passed',
    observed: `${rows} rows in ${tables.length} tables, schema ${schema}`,
    limit: 'restored and equal: rows, content, sequences, definitions',
  };
}

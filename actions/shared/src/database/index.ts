export { checkpoint, schemaVersionNow, type CheckpointOptions } from './checkpoint.ts';
export { checksOf, databaseHooks } from './delivery.ts';
export { isGood, verifyCheckpoint, type DrillOptions, type DrillOutcome } from './drill.ts';
export { runDue, whatIsDue, type Action as DueAction, type Due, type RunDueOptions } from './due.ts';
export { planRestore, type RestorePlan, type TableLoss } from './plan-restore.ts';
export { restore, revertRestore, setAsideDatabases, type RestoreOptions, type RestoreOutcome } from './restore.ts';
export {
  expired,
  pruneCheckpoints,
  RETENTION_DAYS,
  SET_ASIDE_DAYS,
  type Pruned,
  type PruneOptions,
} from './retention.ts';
export { schedule, type Schedule, type ScheduleOptions } from './schedule.ts';
export { listCheckpoints, readCheckpoint, type Listing } from './store.ts';
export type { Checkpoint, CheckpointStore, Drill } from './types.ts';
export { checkMigrations, type CheckMigrationsOptions } from './migrations/check.ts';
export { databaseFacts, type DatabaseFacts } from './migrations/applied.ts';
export { applicationsBefore, layOlderApplication, MIGRATIONS_FOLDER, type OlderApplication } from './n-minus-one.ts';

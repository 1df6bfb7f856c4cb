import type { Check, StageResult } from '../evidence/index.ts';
import type { Manifest } from '../release/manifest.ts';
import type { Actor } from './actor.ts';
import type { Clock } from './clock.ts';
import type { Diagnosis } from './diagnosis.ts';
import type { DeliverEvent } from './events.ts';
import type { GoodRelease } from './history.ts';
import type { PlaceLease } from './lease.ts';
import type { DatabaseAccess, DeliveryTarget, PruneResult } from './types.ts';

/** Limits in time, ms. What a target bounds itself it bounds below these. */
export interface Patience {
  verifyMs: number;
  infrastructureMs: number;
  prepareMs: number;
  checkpointMs: number;
  migrateMs: number;
  /** For all services together, from the first start on. */
  readyMs: number;
  /** The same for the release that is brought back, ms. */
  backReadyMs: number;
  /** For one service: drained and gone. */
  stopMs: number;
  smokeMs: number;
  pruneMs: number;
  /** Between two looks at a service that is not ready yet. */
  probeEveryMs: number;
  /** For gathering what is known of a failure. */
  diagnosisMs: number;
}

export const PATIENCE: Patience = {
  verifyMs: 120_000,
  infrastructureMs: 300_000,
  prepareMs: 1_200_000,
  checkpointMs: 3_600_000,
  migrateMs: 600_000,
  readyMs: 120_000,
  backReadyMs: 120_000,
  stopMs: 90_000,
  smokeMs: 900_000,
  pruneMs: 300_000,
  probeEveryMs: 25,
  diagnosisMs: 5_000,
};

export interface CheckpointRequest {
  /** What runs, or where nothing runs, what is about to. */
  manifest: Manifest;
  /** `before deploy of 0123456789ab`. */
  reason: string;
  onProgress: (message: string) => void;
  signal: AbortSignal;
}
/** A backup that was restored and compared; a failed check stops the deploy. */
export interface CheckpointTaken {
  id: string;
  checks: Check[];
}
export type TakeCheckpoint = (database: DatabaseAccess, request: CheckpointRequest) => Promise<CheckpointTaken>;

export interface MigrationRequest {
  /** Schema that the database is known to have; undefined where nothing was delivered yet. */
  current: string | undefined;
  next: Manifest;
  /** Releases that can be rolled back to, newest first: what they need has to stay. */
  kept: readonly GoodRelease[];
}

/** Rows of one table that a restore would lose. */
export interface DataLoss {
  table: string;
  rows: number;
}

/** Going back to a checkpoint; all of it is done while no service runs. */
export interface RestoreHooks {
  /** @throws UserError where there is no such checkpoint */
  plan(database: DatabaseAccess, id: string): Promise<{ takenAt: string; schemaVersion: string; lost: DataLoss[] }>;
  /** Puts the checkpoint in place of the database and keeps the old one aside. May be called again after a kill. */
  apply(database: DatabaseAccess, id: string, run: string): Promise<Check[]>;
  /** Puts back what `apply` of this run set aside; does nothing where it did not come to that. */
  revert(database: DatabaseAccess, id: string, run: string): Promise<void>;
}

/** What every call on a place needs. */
export interface PlaceOptions {
  target: DeliveryTarget;
  actor: Actor;
  /** As the user typed it: `papergate deploy --sha 0123456`. */
  command: string;
  /** Added to commands that are advised: `--target compose --project papergate-staging`. */
  flags?: string;
  /** Hooks for the database, where a restore may have to be undone. */
  restore?: RestoreHooks;
  onEvent?: (event: DeliverEvent) => void;
  /** Aborted when the caller wants to stop: before the first service is stopped nothing more is done, after it, it is undone. */
  signal?: AbortSignal;
  clock?: Partial<Clock>;
  patience?: Partial<Patience>;
  /** The place is ours already and stays so afterwards: taken by {@link holdPlace} for more than this one call. */
  held?: PlaceLease;
  /** Values that must not be seen, beside the files below `secrets/` of the place. */
  secrets?: readonly string[];
}

interface MoveOptions extends PlaceOptions {
  /** Refuses what is not signed as it has to be. */
  requireSignature?: (manifest: Manifest) => Promise<Check[]>;
  checkpoint: TakeCheckpoint;
  /** Default true. */
  smoke?: boolean;
}

export interface DeliverOptions extends MoveOptions {
  next: Manifest;
  /** Stop and start also what runs already and is well: its secrets or its surroundings have changed. */
  restart?: boolean;
  /** Refuses migrations that a kept release could not live with. */
  checkMigrations: (request: MigrationRequest) => Promise<Check[]>;
}

export interface RollbackOptions extends MoveOptions {
  /** A good release's commit, its first seven digits and more, or the digest of its manifest. */
  sha: string;
  /** The release that is left was found wanting after it was delivered (by load, by the gate): it is no good release any more. */
  condemn?: boolean;
  /** Id of the checkpoint to go back to; confirmed by the caller. Without it the data stay. */
  restoreDb?: string;
}

export type DeliverStatus =
  /** The new release runs, and is on record. */
  | 'delivered'
  /** This very release was running and healthy: nothing was touched. */
  | 'unchanged'
  /** Ended before any service was stopped: what ran goes on. */
  | 'failed'
  /** Ended after services were stopped; the release before runs again, verified. */
  | 'undone'
  /** The release before could not be brought back. */
  | 'undo-failed';

export interface DeliverOutcome {
  status: DeliverStatus;
  action: 'deploy' | 'rollback';
  exitCode: number;
  run: string;
  generation: number;
  from: Manifest | undefined;
  to: Manifest;
  interrupted: boolean;
  /** Of all steps, in order. */
  checks: Check[];
  checkpoint?: string;
  migrations: string[];
  smoke?: StageResult;
  timings: { step: string; ms: number }[];
  /** From the stop of the first service that order intake needs to the readiness of the last. */
  intakeAwayMs?: number;
  pruned?: PruneResult;
  diagnosis?: Diagnosis;
  /** What an earlier call left and this one put right first. */
  recovered?: RecoverOutcome;
  /** Worth knowing, and no reason to fail. */
  warnings: string[];
}

export interface RecoverOutcome {
  status: 'nothing' | 'undone' | 'finished' | 'undo-failed';
  exitCode: number;
  /** The run that was cut off. */
  run?: string;
  action?: 'deploy' | 'rollback' | 'down';
  /** Step at which it was cut off. */
  step?: string;
  /** Who had begun it. */
  by?: Actor;
  from?: Manifest | undefined;
  to?: Manifest | undefined;
  diagnosis?: Diagnosis;
  warnings: string[];
}

/** What a rollback will do, before it does it. */
export interface RollbackPlan {
  to: GoodRelease;
  from: Manifest | undefined;
  services: { service: string; image: string; change: 'changes' | 'same image' }[];
  schema: { database: string | undefined; release: string; stays: boolean };
  data: { lost: DataLoss[]; checkpoint?: string; takenAt?: string };
  /** True where it already runs. */
  nothingToDo: boolean;
}

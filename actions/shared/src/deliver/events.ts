import type { RecoverOutcome } from './options.ts';

/** What happens to a place, told as it happens. */
export type DeliverEvent =
  | { type: 'run'; run: string; action: 'deploy' | 'rollback' | 'down'; generation: number }
  /** An earlier call was cut off and is put right first. */
  | { type: 'recovering'; run: string; action: string; step: string; by: string }
  | { type: 'recovered'; outcome: RecoverOutcome }
  | { type: 'step'; step: string; state: 'begin' }
  | { type: 'step'; step: string; state: 'done' | 'failed'; ms: number; detail?: string }
  | { type: 'progress'; step: string; message: string; fraction?: number }
  /** The release before is brought back. */
  | { type: 'undo'; reason: string }
  | { type: 'warning'; message: string };

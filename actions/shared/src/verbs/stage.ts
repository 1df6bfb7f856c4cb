import { messageOf, PapergateError } from '@papergate/config';
import type { StageName, StageResult } from '../evidence/index.ts';
import type { EvidenceStore } from '../evidence/store.ts';
import { redact } from '../supervisor/redact.ts';
import { keepEvidence, timed, type RunFacts, type StageRun } from './record.ts';

export interface StageToKeep {
  stage: StageName;
  /** Asked for only where the stage breaks off. */
  store(): EvidenceStore;
  facts: RunFacts;
}

/**
 * As {@link timed}. A stage that breaks off leaves evidence that it failed, in the place of what an earlier run of it may have
 * left: otherwise that would still speak for the release. The error goes on.
 */
export async function keptTimed(toKeep: StageToKeep, act: () => Promise<StageResult>): Promise<StageRun> {
  const startedAt = new Date();
  try {
    return await timed(toKeep.stage, act);
  } catch (error) {
    await keepBrokenOff(toKeep, error, startedAt);
    throw error;
  }
}

/** Keeps that a stage failed by an error, which the caller tells: what the stage itself said is told, whatever becomes of its record. */
export async function keepBrokenOff(
  { stage, store, facts }: StageToKeep,
  error: unknown,
  startedAt = new Date(),
): Promise<void> {
  const run = { stage, result: brokenOff(error), startedAt, finishedAt: new Date() };
  try {
    await keepEvidence(store(), [run], facts);
  } catch {
    // See above.
  }
}

/** What a stage leaves that ended with an error instead of a result. */
export function brokenOff(error: unknown): StageResult {
  const code = error instanceof PapergateError ? error.code : 'UNEXPECTED';
  const check = { name: 'it ran to its end', status: 'failed' as const, observed: code };
  return { status: 'failed', checks: [{ ...check, detail: redact(messageOf(error)) }] };
}

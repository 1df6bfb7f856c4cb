import type { RunRecord } from '../evidence/run.ts';

export interface Outcome {
  pass: boolean;
  /** Everything that speaks against it; none where it passes. */
  reasons: string[];
}

/**
 * What a run comes to. The gate decides; but a run that broke, that never came to the gate, or whose evidence says
 * "failed" after the gate has decided (a stage was run again) is not shown as one that passed.
 */
export function outcome({ gate, error, evidence }: RunRecord): Outcome {
  const reasons = [...(gate?.reasons ?? [])];
  if (gate?.decision === 'pass') {
    for (const { stage, status } of evidence) {
      if (status === 'failed') reasons.push(`${stage}: its evidence says failed, and the gate decided without it`);
    }
  }
  return { pass: gate?.decision === 'pass' && error === undefined && reasons.length === 0, reasons };
}

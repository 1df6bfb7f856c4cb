import { PapergateError } from '@papergate/config';
import type { GitHub } from '@papergate/delivery';
import type { Step } from './types.ts';

export interface StepOutcome {
  what: string;
  /** Undefined: done. */
  failed?: { code: string; message: string; fix: string | undefined };
}

/** What GitHub refuses ends one step; all others are still worth doing. */
const OWN = ['GITHUB_REFUSED', 'GITHUB_FORBIDDEN', 'GITHUB_NOT_FOUND', 'GITHUB_CONFLICT'];

/** Takes the steps one after the other. @throws PapergateError where nothing goes on: no network, no valid token, … */
export async function applySteps(
  github: GitHub,
  steps: readonly Step[],
  onStep: (outcome: StepOutcome) => void,
): Promise<StepOutcome[]> {
  const outcomes: StepOutcome[] = [];
  for (const { what, run } of steps) {
    let outcome: StepOutcome = { what };
    try {
      await run(github);
    } catch (error) {
      if (!(error instanceof PapergateError) || !OWN.includes(error.code)) throw error;
      outcome = { what, failed: { code: error.code, message: error.message, fix: error.fix } };
    }
    outcomes.push(outcome);
    onStep(outcome);
  }
  return outcomes;
}

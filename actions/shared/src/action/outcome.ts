import { describeError, EXIT, messageOf, PapergateError } from '@papergate/config';
import type { Verdict } from './output/summary.ts';

/** How an action ended. Whatever is not `pass` fails the job. */
export type Outcome =
  | { verdict: 'pass' }
  /** `block`: a check or gate said no. `failed`: it could not be done. */
  | { verdict: Exclude<Verdict, 'pass'>; reasonCode: string; message: string; fix?: string };

export const PASS: Outcome = { verdict: 'pass' };

/** The outcome of a throw, whatever was thrown. A defect of ours is told by its message; the stack is for those who debug. */
export function outcomeOf(thrown: unknown): Exclude<Outcome, { verdict: 'pass' }> {
  if (thrown instanceof PapergateError) {
    const text = describeError(thrown).slice(`${thrown.code}: `.length);
    return { verdict: thrown.exitCode === EXIT.blocked ? 'block' : 'failed', reasonCode: thrown.code, message: text };
  }
  return {
    verdict: 'failed',
    reasonCode: 'UNEXPECTED',
    message: thrown === undefined ? 'something gave up without a word' : messageOf(thrown),
    fix: 'run the job again with debug logging; if it stays, report it with what the log says then',
  };
}

/** The whole chain of causes with its stacks. */
export function stackOf(thrown: unknown): string {
  const chain: string[] = [];
  for (let at: unknown = thrown; at instanceof Error && chain.length < 10; at = at.cause)
    chain.push(at.stack ?? `${at.name}: ${at.message}`);
  return chain.length === 0 ? String(thrown) : chain.join('\ncaused by: ');
}

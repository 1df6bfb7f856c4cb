import { EXIT, PapergateError, type ExitCode } from '@papergate/config';
import type { DeliverOutcome } from '../../deliver/options.ts';

const WORDS: Record<DeliverOutcome['status'], string> = {
  delivered: 'it was delivered',
  unchanged: 'it was running already',
  failed: 'nothing that ran was touched',
  undone: 'the release before runs again, verified',
  'undo-failed': 'the release before could not be brought back',
};

/** The error that a delivery which did not get through is told as; the rest stands in its diagnosis. */
export function describeFailure(outcome: DeliverOutcome): PapergateError {
  const { status, diagnosis, from, interrupted } = outcome;
  const exitCode = (outcome.exitCode === EXIT.ok ? EXIT.external : outcome.exitCode) as ExitCode;
  const after =
    status === 'undone' && from === undefined ? 'what was started is taken down; its data stay' : WORDS[status];
  return new PapergateError({
    code: diagnosis?.code ?? (interrupted ? 'INTERRUPTED' : 'DELIVERY_FAILED'),
    message: `${diagnosis?.message ?? `the ${outcome.action} did not get through`}; ${after}`,
    exitCode,
    ...(diagnosis?.next === undefined ? {} : { fix: diagnosis.next }),
  });
}

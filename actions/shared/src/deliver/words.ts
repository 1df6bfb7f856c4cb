import { renderDiagnosis } from './diagnosis.ts';
import type { DeliverEvent } from './events.ts';
import type { DeliverOutcome, RecoverOutcome } from './options.ts';

/** A span of time for people. */
export function duration(ms: number): string {
  if (ms < 950) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** One line for an event; undefined: nothing worth one. */
export function deliveryLine(event: DeliverEvent): string | undefined {
  switch (event.type) {
    case 'recovering':
      return `an earlier ${event.action} was cut off at ${event.step} (${event.by}); putting it right first`;
    case 'recovered':
      return recoveredLine(event.outcome);
    case 'step':
      if (event.state === 'begin') return undefined;
      return `  ${event.state === 'done' ? '✔' : '✖'} ${event.step} ${duration(event.ms)}${event.detail === undefined ? '' : ` · ${event.detail}`}`;
    case 'undo':
      return `undoing it: ${event.reason}`;
    case 'warning':
      return `note: ${event.message}`;
    default:
      return undefined;
  }
}

export function recoveredLine({ status, action, step }: RecoverOutcome): string {
  if (status === 'nothing') return 'nothing was cut off here';
  const what = `the ${action ?? 'deploy'} that was cut off${step === undefined ? '' : ` at ${step}`}`;
  if (status === 'undone') return `${what} is undone`;
  return status === 'finished' ? `${what} is finished` : `${what} could NOT be undone`;
}

/** How a delivery ended, for people. */
export function outcomeText(outcome: DeliverOutcome): string {
  const { status, action, to, from, intakeAwayMs, pruned, warnings, checkpoint } = outcome;
  const commit = to.commit.slice(0, 12);
  const before = from === undefined ? 'nothing' : from.commit.slice(0, 12);
  const lines = warnings.map((warning) => `note: ${warning}`);
  if (status === 'unchanged') lines.push(`${commit} runs already, and every service is ready; nothing was touched`);
  else if (status === 'delivered') {
    lines.push(`${action === 'rollback' ? 'rolled back' : 'delivered'}: ${before} → ${commit} (manifest ${to.digest})`);
    if (intakeAwayMs !== undefined) lines.push(`orders were not taken for ${duration(intakeAwayMs)}`);
    if (checkpoint !== undefined) lines.push(`checkpoint before it: ${checkpoint}`);
    if (pruned !== undefined && pruned.removed.length > 0) {
      lines.push(
        `removed what no release needs: ${pruned.removed.length} things, ${Math.round(pruned.freedBytes / 1e6)} MB`,
      );
    }
  } else if (outcome.diagnosis !== undefined) lines.push(renderDiagnosis(outcome.diagnosis));
  else lines.push(`${action} of ${commit}: ${status}`);
  return lines.join('\n');
}

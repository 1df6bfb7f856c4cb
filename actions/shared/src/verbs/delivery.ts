import { EXIT } from '@papergate/config';
import type { Outcome } from '../action/outcome.ts';
import type { ActionLog } from '../action/output/log.ts';
import type { Inline } from '../action/output/markdown.ts';
import type { Summary } from '../action/output/summary.ts';
import {
  deliveryLine,
  duration,
  goodReleases,
  outcomeText,
  recoveredLine,
  renderDiagnosis,
  rollback,
  takeDown,
  type DeliverEvent,
  type DeliverOutcome,
  type PlaceLease,
} from '../deliver/index.ts';
import type { Manifest } from '../release/manifest.ts';
import { describeFailure } from '../ship/placed/describe.ts';
import type { OpenPlace } from '../ship/place/index.ts';
import { checkTable, clipped } from './checks.ts';
import { DeliveryTimes } from './kept-delivery.ts';

type Log = Pick<ActionLog, 'info' | 'notice' | 'warning' | 'error' | 'group'>;

/** Follows a delivery: a line a step in the log, and when its smoke test ran. */
export class DeliveryWatch {
  readonly #log: Log;
  readonly #times = new DeliveryTimes();

  constructor(log: Log) {
    this.#log = log;
  }

  readonly onEvent = (event: DeliverEvent): void => {
    this.#times.onEvent(event);
    if (event.type === 'warning') this.#log.warning(event.message);
    else if (event.type === 'recovering') this.#log.notice(deliveryLine(event) ?? '', { title: 'recovering' });
    else {
      const line = deliveryLine(event);
      if (line !== undefined) this.#log.info(clipped(line));
    }
  };

  get times(): DeliveryTimes {
    return this.#times;
  }
}

export const isDelivered = ({ status }: Pick<DeliverOutcome, 'status'>): boolean =>
  status === 'delivered' || status === 'unchanged';

/** The outcome of the action that a delivery's outcome comes to. */
export function outcomeOfDelivery(outcome: DeliverOutcome): Outcome {
  if (isDelivered(outcome)) return { verdict: 'pass' };
  const { code, message, fix, exitCode } = describeFailure(outcome);
  return {
    verdict: exitCode === EXIT.blocked ? 'block' : 'failed',
    reasonCode: code,
    message: clipped(`${whereOf(outcome)}${message}`),
    ...(fix === undefined ? {} : { fix }),
  };
}

function whereOf({ diagnosis }: DeliverOutcome): string {
  if (diagnosis === undefined) return '';
  const { step, service } = diagnosis;
  return service === undefined || step.includes(service) ? `at ${step}: ` : `at ${step} of ${service}: `;
}

/** What names the place in advice, without the files of this job. */
const adviceFlags = (flags: string): string => flags.replaceAll(/ --(?:identity|known-hosts) \S+/g, '');

/** The options of a call of the engine, for advice that still holds when the job is over. */
export const movingBy = (
  open: OpenPlace,
  command: string,
  { onEvent }: Pick<DeliveryWatch, 'onEvent'>,
  signal: AbortSignal,
): ReturnType<OpenPlace['moving']> => ({ ...open.moving(command, onEvent, signal), flags: adviceFlags(open.flags) });

/** Says in log and summary how a delivery went; of a failed one all that is known. */
export async function reportDelivery(
  { log, summary }: { log: Log; summary: Summary },
  outcome: DeliverOutcome,
): Promise<void> {
  const { diagnosis, recovered } = outcome;
  if (recovered !== undefined && recovered.status !== 'nothing') summary.text(recoveredLine(recovered));
  summary.table(
    ['', 'release', 'manifest'],
    [
      ['was', ...nameOf(outcome.from)],
      ['is', ...nameOf(isDelivered(outcome) ? outcome.to : afterFailure(outcome))],
      ...(isDelivered(outcome) ? [] : [['wanted', ...nameOf(outcome.to)]]),
    ],
  );
  if (isDelivered(outcome)) {
    log.info(outcomeText(outcome));
    if (outcome.intakeAwayMs !== undefined)
      summary.text(`Orders were not taken for ${duration(outcome.intakeAwayMs)}.`);
  } else if (diagnosis !== undefined) {
    await log.group('diagnosis', () => log.info(renderDiagnosis(diagnosis)));
    const { step, service, probe, rolledBack } = diagnosis;
    summary.table(['step', 'service', 'it said', 'state'], [[step, service ?? '', probe ?? '', rolledBack]]);
    summary.details('diagnosis', (inner) => inner.code(renderDiagnosis(diagnosis)));
  }
  if (outcome.timings.length > 0) {
    summary.details('steps', (inner) =>
      inner.table(
        ['step', 'took'],
        outcome.timings.map(({ step, ms }) => [step, duration(ms)]),
      ),
    );
  }
  if (outcome.smoke !== undefined) {
    const { smoke } = outcome;
    summary.heading('Smoke test', 4);
    checkTable(summary, smoke.checks);
  }
}

const nameOf = (manifest: Manifest | undefined): Inline[] =>
  manifest === undefined
    ? ['nothing', '']
    : [{ code: manifest.commit.slice(0, 12) }, { code: manifest.digest.slice(0, 19) }];

/** What runs after a delivery that did not get through; what is not known is told as nothing. */
const afterFailure = ({ status, from }: DeliverOutcome): Manifest | undefined =>
  status === 'undo-failed' ? undefined : from;

/** What came of going back. `to`: undefined where all was taken down, since there was nothing to go back to. */
export interface GoneBack {
  to: Manifest | undefined;
  /** For people. */
  words: string;
}

/**
 * What was delivered and then found wanting does not stay, and is no release to go back to: the one before it comes
 * back, or where there is none, all is taken down. Its data stay.
 * @throws PapergateError where the release before could not be brought back
 */
export async function goBack(
  open: OpenPlace,
  manifest: Manifest,
  { why, command, log, held }: { why: string; command: string; log: Log; held?: PlaceLease },
): Promise<GoneBack> {
  const before = (await goodReleases(open.place)).find((release) => release.manifest.digest !== manifest.digest);
  const watch = new DeliveryWatch(log);
  const said = `${command} (${why})`;
  const ours = held === undefined ? {} : { held };
  // What was found wanting goes, also where the job is cancelled meanwhile.
  const never = new AbortController().signal;
  if (before === undefined) {
    await takeDown({ ...open.acting(said, watch.onEvent, never), ...ours, volumes: false, condemn: true });
    return { to: undefined, words: 'there is no release before it: it was taken down, its data stay' };
  }
  const { digest: sha } = before.manifest;
  const back = await rollback({ ...movingBy(open, said, watch, never), ...ours, sha, condemn: true });
  if (!isDelivered(back)) throw describeFailure(back);
  return { to: before.manifest, words: `${before.manifest.commit.slice(0, 12)} runs again` };
}

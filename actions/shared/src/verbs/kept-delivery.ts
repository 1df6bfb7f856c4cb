import { messageOf } from '@papergate/config';
import type { DeliverEvent, DeliverOutcome } from '../deliver/index.ts';
import type { EvidenceStore } from '../evidence/store.ts';
import { deployEvidence } from '../ship/placed/evidence.ts';
import { keepEvidence, type RunFacts, type StageRun } from './record.ts';
import { brokenOff } from './stage.ts';

/** When the stages of a delivery ran: the engine carries out deploy and smoke in one call. */
export class DeliveryTimes {
  readonly #startedAt = new Date();
  #smokeAt: Date | undefined;
  #smokedAt: Date | undefined;

  readonly onEvent = (event: DeliverEvent): void => {
    if (event.type !== 'step' || event.step !== 'smoke') return;
    if (event.state === 'begin') this.#smokeAt = new Date();
    else this.#smokedAt = new Date();
  };

  /** What it has left: evidence of the stages deploy and, where it came to it, smoke. */
  stages(outcome: DeliverOutcome): StageRun[] {
    const now = new Date();
    const smokeAt = this.#smokeAt ?? now;
    const runs: StageRun[] = [
      { stage: 'deploy', result: deployEvidence(outcome), startedAt: this.#startedAt, finishedAt: smokeAt },
    ];
    if (outcome.smoke !== undefined) {
      runs.push({ stage: 'smoke', result: outcome.smoke, startedAt: smokeAt, finishedAt: this.#smokedAt ?? now });
    }
    return runs;
  }

  /** What it leaves where the engine throws: nobody knows what of the release runs, so neither of its stages has passed. */
  broken(error: unknown): StageRun[] {
    const finishedAt = new Date();
    const result = brokenOff(error);
    const deploy: StageRun = { stage: 'deploy', result, startedAt: this.#startedAt, finishedAt };
    return this.#smokeAt === undefined ? [deploy] : [deploy, { ...deploy, stage: 'smoke', startedAt: this.#smokeAt }];
  }
}

export interface KeptDelivery {
  store: EvidenceStore;
  facts: RunFacts;
  /** Fed with the events of the call. */
  times: DeliveryTimes;
  /** Stages that were carried out before. */
  before?: readonly StageRun[];
  /** Told where evidence of a failure could not be kept; the failure itself is thrown all the same. */
  warn(message: string): void;
}

/**
 * A call of the engine that leaves evidence however it ends. Where it throws, that it failed stands in the place of what an
 * earlier delivery of the release may have left, which would otherwise still speak for it. The error goes on.
 */
export async function keptDelivery(
  { store, facts, times, before = [], warn }: KeptDelivery,
  act: () => Promise<DeliverOutcome>,
): Promise<DeliverOutcome> {
  let outcome: DeliverOutcome;
  try {
    outcome = await act();
  } catch (error) {
    try {
      await keepEvidence(store, [...before, ...times.broken(error)], facts);
    } catch (why) {
      warn(`evidence of it could not be kept in ${store.dir}: ${messageOf(why)}`);
    }
    throw error;
  }
  await keepEvidence(store, [...before, ...times.stages(outcome)], facts);
  return outcome;
}

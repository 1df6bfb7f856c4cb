import type { DeliverEvent } from '../../deliver/events.ts';
import type { DeliverOutcome } from '../../deliver/options.ts';
import type { Check, StageResult } from '../../evidence/index.ts';

/**
 * One call of the delivery engine, seen as two stages: what comes before its smoke test, and that. The engine does
 * both in one, since a smoke test that fails has to be undone under the same lease.
 */
export class Delivery {
  readonly #run: (onEvent: (event: DeliverEvent) => void) => Promise<DeliverOutcome>;
  readonly #steps: Check[] = [];
  #tellSmoke: () => void = () => {};
  readonly #smokeBegan = new Promise<true>((resolve) => (this.#tellSmoke = () => resolve(true)));
  #outcome: Promise<DeliverOutcome> | undefined;

  constructor(run: (onEvent: (event: DeliverEvent) => void) => Promise<DeliverOutcome>) {
    this.#run = run;
  }

  start(onEvent: (event: DeliverEvent) => void): Promise<DeliverOutcome> {
    this.#outcome = this.#run((event) => {
      if (event.type === 'step' && event.state === 'done') {
        this.#steps.push({ name: event.step, status: 'passed', observed: Math.round(event.ms), unit: 'ms' });
      }
      onEvent(event);
      if (event.type === 'step' && event.step === 'smoke' && event.state === 'begin') this.#tellSmoke();
    });
    // It is looked at by both stages; that nobody does so yet must not count as unhandled.
    this.#outcome.catch(() => {});
    return this.#outcome;
  }

  /** Everything before the smoke test. @throws what `refuse` makes of an outcome that did not come to it */
  async deployed(refuse: (outcome: DeliverOutcome) => Error): Promise<StageResult> {
    const first = await Promise.race([this.#smokeBegan, this.#settled()]);
    if (first === true) return { status: 'passed', checks: [...this.#steps] };
    if (first.status === 'delivered' || first.status === 'unchanged') return { status: 'passed', checks: first.checks };
    throw refuse(first);
  }

  /** The smoke test's own result. @throws what `refuse` makes of an outcome that failed otherwise */
  async smoked(refuse: (outcome: DeliverOutcome) => Error): Promise<StageResult> {
    const outcome = await this.#settled();
    const passed = outcome.status === 'delivered' || outcome.status === 'unchanged';
    if (outcome.smoke !== undefined && (passed || outcome.smoke.status !== 'passed')) {
      if (!passed) refuse(outcome);
      return outcome.smoke;
    }
    throw refuse(outcome);
  }

  #settled(): Promise<DeliverOutcome> {
    if (this.#outcome === undefined) throw new Error('it was not started');
    return this.#outcome;
  }
}

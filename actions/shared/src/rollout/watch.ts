import { messageOf, PapergateError } from '@papergate/config';
import type { Check, StageResult } from '../evidence/index.ts';
import type { RolloutClock } from './clock.ts';
import type { RolloutPlan, RolloutStage } from './config.ts';
import { judge } from './judge.ts';
import type { Facts, Sight } from './sight.ts';

export interface WatchOptions {
  stage: RolloutStage;
  plan: Pick<RolloutPlan, 'sampleEveryMs' | 'graceMs' | 'limits'>;
  /** What the step before saw last: what happened in between counts too. */
  since: Facts | undefined;
  look(signal: AbortSignal): Promise<Sight>;
  /** Called between looks; what it throws as no defect of ours is a missing answer. */
  renew(): Promise<void>;
  clock: RolloutClock;
  signal: AbortSignal;
  onSample?: ((seen: { left: number; samples: number; lacking: readonly string[] }) => void) | undefined;
}

/** What a watch came to. `failure`: undefined where the step holds. */
export interface Watched {
  result: StageResult;
  last: Facts | undefined;
  failure?: { code: string; message: string };
}

/**
 * Looks at a step until its time is over, or until it fails: at once where something is wrong, after the grace where
 * something does not answer. Throws only the reason of the signal.
 */
export async function watch(options: WatchOptions): Promise<Watched> {
  return new Watch(options).run();
}

class Watch {
  readonly #options: WatchOptions;
  readonly #startedAt: number;
  #since: Facts | undefined;
  #last: Facts | undefined;
  #samples = 0;
  #lacking: readonly string[] = [];
  /** When everything was to be had last. */
  #wholeAt: number;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#since = options.since;
    this.#startedAt = options.clock.now();
    this.#wholeAt = this.#startedAt;
  }

  async run(): Promise<Watched> {
    const { stage, plan, clock, signal, onSample } = this.#options;
    const end = this.#startedAt + stage.watchMs;
    for (;;) {
      const begun = clock.now();
      const failure = await this.#sample();
      signal.throwIfAborted();
      const now = clock.now();
      onSample?.({ left: Math.max(0, end - now), samples: this.#samples, lacking: this.#lacking });
      if (failure !== undefined) return this.#ended(failure);
      // What is missing at the end is waited for as long as anywhere else.
      if (now >= end && this.#lacking.length === 0) return this.#ended(this.#tooFew());
      const due = begun + plan.sampleEveryMs;
      await clock.sleep(Math.max(0, (now < end ? Math.min(due, end) : due) - now), signal);
    }
  }

  async #sample(): Promise<Watched['failure']> {
    const { plan, clock } = this.#options;
    const sight = await this.#look();
    if (sight.foreign !== undefined) return { code: 'OTHER_RELEASE', message: sight.foreign };
    const { facts } = sight;
    const renewed = await this.#renewed();
    if (renewed instanceof PapergateError) return { code: renewed.code, message: renewed.message };
    this.#lacking = [...sight.lacking, ...renewed];
    if (facts !== undefined) {
      this.#since ??= facts;
      this.#last = facts;
      const wrong = this.#judged(facts).filter(({ status }) => status === 'failed');
      if (wrong.length > 0) return { code: codeOf(wrong), message: wrong.map(wordsOf).join('; ') };
    }
    if (this.#lacking.length === 0) {
      this.#samples += 1;
      this.#wholeAt = clock.now();
      return undefined;
    }
    const missing = clock.now() - this.#wholeAt;
    if (missing <= plan.graceMs) return undefined;
    return {
      code: 'ROLLOUT_UNSEEN',
      message: `for ${Math.round(missing / 1000)} s not all of it could be seen or was ready: ${this.#lacking.join('; ')}`,
    };
  }

  /** A look that takes longer than the grace is none. */
  async #look(): Promise<Sight> {
    const { look, plan, signal } = this.#options;
    const late = AbortSignal.timeout(plan.graceMs);
    try {
      return await look(AbortSignal.any([signal, late]));
    } catch (error) {
      signal.throwIfAborted();
      return { lacking: [late.aborted ? 'a look did not come to its end' : messageOf(error)] };
    }
  }

  /** What is missing for want of it; a refusal is an error. */
  async #renewed(): Promise<string[] | PapergateError> {
    const { renew, signal } = this.#options;
    try {
      await renew();
      return [];
    } catch (error) {
      signal.throwIfAborted();
      if (isRefusal(error)) return error;
      return [`the order scope could not be renewed: ${messageOf(error)}`];
    }
  }

  #judged(facts: Facts): Check[] {
    const { stage, plan } = this.#options;
    return judge(this.#since ?? facts, facts, stage, plan.limits);
  }

  #tooFew(): Watched['failure'] {
    const { leastSamples } = this.#options.stage;
    if (this.#samples >= leastSamples) return undefined;
    return {
      code: 'ROLLOUT_FEW_SAMPLES',
      message: `only ${this.#samples} whole looks in the time of the watch, and ${leastSamples} are wanted`,
    };
  }

  #ended(failure: Watched['failure']): Watched {
    const { stage, clock } = this.#options;
    const { leastSamples, watchMs, name, symbols } = stage;
    const watched = clock.now() - this.#startedAt;
    const checks: Check[] = [
      ...(this.#last === undefined ? [] : this.#judged(this.#last)),
      {
        name: 'services ready, of this release',
        status: this.#lacking.length === 0 && failure?.code !== 'OTHER_RELEASE' ? 'passed' : 'failed',
        observed: failure?.code === 'OTHER_RELEASE' ? 'another release' : this.#lacking.join('; ') || 'all',
        limit: 'all',
      },
      {
        name: 'whole looks',
        status: this.#samples >= leastSamples ? 'passed' : 'failed',
        observed: this.#samples,
        limit: `>= ${leastSamples}`,
      },
    ];
    const data = { step: name, symbols, watched_ms: Math.round(watched), watch_ms: watchMs, samples: this.#samples };
    if (failure === undefined) return { result: { status: 'passed', checks, data }, last: this.#last };
    const told: Check = {
      name: 'step',
      status: 'failed',
      observed: failure.code,
      limit: 'holds',
      detail: failure.message,
    };
    return { result: { status: 'failed', checks: [told, ...checks], data }, last: this.#last, failure };
  }
}

const REFUSALS: ReadonlySet<string> = new Set(['OTHER_RELEASE', 'SCOPE_REFUSED', 'ROLLOUT_TAKEN']);

/** An answer that will not become another one by asking again. */
export const isRefusal = (error: unknown): error is PapergateError =>
  error instanceof PapergateError && REFUSALS.has(error.code);

/** Somebody else has a hand in it: that is another matter than a release that does not hold. */
const codeOf = (wrong: readonly Check[]): string =>
  wrong.some(({ name }) => name === 'order scope') ? 'ROLLOUT_TAKEN' : 'ROLLOUT_WATCH';

const wordsOf = ({ name, observed, limit, unit, detail }: Check): string =>
  `${name}: ${String(observed)}, allowed: ${limit ?? ''}${unit === undefined ? '' : ` ${unit}`}${detail === undefined ? '' : ` (${detail})`}`;

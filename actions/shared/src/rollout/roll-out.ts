import { EXIT, messageOf, PapergateError } from '@papergate/config';
import type { Check, StageResult } from '../evidence/index.ts';
import type { RolloutClock } from './clock.ts';
import type { RolloutPlan, RolloutStage } from './config.ts';
import { sameSymbols, symbolWords, type OrderScope, type ScopeApi, type WantedScope } from './scope.ts';
import type { Facts, Sight } from './sight.ts';
import { isRefusal, watch, type Watched } from './watch.ts';

/** What happens in a roll-out, told as it happens. */
export type RolloutEvent =
  | { type: 'step'; stage: RolloutStage; number: number; of: number }
  | { type: 'sample'; stage: RolloutStage; left: number; samples: number; lacking: readonly string[] }
  | { type: 'step-end'; stage: RolloutStage; result: StageResult }
  | { type: 'closed'; words: string };

export interface RollOutOptions {
  /** The commit that is rolled out. */
  release: string;
  plan: RolloutPlan;
  scope: ScopeApi;
  look(signal: AbortSignal): Promise<Sight>;
  /** What the release was accepted by, once more at the end of each step. It only looks. */
  recheck?(signal: AbortSignal): Promise<StageResult>;
  /** Who sets the scope, for whoever reads it: `roll-out, run 4711`. */
  by: string;
  clock: RolloutClock;
  signal: AbortSignal;
  /** Where the very last step was reached before and nothing was touched since, that is all. */
  resume: boolean;
  onEvent?: (event: RolloutEvent) => Promise<void> | void;
}

/** A step that was begun. */
export interface RolloutStep {
  stage: RolloutStage;
  result: StageResult;
  startedAt: Date;
  finishedAt: Date;
}

export interface RollOutOutcome {
  status: 'complete' | 'failed' | 'cancelled';
  steps: RolloutStep[];
  /** The last step that held; undefined where none did. */
  reached: string | undefined;
  /** It was rolled out before. */
  already: boolean;
  failure?: { step: string; code: string; message: string };
  /** Where it failed: whether no more orders go out, in words. */
  closed?: { isClosed: boolean; words: string };
}

/** Tries to close the scope, and the pause between them: each of them may take as long as risk-manager is waited for. */
const CLOSINGS = 4;
const CLOSING_PAUSE_MS = 1_000;

/**
 * Lets a release at the market step by step, and watches each. On any failure, and where it is told to stop, the scope
 * is closed at once; bringing the release before back is for the caller. Does not throw for what the release does.
 */
export function rollOut(options: RollOutOptions): Promise<RollOutOutcome> {
  return new RollOut(options).run();
}

class RollOut {
  readonly #options: RollOutOptions;
  readonly #steps: RolloutStep[] = [];
  #renewedAt = 0;
  #reached: string | undefined;
  #last: Facts | undefined;

  constructor(options: RollOutOptions) {
    this.#options = options;
  }

  async run(): Promise<RollOutOutcome> {
    const { plan, resume } = this.#options;
    const { stages } = plan;
    let at = stages[0];
    try {
      if (resume && (await this.#isComplete())) {
        return { status: 'complete', steps: [], reached: stages.at(-1)?.name, already: true };
      }
      for (const [index, stage] of stages.entries()) {
        at = stage;
        const failure = await this.#step(stage, index + 1);
        if (failure !== undefined) return await this.#failed('failed', { step: stage.name, ...failure });
        this.#reached = stage.name;
      }
      const last = stages.at(-1);
      // It was watched to its end: from now on it holds without us.
      if (last !== undefined) await this.#setPatiently(last, undefined);
      return { status: 'complete', steps: this.#steps, reached: this.#reached, already: false };
    } catch (error) {
      const { signal } = this.#options;
      const code = error instanceof PapergateError ? error.code : 'ROLLOUT_FAILED';
      const failure = { step: at?.name ?? '', code, message: messageOf(error) };
      if (!signal.aborted) return await this.#failed('failed', failure);
      return await this.#failed('cancelled', { ...failure, ...stopped(signal) });
    }
  }

  async #isComplete(): Promise<boolean> {
    const { plan, scope, release, signal } = this.#options;
    const now = await scope.read(signal);
    const last = plan.stages.at(-1);
    return now.release === release && now.stage === last?.name && now.effective === 'all' && now.expires_at === null;
  }

  async #step(stage: RolloutStage, number: number): Promise<Watched['failure']> {
    const { plan, clock, look, signal, onEvent } = this.#options;
    const startedAt = new Date();
    await onEvent?.({ type: 'step', stage, number, of: plan.stages.length });
    let held: Pick<Watched, 'result' | 'failure'>;
    try {
      await this.#setPatiently(stage, plan.leaseSeconds);
      const watched = await watch({
        stage,
        plan,
        since: this.#last,
        look,
        renew: () => this.#renew(stage),
        clock,
        signal,
        onSample: (seen) => void onEvent?.({ type: 'sample', stage, ...seen }),
      });
      this.#last = watched.last;
      held = await this.#rechecked(watched);
    } catch (error) {
      this.#steps.push({ stage, startedAt, finishedAt: new Date(), result: brokenOff(stage, error, signal) });
      throw error;
    }
    const { result, failure } = held;
    this.#steps.push({ stage, result, startedAt, finishedAt: new Date() });
    // Before anybody is told: telling takes time, too.
    if (failure === undefined) await onEvent?.({ type: 'step-end', stage, result });
    return failure;
  }

  /** A step that held under the watch has to pass the smoke test, too. */
  async #rechecked(watched: Watched): Promise<Pick<Watched, 'result' | 'failure'>> {
    const { recheck, signal, plan } = this.#options;
    if (recheck === undefined || watched.failure !== undefined) return watched;
    // For as long as it takes nobody renews: what takes longer than that is no test of what runs.
    const late = AbortSignal.timeout(plan.leaseSeconds * 1000);
    const smoke = await recheck(AbortSignal.any([signal, late])).catch((error: unknown): StageResult => {
      signal.throwIfAborted();
      const detail = late.aborted ? 'it did not come to its end' : messageOf(error);
      return { status: 'failed', checks: [{ name: 'smoke test', status: 'failed', detail }] };
    });
    signal.throwIfAborted();
    const { result } = watched;
    const failed = smoke.checks.filter(({ status }) => status === 'failed');
    if (smoke.status === 'passed' && failed.length === 0) {
      const again: Check = { name: 'smoke test', status: 'passed', observed: smoke.checks.length, unit: 'checks' };
      return { result: { ...result, checks: [...result.checks, again] } };
    }
    const words = failed.map(({ name, observed, detail }) => `${name}: ${observed ?? detail ?? 'failed'}`).join('; ');
    const failure = { code: 'SMOKE_FAILED', message: words === '' ? 'its smoke test failed' : words };
    return { result: { ...result, status: 'failed', checks: [...failed, ...result.checks] }, failure };
  }

  async #renew(stage: RolloutStage): Promise<void> {
    const { plan, clock } = this.#options;
    if (clock.now() - this.#renewedAt < (plan.leaseSeconds * 1000) / 3) return;
    await this.#set(stage, plan.leaseSeconds);
  }

  /** As {@link RollOut.#set}; a risk-manager that is away for a moment is waited for as long as in a watch. */
  async #setPatiently(stage: RolloutStage, ttl: number | undefined): Promise<void> {
    const { plan, clock, signal } = this.#options;
    const end = clock.now() + plan.graceMs;
    for (;;) {
      try {
        return await this.#set(stage, ttl);
      } catch (error) {
        signal.throwIfAborted();
        if (isRefusal(error) || clock.now() >= end) throw error;
        await clock.sleep(plan.sampleEveryMs, signal);
      }
    }
  }

  /** Sets the scope of a step and reads it back: what was answered need not be what holds. */
  async #set({ name, symbols }: RolloutStage, ttl: number | undefined): Promise<void> {
    const { release, scope, by, clock, signal } = this.#options;
    const at = clock.now();
    const base = { release, stage: name, symbols, reason: `roll-out, step ${name}`, set_by: by };
    const wanted: WantedScope = { ...base, ...(ttl === undefined ? {} : { ttl_seconds: ttl }) };
    await scope.set(wanted, signal);
    const found = await scope.read(signal);
    demandSame(found, wanted);
    this.#renewedAt = at;
  }

  async #failed(
    status: 'failed' | 'cancelled',
    failure: NonNullable<RollOutOutcome['failure']>,
  ): Promise<RollOutOutcome> {
    const closed = await this.#close(failure);
    const { onEvent } = this.#options;
    // Nobody who is told may keep what is left to be undone from being undone.
    const tell = async (event: RolloutEvent): Promise<void> => {
      try {
        await onEvent?.(event);
      } catch {
        // The failure itself is the news.
      }
    };
    await tell({ type: 'closed', words: closed.words });
    const last = this.#steps.at(-1);
    if (last !== undefined) await tell({ type: 'step-end', stage: last.stage, result: last.result });
    return { status, steps: this.#steps, reached: this.#reached, already: false, failure, closed };
  }

  /** No more orders of this release, whatever else can be done; also where we were told to stop. */
  async #close({ code, message }: { code: string; message: string }): Promise<NonNullable<RollOutOutcome['closed']>> {
    const { release, scope, by, clock, plan } = this.#options;
    if (code === 'OTHER_RELEASE') {
      return { isClosed: false, words: 'another release runs, whose orders are not for this roll-out to stop' };
    }
    const reason = `roll-out failed: ${code}: ${message}`.slice(0, 300);
    let why = '';
    for (let tried = 1; tried <= CLOSINGS; tried++) {
      try {
        await scope.set({ release, stage: 'undone', symbols: [], reason, set_by: by });
        const { effective } = await scope.read();
        if (sameSymbols(effective, [])) return { isClosed: true, words: 'no order of it goes out any more' };
        why = `it still lets ${symbolWords(effective)} through`;
      } catch (error) {
        why = messageOf(error);
        if (error instanceof PapergateError && error.code === 'OTHER_RELEASE') break;
      }
      if (tried < CLOSINGS) await clock.sleep(CLOSING_PAUSE_MS);
    }
    return {
      isClosed: false,
      words: `the order scope could not be closed (${why}); it ends by itself ${plan.leaseSeconds} s after it was last renewed`,
    };
  }
}

/** A scope that ends by itself where it should stay would stop orders later, and the other way round leave them unwatched. */
function demandSame(found: OrderScope, wanted: WantedScope): void {
  const { release, stage, symbols, set_by: by, ttl_seconds: ttl } = wanted;
  const isSame =
    found.release === release &&
    found.stage === stage &&
    found.set_by === by &&
    sameSymbols(found.symbols, symbols) &&
    sameSymbols(found.effective, symbols) &&
    (found.expires_at === null) === (ttl === undefined);
  if (isSame) return;
  const expires = found.expires_at === null ? 'without an end' : `until ${found.expires_at}`;
  throw new PapergateError({
    code: found.release === release ? 'ROLLOUT_TAKEN' : 'OTHER_RELEASE',
    exitCode: EXIT.blocked,
    message: `the order scope was set to ${stage} (${symbolWords(symbols)}), and it reads ${found.stage} (${symbolWords(found.effective)}, ${expires}) of ${found.release.slice(0, 12)}, set by ${found.set_by}`,
    fix: 'see who else sets it: only one roll-out may',
  });
}

function brokenOff({ name, symbols }: RolloutStage, error: unknown, signal: AbortSignal): StageResult {
  const { code, message: detail } = signal.aborted
    ? stopped(signal)
    : { code: error instanceof PapergateError ? error.code : 'ROLLOUT_FAILED', message: messageOf(error) };
  return {
    status: 'failed',
    checks: [{ name: 'step', status: 'failed', observed: code, limit: 'holds', detail }],
    data: { step: name, symbols, samples: 0 },
  };
}

/** Why it was told to stop: by whoever cancels the job, or since it may not go on (`LEASE_LOST`). */
function stopped({ reason }: AbortSignal): { code: string; message: string } {
  if (reason instanceof PapergateError) return { code: reason.code, message: reason.message };
  return { code: 'ACTION_CANCELLED', message: 'it was told to stop' };
}

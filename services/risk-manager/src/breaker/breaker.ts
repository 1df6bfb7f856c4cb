import type { Logger } from 'pino';
import { messageOf } from '@papergate/config';
import { HttpError, type TradingState } from '@papergate/service-kit';
import type { Recorder } from '../events/recorder.ts';
import type { StateStore, StoredState } from './store.ts';

export interface BreakerOptions {
  store: StateStore;
  recorder: Pick<Recorder, 'record'>;
  logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  cooldownSeconds: number;
  /** Whether what a limit tripped may resume by itself. */
  autoResume: boolean;
  /** The state in force; undefined while it is not known. */
  onState: (state: StoredState | undefined) => void;
  onTrip: (code: string) => void;
  now: () => number;
  retryMs?: number;
}

/** What `GET /api/v1/circuit-breaker/status` answers. */
export interface BreakerStatus {
  state: TradingState;
  known: boolean;
  tripped: boolean;
  /** A limit tripped it, and not a person. */
  automatic: boolean;
  code: string | null;
  reason: string;
  since: string | null;
  /** Before this moment an automatic trip is not reset. */
  cooldown_until: string | null;
  /** Once the cooldown is over and the cause is gone it is reset by itself. */
  resumes: boolean;
}

const SEVERITY: Readonly<Record<TradingState, number>> = { ACTIVE: 0, REDUCING: 1, HALTED: 2 };

/**
 * The trading state. Tightening takes effect in memory at once and is written until it stands; loosening takes
 * effect only after it was written. While the stored state cannot be read, trading counts as halted.
 */
export class Breaker {
  readonly #options: BreakerOptions;
  #state: StoredState | undefined;
  #unsaved: StoredState | undefined;
  #saving: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;
  #resuming = false;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get state(): StoredState | undefined {
    return this.#state;
  }

  async load(): Promise<void> {
    const stored = await this.#options.store.load();
    // A trip that came while the database was away is not taken back by what it last knew.
    if (this.#state === undefined) this.#set(stored);
  }

  status(): BreakerStatus {
    const state = this.#state;
    if (state === undefined) {
      return {
        state: 'HALTED',
        known: false,
        tripped: true,
        automatic: false,
        code: null,
        reason: 'the stored trading state is not known yet',
        since: null,
        cooldown_until: null,
        resumes: false,
      };
    }
    const cooldown = this.#cooldownUntil(state);
    return {
      state: state.state,
      known: true,
      tripped: state.state !== 'ACTIVE',
      automatic: state.code !== null,
      code: state.code,
      reason: state.reason,
      since: new Date(state.since).toISOString(),
      cooldown_until: cooldown === undefined ? null : new Date(cooldown).toISOString(),
      resumes: this.#mayResume(state),
    };
  }

  /** By a person, at once. Never loosens: REDUCING on top of HALTED leaves HALTED. */
  async trip(reason: string, state: 'REDUCING' | 'HALTED'): Promise<BreakerStatus> {
    this.#tighten({ state, reason, code: null, held: true, since: this.#options.now() });
    await this.#save();
    if (this.#unsaved !== undefined) {
      throw new HttpError(
        503,
        'STATE_NOT_STORED',
        `trading is ${this.status().state}, but the database did not confirm it`,
        {
          fix: 'it is stored as soon as the database answers; until then a restart of risk-manager counts as halted only if it cannot read the old state',
        },
      );
    }
    return this.status();
  }

  /** By a limit. Does nothing where the state is as tight already. True where it tripped. */
  tripAutomatically(code: string, message: string, state: 'REDUCING' | 'HALTED'): boolean {
    if (this.#state === undefined || SEVERITY[this.#state.state] >= SEVERITY[state]) return false;
    this.#tighten({ state, reason: message, code, held: false, since: this.#options.now() });
    void this.#save();
    return true;
  }

  /** By a person. What a limit tripped stays tripped until its cooldown has passed. */
  async reset(reason: string): Promise<BreakerStatus> {
    const { now } = this.#options;
    const before = this.#state;
    if (before === undefined)
      throw new HttpError(503, 'STATE_UNKNOWN', 'the stored trading state is not known yet', {
        headers: { 'retry-after': '1' },
      });
    const until = this.#cooldownUntil(before);
    if (until !== undefined && now() < until) {
      const seconds = Math.ceil((until - now()) / 1000);
      throw new HttpError(
        409,
        'BREAKER_COOLING_DOWN',
        `${before.code ?? 'a limit'} tripped the breaker; it can be reset in ${seconds} s`,
        {
          fix: 'look for the cause meanwhile; the cooldown is circuit_breaker.cooldown_seconds of the risk limits',
          headers: { 'retry-after': String(seconds) },
        },
      );
    }
    await this.#loosen(before, reason, 'RESET');
    return this.status();
  }

  /**
   * By the clock, where the configuration allows it: what a limit tripped, once the cooldown is over. The caller knows
   * that its cause is gone. True where it was reset; never rejects, since the next look tries again.
   */
  async resume(): Promise<boolean> {
    const before = this.#state;
    if (before === undefined || this.#resuming || !this.#mayResume(before)) return false;
    const until = this.#cooldownUntil(before);
    if (until === undefined || this.#options.now() < until) return false;
    this.#resuming = true;
    try {
      await this.#loosen(before, `resumed: ${before.code} is over, and so is the cooldown`, 'AUTO_RESUME');
      return true;
    } catch (error) {
      this.#options.logger.warn({ reason: messageOf(error) }, 'the circuit breaker was not reset by itself');
      return false;
    } finally {
      this.#resuming = false;
    }
  }

  #mayResume({ state, code, held }: StoredState): boolean {
    return this.#options.autoResume && state !== 'ACTIVE' && code !== null && !held;
  }

  /** Stored first, in force then, and not where it was tripped (again) meanwhile: that trip stands and is stored anew. */
  async #loosen(before: StoredState, reason: string, code: string): Promise<void> {
    const { logger, now, recorder, store } = this.#options;
    const next: StoredState = { state: 'ACTIVE', reason, code: null, held: false, since: now() };
    await this.#saving;
    let failure: unknown;
    try {
      if (this.#state === before) await store.save(next);
    } catch (cause) {
      failure = cause;
    }
    const found = this.#state;
    if (found !== before && found !== undefined) {
      this.#unsaved = { ...found };
      await this.#save();
      throw new HttpError(409, 'BREAKER_TRIPPED_AGAIN', `it was tripped while it was being reset: ${found.reason}`, {
        fix: 'look at the new reason; reset it again once that is understood',
      });
    }
    if (failure !== undefined) {
      throw new HttpError(
        503,
        'STATE_NOT_STORED',
        `trading stays ${before.state}: the database did not confirm the reset (${messageOf(failure)})`,
        { cause: failure },
      );
    }
    this.#unsaved = undefined;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#set(next);
    logger.info({ reason, before: before.state }, 'circuit breaker reset');
    recorder.record({
      kind: 'reset',
      code,
      message: reason,
      detail: { before: before.state, tripped_for: before.reason },
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await this.#saving;
    if (this.#unsaved !== undefined) await this.#write();
  }

  #cooldownUntil(state: StoredState): number | undefined {
    return state.code === null ? undefined : state.since + this.#options.cooldownSeconds * 1000;
  }

  #tighten(next: StoredState): void {
    const { logger, onTrip, recorder } = this.#options;
    const before = this.#state;
    const looser = before !== undefined && SEVERITY[before.state] > SEVERITY[next.state];
    // A person who trips what a limit tripped before does not end its cooldown.
    const kept =
      before !== undefined && before.code !== null && next.code === null
        ? { code: before.code, since: before.since }
        : {};
    const held = next.held || (before !== undefined && before.state !== 'ACTIVE' && before.held);
    this.#set({ ...next, ...kept, held, state: looser ? before.state : next.state });
    this.#unsaved = this.#state;
    logger.warn({ state: this.#state?.state, code: next.code, reason: next.reason }, 'circuit breaker tripped');
    recorder.record({
      kind: 'trip',
      code: next.code ?? 'MANUAL',
      message: next.reason,
      detail: { state: this.#state?.state, before: before?.state ?? null },
    });
    onTrip(next.code ?? 'MANUAL');
  }

  #set(state: StoredState | undefined): void {
    this.#state = state;
    this.#options.onState(state);
  }

  #save(): Promise<void> {
    this.#saving ??= this.#write().finally(() => {
      this.#saving = undefined;
    });
    return this.#saving;
  }

  async #write(): Promise<void> {
    const { logger, retryMs = 1_000, store } = this.#options;
    for (let state = this.#unsaved; state !== undefined; state = this.#unsaved) {
      try {
        await store.save(state);
        if (this.#unsaved === state) this.#unsaved = undefined;
      } catch (error) {
        logger.error({ reason: messageOf(error) }, 'the trading state cannot be stored, trying again');
        if (!this.#closed) {
          this.#retry ??= setTimeout(() => {
            this.#retry = undefined;
            void this.#save();
          }, retryMs);
        }
        return;
      }
    }
  }
}

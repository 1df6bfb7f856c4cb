import type { Logger } from 'pino';
import { messageOf } from '@papergate/config';
import type { ServiceClient } from '@papergate/service-kit';
import type { StoredState } from './store.ts';

/**
 * What execution-engine made of a change of the trading state. `settled`: it has taken it over and no order is on its
 * way to the broker that was let go before. `under_way`: it has, but one is. `absent`: it does not answer; an engine
 * that cannot learn the state sends nothing by itself (`riskStateIntervalMs` of its settings).
 */
export type Announced = 'settled' | 'under_way' | 'absent';

export interface AnnouncerOptions {
  engine: Pick<ServiceClient, 'send'>;
  state: () => StoredState | undefined;
  logger: Pick<Logger, 'info' | 'warn'>;
  /** ms that an engine has for the orders that are on their way. */
  patienceMs: number;
}

/** Tells execution-engine of every change of the trading state, one after the other, so that it never waits to ask for it. */
export class Announcer {
  readonly #options: AnnouncerOptions;
  #last: Promise<Announced> = Promise.resolve('settled');

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  /** The state changed. What is sent is the state that is in force when its turn comes. */
  changed(): void {
    this.#last = this.#last.then(() => this.#tell());
  }

  /** What the engine made of the last change. Never rejects. */
  get last(): Promise<Announced> {
    return this.#last;
  }

  async #tell(): Promise<Announced> {
    const { engine, logger, patienceMs, state } = this.#options;
    const now = state();
    if (now === undefined) return 'absent';
    const { state: name, reason } = now;
    try {
      const body = { state: name, reason: reason.slice(0, 1_000) };
      const { status } = await engine.send('PUT', '/trading-state', body, { timeoutMs: patienceMs });
      if (status === 200) return 'settled';
      logger.warn({ state: name, status }, 'execution-engine has not confirmed the trading state');
      return status === 504 ? 'under_way' : 'absent';
    } catch (error) {
      // It starts after this service: that it is not there yet to hear of ACTIVE is nothing to look at.
      const log = { state: name, reason: messageOf(error) };
      if (name === 'ACTIVE') logger.info(log, 'execution-engine was not told of the trading state');
      else logger.warn(log, 'execution-engine was not told of the trading state');
      return timedOut(error) ? 'under_way' : 'absent';
    }
  }
}

/** `AbortSignal.timeout`'s own error, somewhere among the causes. */
function timedOut(error: unknown): boolean {
  let cause = error as { name?: unknown; cause?: unknown } | undefined | null;
  for (; typeof cause === 'object' && cause !== null; cause = cause.cause as typeof cause) {
    if (cause.name === 'TimeoutError') return true;
  }
  return false;
}

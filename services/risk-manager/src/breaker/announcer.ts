import type { Logger } from 'pino';
import { messageOf } from '@papergate/config';
import type { ServiceClient } from '@papergate/service-kit';

/**
 * What execution-engine made of a change of the trading state or of the order scope. `settled`: it has taken it over and
 * no order is on its way to the broker that was let go before. `under_way`: it has, but one is. `absent`: it does not
 * answer, or knows no such thing (an older release); an engine that cannot learn the state sends nothing by itself
 * (`riskStateIntervalMs` of its settings).
 */
export type Announced = 'settled' | 'under_way' | 'absent';

/** What execution-engine is told. */
export interface Notice {
  /** Where `PUT` brings it. */
  path: string;
  body: Record<string, unknown>;
  /** It gives leave and takes none away: nobody has to look where the engine was not told. */
  eases: boolean;
}

export interface AnnouncerOptions {
  engine: Pick<ServiceClient, 'send'>;
  /** What holds now; undefined while nobody knows. */
  notice: () => Notice | undefined;
  logger: Pick<Logger, 'info' | 'warn'>;
  /** ms that an engine has for the orders that are on their way. */
  patienceMs: number;
}

/** Tells execution-engine of every change, one after the other, so that it never waits to ask for it. */
export class Announcer {
  readonly #options: AnnouncerOptions;
  #last: Promise<Announced> = Promise.resolve('settled');

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  /** It changed. What is sent is what is in force when its turn comes. */
  changed(): void {
    this.#last = this.#last.then(() => this.#tell());
  }

  /** What the engine made of the last change. Never rejects. */
  get last(): Promise<Announced> {
    return this.#last;
  }

  async #tell(): Promise<Announced> {
    const { engine, logger, notice, patienceMs } = this.#options;
    const now = notice();
    if (now === undefined) return 'absent';
    const { path, body, eases } = now;
    try {
      const { status } = await engine.send('PUT', path, body, { timeoutMs: patienceMs });
      if (status === 200) return 'settled';
      logger.warn({ path, ...body, status }, 'execution-engine has not confirmed a change');
      return status === 504 ? 'under_way' : 'absent';
    } catch (error) {
      // It starts after this service: that it is not there yet to hear of what it may do is nothing to look at.
      const log = { path, ...body, problem: messageOf(error) };
      if (eases) logger.info(log, 'execution-engine was not told of a change');
      else logger.warn(log, 'execution-engine was not told of a change');
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

import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { messageOf } from '@papergate/config';
import type { Broker } from '../broker/broker.ts';
import type { Update } from '../ledger/book.ts';
import type { Tracked } from '../ledger/tracked.ts';
import { stateOf } from '../life/states.ts';
import type { Failpoint } from '../failpoints.ts';

export interface LookUpOptions {
  broker: Pick<Broker, 'findByClientOrderId'>;
  post: (update: Update) => Promise<void>;
  /** The broker does not have it: send it again, under the same client_order_id. */
  resend: (tracked: Tracked) => void;
  /** A text while orders may not be sent again: such an order ends here. */
  halted: () => string | undefined;
  failpoint: Failpoint;
  logger: Pick<Logger, 'info' | 'warn'>;
  /** How long the broker has to say "not found" before the order is sent again. */
  resendAfterMs: number;
  intervalMs: number;
  onSettled: (how: 'adopted' | 'resent' | 'ended') => void;
  now: () => number;
}

/**
 * Settles orders whose outcome is unknown: the broker is asked for the client_order_id until it shows the
 * order, which is adopted, or has denied it for long enough. A request that is still on its way then cannot
 * make a second order, since the broker takes a client_order_id once.
 */
export class LookUp {
  readonly #options: LookUpOptions;
  readonly #underWay = new Map<Tracked, Promise<void>>();
  readonly #stop = new AbortController();

  constructor(options: LookUpOptions) {
    this.#options = options;
  }

  get pending(): number {
    return this.#underWay.size;
  }

  settle(tracked: Tracked): Promise<void> {
    const running = this.#underWay.get(tracked);
    if (running !== undefined) return running;
    const work = this.#run(tracked)
      .catch((error: unknown) => {
        if (!this.#stop.signal.aborted) {
          this.#options.logger.warn(
            { clientOrderId: tracked.order.clientOrderId, reason: messageOf(error) },
            'a look-up ended early',
          );
        }
      })
      .finally(() => this.#underWay.delete(tracked));
    this.#underWay.set(tracked, work);
    return work;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#underWay.values());
  }

  async #run(tracked: Tracked): Promise<void> {
    const { broker, logger, now, post, resendAfterMs, intervalMs } = this.#options;
    const { order } = tracked;
    const { clientOrderId } = order;
    const startedAt = now();
    for (let attempt = 0; !this.#stop.signal.aborted; attempt += 1) {
      // The stream may have told meanwhile.
      if (order.brokerOrderId !== null) return this.#options.onSettled('adopted');
      let denied = false;
      try {
        const report = await broker.findByClientOrderId(clientOrderId);
        if (report !== undefined) {
          await post({ kind: 'report', report, event: 'adopted', at: now() });
          return this.#options.onSettled('adopted');
        }
        denied = true;
      } catch (error) {
        logger.warn({ clientOrderId, reason: messageOf(error) }, 'an order cannot be looked up, trying again');
      }
      if (denied && now() - startedAt >= resendAfterMs) return this.#end(tracked);
      await delay(Math.min(intervalMs * 2 ** Math.min(attempt, 5), 5_000), undefined, { signal: this.#stop.signal });
    }
  }

  async #end(tracked: Tracked): Promise<void> {
    const { clientOrderId } = tracked.order;
    const halted = this.#options.halted();
    if (halted !== undefined) {
      const reason = `not known at the broker; not sent again: ${halted}`;
      await this.#options.post({
        kind: 'local',
        clientOrderId,
        act: 'end',
        code: 'TRADING_HALTED',
        reason,
        at: this.#options.now(),
      });
      return this.#options.onSettled('ended');
    }
    await this.#options.failpoint('look-up.denied');
    this.#options.logger.info({ clientOrderId }, 'the broker does not have the order, sending it again');
    const reason = 'not known at the broker for all of its horizon';
    await this.#options.post({
      kind: 'local',
      clientOrderId,
      act: 'deny',
      code: null,
      reason,
      at: this.#options.now(),
    });
    // It may have shown up at the last moment.
    if (stateOf(tracked.order) === 'durable') this.#options.resend(tracked);
    this.#options.onSettled('resent');
  }
}

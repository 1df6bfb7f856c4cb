import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { messageOf } from '@papergate/config';
import { HttpError, type ServiceClient } from '@papergate/service-kit';
import type { Broker } from './broker/broker.ts';
import type { Dispatcher } from './dispatch/dispatcher.ts';
import type { LookUp } from './dispatch/look-up.ts';
import type { Ledger } from './ledger/ledger.ts';

export interface EmergencyOptions {
  broker: Pick<Broker, 'cancelAll' | 'openOrders'>;
  dispatcher: Pick<Dispatcher, 'takeAll' | 'sending'>;
  lookUp: Pick<LookUp, 'pending'>;
  ledger: Pick<Ledger, 'post'>;
  risk: Pick<ServiceClient, 'send'>;
  logger: Pick<Logger, 'warn' | 'error'>;
  timeoutMs: number;
  now: () => number;
}

export interface EmergencyReport {
  status: 'stopped';
  reason: string;
  /** The breaker, as risk-manager confirmed it; false where it did not answer, which stops orders as well. */
  halted: boolean;
  /** Orders that had not been sent and ended here. */
  canceled_here: number;
  /** Orders that were open at the broker when it began, and those that are now: none. */
  canceled_at_broker: number;
  open_at_broker: 0;
  confirmed_at: string;
}

const POLL_MS = 200;
/** A cancel may be lost like any message; it is sent again until the broker shows no open order. */
const AGAIN_MS = 2_000;

/** Halt, drop what was not sent, cancel the rest, and wait until the broker itself shows that nothing is open. */
export class EmergencyStop {
  readonly #options: EmergencyOptions;
  #reason: string | undefined;
  #running: Promise<EmergencyReport> | undefined;

  constructor(options: EmergencyOptions) {
    this.#options = options;
  }

  /** Why nothing may be sent; undefined when no stop is under way and the breaker has taken over. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Stops that overlap are one. */
  run(reason: string): Promise<EmergencyReport> {
    this.#running ??= this.#stop(reason).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #stop(reason: string): Promise<EmergencyReport> {
    const { dispatcher, ledger, logger, now, timeoutMs } = this.#options;
    const deadline = now() + timeoutMs;
    this.#reason = `emergency stop: ${reason}`;
    logger.warn({ reason }, 'emergency stop');
    const halting = this.#halt(reason);
    const unsent = dispatcher.takeAll();
    await Promise.all(
      unsent.map(({ order: { clientOrderId } }) =>
        ledger.post({
          kind: 'local',
          clientOrderId,
          act: 'end',
          code: 'TRADING_HALTED',
          reason: `emergency stop: ${reason}`,
          at: now(),
        }),
      ),
    );
    const canceled = await this.#cancelUntilNone(deadline);
    const halted = await halting;
    // Where risk-manager could not be told, this engine stays shut by itself.
    if (halted) this.#reason = undefined;
    return {
      status: 'stopped',
      reason,
      halted,
      canceled_here: unsent.length,
      canceled_at_broker: canceled,
      open_at_broker: 0,
      confirmed_at: new Date(now()).toISOString(),
    };
  }

  async #halt(reason: string): Promise<boolean> {
    try {
      const answer = await this.#options.risk.send(
        'POST',
        '/api/v1/circuit-breaker/trip',
        { reason: `emergency stop: ${reason}`.slice(0, 500), state: 'HALTED' },
        { timeoutMs: 3_000 },
      );
      return answer.status === 200;
    } catch (error) {
      this.#options.logger.error({ reason: messageOf(error) }, 'risk-manager could not be told to halt');
      return false;
    }
  }

  async #cancelUntilNone(deadline: number): Promise<number> {
    const { broker, dispatcher, lookUp, now } = this.#options;
    let asked = -Infinity;
    let problem = 'orders are still open';
    const seen = new Set<string>();
    while (now() < deadline) {
      try {
        const open = await broker.openOrders();
        for (const order of open) seen.add(order.brokerOrderId);
        // What is on its way to the broker, or may be, can still become an open order.
        if (open.length === 0 && dispatcher.sending === 0 && lookUp.pending === 0) return seen.size;
        problem = `${open.length} orders are open at the broker, ${dispatcher.sending + lookUp.pending} are not settled`;
        if (open.length > 0 && now() - asked >= AGAIN_MS) {
          asked = now();
          await broker.cancelAll();
        }
      } catch (error) {
        problem = messageOf(error);
      }
      await delay(POLL_MS);
    }
    throw new HttpError(
      504,
      'EMERGENCY_STOP_UNCONFIRMED',
      `the broker did not confirm that no order is open: ${problem}`,
      {
        fix: 'new orders are refused; send the same request again, and if it fails again cancel at the broker by hand',
      },
    );
  }
}

import { messageOf } from '@papergate/config';
import { HttpError, type ActingRequest, type RiskOrder, type RiskVerdict } from '@papergate/service-kit';
import type { Failpoint } from '../failpoints.ts';
import type { NewOrder, OrderSource } from '../ledger/order.ts';
import type { Committer, StoredIdentity } from './committer.ts';
import { newId } from './ids.ts';
import { hashTerms, type OrderTerms } from './request.ts';

/** The answer to an order. The same order sent again gets the same answer. */
export interface Acknowledgement {
  order_id: string;
  client_order_id: string;
  status: 'accepted';
}

export interface Submission {
  terms: OrderTerms;
  clientOrderId: string | undefined;
  source: OrderSource;
  strategy: string | null;
  /** Who places it. */
  by: ActingRequest;
}

export interface IntakeOptions {
  committer: Committer;
  /** Asks risk-manager; rejects when no answer comes in time. */
  check: (order: RiskOrder) => Promise<RiskVerdict>;
  /** Gives the reservation of an order back that did not become durable. */
  release: (clientOrderId: string) => void;
  /** `true`, or why no order can be taken now. */
  open: () => true | string;
  failpoint: Failpoint;
  /** The order is durable. */
  onCommitted: (order: NewOrder) => void;
  /** Orders that wait to be sent. */
  queued: () => number;
  /** Orders that may be under way in the intake, and those that may wait to be sent. */
  limits: { underWay: number; queued: number };
  onRefused: (code: string) => void;
  /** Seconds from arrival to durability. */
  observe: (seconds: number) => void;
  now: () => number;
}

interface UnderWay {
  hash: string;
  outcome: Promise<Acknowledgement>;
}

/**
 * validate → known already? → risk → durable → acknowledged. An order is acknowledged after its row is
 * committed and never before; whoever repeats a client_order_id gets the first answer, also while the first
 * one is still under way.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #underWay = new Map<string, UnderWay>();
  #count = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  get underWay(): number {
    return this.#count;
  }

  async submit(submission: Submission): Promise<Acknowledgement> {
    const { terms } = submission;
    const hash = hashTerms(terms);
    const clientOrderId = submission.clientOrderId ?? newId();
    const twin = this.#underWay.get(clientOrderId);
    if (twin !== undefined) {
      if (twin.hash !== hash) throw duplicate(clientOrderId);
      return twin.outcome;
    }
    this.#admit();
    this.#count += 1;
    const outcome = this.#take(submission, clientOrderId, hash);
    this.#underWay.set(clientOrderId, { hash, outcome });
    try {
      return await outcome;
    } catch (error) {
      if (error instanceof HttpError) this.#options.onRefused(error.code);
      throw error;
    } finally {
      this.#underWay.delete(clientOrderId);
      this.#count -= 1;
    }
  }

  #admit(): void {
    const { limits, onRefused, queued } = this.#options;
    if (this.#count < limits.underWay && queued() < limits.queued) return;
    onRefused('TOO_MANY_ORDERS');
    throw new HttpError(429, 'TOO_MANY_ORDERS', 'too many orders wait; this one was not taken', {
      fix: 'send it again after the seconds in Retry-After',
      headers: { 'retry-after': '1' },
    });
  }

  async #take(submission: Submission, clientOrderId: string, hash: string): Promise<Acknowledgement> {
    const startedAt = performance.now();
    const { committer, observe } = this.#options;
    if (submission.clientOrderId !== undefined) {
      const known = await this.#ask(() => committer.find(clientOrderId));
      if (known !== undefined) return acknowledge(clientOrderId, hash, known);
    }
    const open = this.#options.open();
    if (open !== true)
      throw new HttpError(503, 'NOT_READY', `no orders can be taken now: ${open}`, { headers: { 'retry-after': '1' } });

    const order: NewOrder = {
      ...submission.terms,
      orderId: newId(),
      clientOrderId,
      requestHash: hash,
      source: submission.source,
      strategy: submission.strategy,
      createdAt: this.#options.now(),
    };
    const { failpoint } = this.#options;
    await failpoint('intake.received');
    await this.#clear(order);
    await failpoint('intake.checked');
    const stored = await this.#commit(order, submission.by);
    await failpoint('intake.durable');
    if (stored !== undefined) return acknowledge(clientOrderId, hash, stored);
    observe((performance.now() - startedAt) / 1000);
    return { order_id: order.orderId, client_order_id: clientOrderId, status: 'accepted' };
  }

  /** Asks risk-manager; silence is a no. */
  async #clear(order: NewOrder): Promise<void> {
    let verdict: RiskVerdict;
    try {
      verdict = await this.#options.check({
        client_order_id: order.clientOrderId,
        symbol: order.symbol,
        side: order.side,
        type: order.type,
        quantity: order.quantity,
        ...(order.price === null ? {} : { price: order.price }),
        ...(order.stopPrice === null ? {} : { stop_price: order.stopPrice }),
        ...(order.strategy === null ? {} : { strategy: order.strategy }),
      });
    } catch (cause) {
      // It may have reserved and only its answer be late.
      this.#options.release(order.clientOrderId);
      throw new HttpError(
        503,
        'RISK_UNREACHABLE',
        `risk-manager does not answer, which counts as halted: ${messageOf(cause)}`,
        {
          fix: 'look at risk-manager; orders are taken again as soon as it answers',
          headers: { 'retry-after': '1' },
          cause,
        },
      );
    }
    if (verdict.allowed) return;
    if (verdict.code === 'RISK_HALTED') {
      throw new HttpError(503, 'TRADING_HALTED', verdict.message, {
        fix: 'reset the circuit breaker once the cause is understood',
      });
    }
    throw new HttpError(400, verdict.code, verdict.message);
  }

  async #commit(order: NewOrder, by: ActingRequest): Promise<StoredIdentity | undefined> {
    try {
      const result = await this.#options.committer.commit(order, by);
      if (result.kind === 'exists') return result.stored;
      this.#options.onCommitted(order);
      return undefined;
    } catch (cause) {
      this.#options.release(order.clientOrderId);
      throw unconfirmed(cause);
    }
  }

  async #ask<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw unconfirmed(cause);
    }
  }
}

function unconfirmed(cause: unknown): HttpError {
  return new HttpError(
    503,
    'DATABASE_UNREACHABLE',
    'the database did not confirm the order; whether it stands is not known',
    {
      fix: 'send it again with the same client_order_id: it is placed once at most',
      headers: { 'retry-after': '1' },
      cause,
    },
  );
}

function duplicate(clientOrderId: string): HttpError {
  return new HttpError(
    409,
    'DUPLICATE_CLIENT_ORDER_ID',
    `client_order_id ${clientOrderId} belongs to an order with other terms`,
    {
      fix: 'give every order its own client_order_id',
    },
  );
}

function acknowledge(clientOrderId: string, hash: string, stored: StoredIdentity): Acknowledgement {
  if (stored.requestHash !== hash) throw duplicate(clientOrderId);
  return { order_id: stored.orderId, client_order_id: clientOrderId, status: 'accepted' };
}

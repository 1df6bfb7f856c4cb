import type { Logger } from 'pino';
import { messageOf } from '@papergate/config';

import { Big } from '@papergate/service-kit';
import type { Broker, BrokerExecution, BrokerOrder } from '../broker/broker.ts';
import type { Update } from '../ledger/book.ts';
import { divide } from '../ledger/position.ts';
import { isBooked, type Tracked } from '../ledger/tracked.ts';

/** From so many on, orders are asked for as a list. */
const LIST_FROM = 10;

export interface CatchUpOptions {
  broker: Pick<Broker, 'executions' | 'findByClientOrderId' | 'ordersSince'>;
  gaps: () => Iterable<Tracked>;
  post: (update: Update) => Promise<void>;
  logger: Pick<Logger, 'warn'>;
  /** ms that a missing execution has to arrive by itself. */
  graceMs: number;
  onCaughtUp: (executions: number) => void;
  now: () => number;
}

/**
 * Fetches executions that the stream lost: the broker counts more shares as filled than have arrived. First
 * from the account's activities, which name each; what these do not show is booked as one execution whose
 * price follows from the order's average.
 */
export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #since = new Map<Tracked, number>();
  #running: Promise<void> | undefined;

  constructor(options: CatchUpOptions) {
    this.#options = options;
  }

  /** One look at all gaps; those that are older than the grace are filled. Rounds never overlap. */
  run(options: { graceMs?: number } = {}): Promise<void> {
    this.#running ??= this.#round(options.graceMs ?? this.#options.graceMs).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #round(graceMs: number): Promise<void> {
    const { gaps, logger, now } = this.#options;
    const open = new Set(gaps());
    for (const tracked of this.#since.keys()) if (!open.has(tracked)) this.#since.delete(tracked);
    const due: Tracked[] = [];
    for (const tracked of open) {
      const since = this.#since.get(tracked) ?? now();
      this.#since.set(tracked, since);
      if (now() - since >= graceMs) due.push(tracked);
    }
    if (due.length === 0) return;
    try {
      await this.#fill(due);
    } catch (error) {
      logger.warn({ orders: due.length, reason: messageOf(error) }, 'missing executions cannot be fetched yet');
    }
  }

  /** One list of executions for all of them, and where they are many, one of orders: the account's budget is small. */
  async #fill(due: readonly Tracked[]): Promise<void> {
    const { broker, onCaughtUp, post } = this.#options;
    const since = Math.min(...due.map(({ order }) => order.createdAt)) - 60_000;
    const reports = new Map<string, BrokerOrder>();
    if (due.length >= LIST_FROM) {
      for (const report of await broker.ordersSince(since)) reports.set(report.clientOrderId, report);
    }
    for (const { order } of due) {
      const { clientOrderId } = order;
      const report = reports.get(clientOrderId) ?? (await broker.findByClientOrderId(clientOrderId));
      if (report !== undefined) reports.set(clientOrderId, report);
    }
    // After the orders, so that it has every execution which they count.
    const listed = await broker.executions(since);
    await Promise.all(
      due.map(async (tracked) => {
        const { clientOrderId } = tracked.order;
        const report = reports.get(clientOrderId);
        if (report === undefined) return;
        await post({ kind: 'report', report, event: 'reconciled', at: this.#options.now() });
        const known = listed?.get(report.brokerOrderId) ?? [];
        const missing = known.filter((execution) => !isBooked(tracked, execution));
        if (missing.length > 0) await post({ kind: 'executions', clientOrderId, executions: missing });
        const rest = impliedExecution(tracked, report);
        if (rest !== undefined) await post({ kind: 'executions', clientOrderId, executions: [rest] });
        onCaughtUp(missing.length + (rest === undefined ? 0 : 1));
      }),
    );
  }
}

/** What is missing between the executions that are booked and the broker's total, as one execution; undefined where nothing is. */
export function impliedExecution(tracked: Tracked, report: BrokerOrder): BrokerExecution | undefined {
  const { order } = tracked;
  const { filledQuantity: told, filledAveragePrice: average } = report;
  // What is beyond the order is refused and not booked.
  const total = told.gt(order.quantity) ? new Big(order.quantity) : told;
  const quantity = total.minus(order.filledQuantity);
  if (quantity.lte(0) || average === undefined) return undefined;
  const notional = average.times(total).minus(order.filledNotional);
  const price = divide(notional, quantity, 6);
  return {
    executionId: `catch-up:${report.brokerOrderId}:${total.toFixed()}`,
    quantity,
    // A rounded average can, over many executions, imply a price of nothing; the average itself is the better guess then.
    price: price.gt(0) ? price : average,
    at: report.updatedAt,
    cumulative: undefined,
  };
}

import type { Logger } from 'pino';
import { messageOf } from '@papergate/config';
import { Big } from '@papergate/service-kit';
import type { Broker, BrokerOrder } from '../broker/broker.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { isFinal } from '../ledger/status.ts';
import type { Tracked } from '../ledger/tracked.ts';
import type { CatchUp } from './catch-up.ts';
import { comparePositions } from './positions.ts';

export interface ReconcilerOptions {
  broker: Pick<Broker, 'openOrders' | 'ordersSince' | 'positions' | 'findByClientOrderId'>;
  ledger: Pick<Ledger, 'book' | 'open' | 'post'>;
  catchUp: Pick<CatchUp, 'run'>;
  /** Orders whose outcome is being looked up anyway. */
  logger: Pick<Logger, 'info' | 'warn'>;
  onDifference: (kind: 'order' | 'position' | 'foreign_order') => void;
  onRound: (ok: boolean) => void;
  /** An order younger than this may still be on its way between the two books, ms. */
  minAgeMs: number;
  pauseMs: number;
  now: () => number;
}

export interface Difference {
  at: string;
  kind: 'order' | 'position' | 'foreign_order';
  symbol: string;
  client_order_id: string | null;
  message: string;
}

/** What `GET /reconciliation` answers. */
export interface ReconciliationReport {
  /** Rounds that went through, and those that did not since the last that did. */
  rounds: number;
  failures: number;
  last_completed_at: string | null;
  last_problem: string | null;
  open_orders: { here: number; broker: number; foreign: string[] };
  differences: { total: number; last: Difference[] };
}

/** Look-ups of single orders in one round; the rest waits for the next. */
const LOOK_UPS = 50;
const LIST_FROM = 10;
const KEPT = 50;

/**
 * Compares the two books over REST: open orders both ways, executions, positions. The broker is the truth; what
 * differs is corrected here, written to `risk_events`, and counted.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #report: ReconciliationReport = {
    rounds: 0,
    failures: 0,
    last_completed_at: null,
    last_problem: null,
    open_orders: { here: 0, broker: 0, foreign: [] },
    differences: { total: 0, last: [] },
  };
  readonly #foreign = new Set<string>();
  readonly #stop = new AbortController();
  #running: Promise<boolean> | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  report(): ReconciliationReport {
    return structuredClone(this.#report);
  }

  /** One round; those that overlap are one. True when it went through. */
  run(): Promise<boolean> {
    this.#running ??= this.#guarded().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #guarded(): Promise<boolean> {
    const { logger, onRound, now } = this.#options;
    try {
      await this.#round();
      this.#report.rounds += 1;
      this.#report.failures = 0;
      this.#report.last_problem = null;
      this.#report.last_completed_at = new Date(now()).toISOString();
      onRound(true);
      return true;
    } catch (error) {
      if (this.#stop.signal.aborted) return false;
      this.#report.failures += 1;
      this.#report.last_problem = messageOf(error);
      logger.warn({ reason: messageOf(error) }, 'the reconciliation with the broker did not go through');
      onRound(false);
      return false;
    }
  }

  async #round(): Promise<void> {
    const { broker, catchUp, ledger, now } = this.#options;
    const startedAt = now();
    const ours = ledger.open().filter(({ order }) => order.brokerOrderId !== null);
    const theirs = await broker.openOrders();
    await this.#adoptOpen(theirs);
    await this.#endMissing(ours, theirs, startedAt);
    await catchUp.run();
    await this.#comparePositions(theirs);
    this.#report.open_orders = {
      here: ledger.open().length,
      broker: theirs.length,
      foreign: theirs.filter((order) => ledger.book.find(order) === undefined).map((order) => order.clientOrderId),
    };
  }

  /** Open at the broker: ours take over what it says; what nobody here placed is reported, once, and left alone. */
  async #adoptOpen(theirs: readonly BrokerOrder[]): Promise<void> {
    const { ledger, now } = this.#options;
    for (const report of theirs) {
      const tracked = ledger.book.find(report);
      if (tracked !== undefined && says(tracked, report)) continue;
      if (tracked === undefined && this.#foreign.has(report.brokerOrderId)) continue;
      await ledger.post({ kind: 'report', report, event: 'reconciled', at: now() });
      const known = ledger.book.find(report);
      if (known === undefined) {
        this.#foreign.add(report.brokerOrderId);
        await this.#differ(
          'foreign_order',
          report.symbol,
          report.clientOrderId,
          `the broker has an open order ${report.clientOrderId} in ${report.symbol} that was not placed here`,
          {
            broker_order_id: report.brokerOrderId,
          },
        );
      } else if (isFinal(known.order.status) && tracked === undefined) {
        await this.#differ(
          'order',
          report.symbol,
          report.clientOrderId,
          `order ${report.clientOrderId} is ${known.order.status} here and open at the broker`,
          {},
        );
      }
    }
  }

  /** Open here and not there: the broker is asked for each. */
  async #endMissing(ours: readonly Tracked[], theirs: readonly BrokerOrder[], startedAt: number): Promise<void> {
    const { broker, ledger, minAgeMs, now } = this.#options;
    const open = new Set(theirs.map((order) => order.brokerOrderId));
    const missing = ours.filter(
      ({ order }) =>
        order.brokerOrderId !== null &&
        !open.has(order.brokerOrderId) &&
        !isFinal(order.status) &&
        Math.max(order.submittedAt ?? 0, 0) <= startedAt - minAgeMs,
    );
    const listed = await this.#list(missing);
    let lookUps = 0;
    for (const tracked of missing) {
      const { order } = tracked;
      const { clientOrderId, symbol } = order;
      const before = order.status;
      let report = listed.get(clientOrderId);
      if (report === undefined) {
        lookUps += 1;
        if (lookUps > LOOK_UPS) continue;
        report = await broker.findByClientOrderId(clientOrderId);
      }
      if (isFinal(order.status)) continue;
      if (report === undefined) {
        const reason = 'not known at the broker';
        await ledger.post({
          kind: 'local',
          clientOrderId,
          status: 'canceled',
          code: 'RECONCILIATION',
          reason,
          at: now(),
        });
        await this.#differ(
          'order',
          symbol,
          clientOrderId,
          `order ${clientOrderId} is ${before} here and not known at the broker; ended as canceled`,
          { status: before },
        );
      } else if (!says(tracked, report)) {
        await ledger.post({ kind: 'report', report, event: 'reconciled', at: now() });
        await this.#differ(
          'order',
          symbol,
          clientOrderId,
          `order ${clientOrderId} was ${before} here and is ${report.status} at the broker`,
          {
            status: before,
            broker_status: report.status,
          },
        );
      }
    }
  }

  /** Many at once, such as after a restart, come as a list: a request each would use the account's budget up. */
  async #list(missing: readonly Tracked[]): Promise<Map<string, BrokerOrder>> {
    if (missing.length < LIST_FROM) return new Map();
    const oldest = Math.min(...missing.map(({ order }) => order.submittedAt ?? order.createdAt));
    const orders = await this.#options.broker.ordersSince(oldest - 60_000);
    return new Map(orders.map((order) => [order.clientOrderId, order]));
  }

  async #comparePositions(theirs: readonly BrokerOrder[]): Promise<void> {
    const { broker, ledger, now, pauseMs } = this.#options;
    const found = await comparePositions({
      broker,
      ours: () => ledger.book.positions,
      zero: new Big(0),
      inDoubt: () => this.#inDoubt(theirs),
      pauseMs,
      signal: this.#stop.signal,
    });
    for (const { symbol, here, broker: there, difference, averageEntryPrice } of found) {
      await ledger.post({ kind: 'position', symbol, difference, averageEntryPrice, at: now() });
      await this.#differ(
        'position',
        symbol,
        null,
        `position in ${symbol} was ${here.toFixed()} here and is ${there.toFixed()} at the broker; set to the broker's`,
        {
          here: here.toFixed(),
          broker: there.toFixed(),
        },
      );
    }
  }

  /** An order of ours that the broker does not show open with the same fills: what it did to the position is still to come. */
  #inDoubt(theirs: readonly BrokerOrder[]): Set<string> {
    const { book } = this.#options.ledger;
    const filled = new Map(theirs.map((order) => [order.brokerOrderId, order.filledQuantity]));
    const symbols = new Set<string>();
    for (const { order } of [...this.#options.ledger.open(), ...book.gaps]) {
      const there = order.brokerOrderId === null ? undefined : filled.get(order.brokerOrderId);
      if (there === undefined || !there.eq(order.filledQuantity)) symbols.add(order.symbol);
    }
    return symbols;
  }

  async #differ(
    kind: Difference['kind'],
    symbol: string,
    clientOrderId: string | null,
    message: string,
    detail: Record<string, unknown>,
  ): Promise<void> {
    const { ledger, logger, now, onDifference } = this.#options;
    logger.warn({ kind, symbol, clientOrderId, ...detail }, message);
    onDifference(kind);
    const { differences } = this.#report;
    differences.total += 1;
    differences.last = [
      { at: new Date(now()).toISOString(), kind, symbol, client_order_id: clientOrderId, message },
      ...differences.last,
    ].slice(0, KEPT);
    await ledger.post(
      { kind: 'note' },
      { code: `RECONCILIATION_${kind.toUpperCase()}`, symbol, clientOrderId, message, detail },
    );
  }
}

/** Our book says the same already. */
function says(tracked: Tracked, report: BrokerOrder): boolean {
  return (
    tracked.order.brokerOrderId === report.brokerOrderId &&
    tracked.order.status === report.status &&
    tracked.brokerFilled.gte(report.filledQuantity)
  );
}

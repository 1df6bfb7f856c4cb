import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { messageOf } from '@papergate/config';
import { Big } from '@papergate/service-kit';
import type { Broker, BrokerOrder } from '../broker/broker.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Failpoint } from '../failpoints.ts';
import { isFinal, isUnsettled, stateOf } from '../life/states.ts';
import type { Tracked } from '../ledger/tracked.ts';
import type { CatchUp } from './catch-up.ts';
import { compareAccount } from './positions.ts';

export interface ReconcilerOptions {
  broker: Pick<Broker, 'openOrders' | 'ordersSince' | 'positions' | 'account' | 'findByClientOrderId'>;
  ledger: Pick<Ledger, 'book' | 'open' | 'post'>;
  catchUp: Pick<CatchUp, 'run'>;
  failpoint: Failpoint;
  logger: Pick<Logger, 'info' | 'warn'>;
  onDifference: (kind: DifferenceKind) => void;
  onRound: (ok: boolean) => void;
  /** An order younger than this may still be on its way between the two books, ms. */
  minAgeMs: number;
  pauseMs: number;
  now: () => number;
}

export type DifferenceKind = 'order' | 'position' | 'cash' | 'foreign_order';

export interface Difference {
  at: string;
  kind: DifferenceKind;
  symbol: string | null;
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
  /** The last round found nothing that it had to set right, and could compare everything. */
  agreed: boolean;
  /** USD; null before the broker told the first time. */
  cash: { here: string; adopted: string } | null;
  /** What the last round had to leave out, since an order in it is under way. */
  in_doubt: string[];
  open_orders: { here: number; broker: number; foreign: string[] };
  differences: { total: number; last: Difference[] };
}

/** Look-ups of single orders in one round; the rest waits for the next. */
const LOOK_UPS = 50;
const LIST_FROM = 10;
/** Times that a question is asked in a round until it is answered. */
const TRIES = 3;
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
    agreed: false,
    cash: null,
    in_doubt: [],
    open_orders: { here: 0, broker: 0, foreign: [] },
    differences: { total: 0, last: [] },
  };
  readonly #foreign = new Set<string>();
  /** At the start: orders with an attempt behind them that the broker did not have when it was asked. */
  readonly #absent = new Set<Tracked>();
  readonly #stop = new AbortController();
  /** Both books agreed once: from then on orders are sent, and what was said of them at the start is past. */
  #begun = false;
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

  /** Nothing is left that the last round had to set right or could not compare. */
  get agreed(): boolean {
    return this.#report.agreed;
  }

  async #guarded(): Promise<boolean> {
    const { logger, onRound, now } = this.#options;
    try {
      const before = this.#report.differences.total;
      this.#report.agreed = false;
      await this.#round();
      this.#report.agreed = this.#report.differences.total === before && this.#report.in_doubt.length === 0;
      if (this.#report.agreed) this.#begun = true;
      if (this.#begun) this.#absent.clear();
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
    await this.#options.failpoint('reconcile.begun');
    const starting = !this.#begun;
    if (starting) await this.#askForUnsettled();
    const ours = ledger.open().filter(({ order }) => order.brokerOrderId !== null);
    const theirs = await this.#patient(() => broker.openOrders());
    await this.#adoptOpen(theirs);
    await this.#endMissing(ours, theirs, startedAt);
    // At the start there is nothing that could still arrive by itself.
    await catchUp.run(starting ? { graceMs: 0 } : {});
    await this.#compareAccount(theirs);
    await this.#options.failpoint('reconcile.compared');
    this.#report.open_orders = {
      here: ledger.open().length,
      broker: theirs.length,
      foreign: theirs.filter((order) => ledger.book.find(order) === undefined).map((order) => order.clientOrderId),
    };
  }

  /**
   * At the start, with nothing being sent: what an earlier process had under way is asked for once. The broker's book is
   * then complete as it is; whether what it denies may be sent again is the look-up's business.
   */
  async #askForUnsettled(): Promise<void> {
    const { broker, ledger, now } = this.#options;
    this.#absent.clear();
    const unsettled = ledger.open().filter(({ order }) => isUnsettled(order));
    const listed = await this.#list(unsettled);
    const posted: Promise<void>[] = [];
    for (const tracked of unsettled) {
      const { clientOrderId } = tracked.order;
      const report =
        listed.get(clientOrderId) ?? (await this.#patient(() => broker.findByClientOrderId(clientOrderId)));
      if (report === undefined) this.#absent.add(tracked);
      else posted.push(ledger.post({ kind: 'report', report, event: 'adopted', at: now() }));
    }
    await Promise.all(posted);
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
    const { broker, minAgeMs } = this.#options;
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
    // Many orders that ended while the stream was away go into few transactions.
    const posted: Promise<void>[] = [];
    for (const tracked of missing) {
      const { order } = tracked;
      let report = listed.get(order.clientOrderId);
      if (report === undefined) {
        lookUps += 1;
        if (lookUps > LOOK_UPS) continue;
        report = await this.#patient(() => broker.findByClientOrderId(order.clientOrderId));
      }
      if (!isFinal(order.status)) posted.push(this.#setRight(tracked, report));
    }
    await Promise.all(posted);
  }

  /** An order that is open here takes over what the broker says of it, or ends where the broker does not know it. */
  async #setRight(tracked: Tracked, report: BrokerOrder | undefined): Promise<void> {
    const { ledger, now } = this.#options;
    const { clientOrderId, symbol, status: before } = tracked.order;
    if (report === undefined) {
      const reason = 'not known at the broker';
      const vanish = { kind: 'local', act: 'vanish', code: 'RECONCILIATION', reason } as const;
      await Promise.all([
        ledger.post({ ...vanish, clientOrderId, at: now() }),
        this.#differ(
          'order',
          symbol,
          clientOrderId,
          `order ${clientOrderId} is ${before} here and not known at the broker; ended as canceled`,
          { status: before },
        ),
      ]);
    } else if (!says(tracked, report)) {
      await Promise.all([
        ledger.post({ kind: 'report', report, event: 'reconciled', at: now() }),
        this.#differ(
          'order',
          symbol,
          clientOrderId,
          `order ${clientOrderId} was ${before} here and is ${report.status} at the broker`,
          { status: before, broker_status: report.status },
        ),
      ]);
    }
  }

  /** A round asks many questions: one that is not answered is asked again, or no round would come to its end on a bad day. */
  async #patient<T>(ask: () => Promise<T>): Promise<T> {
    for (let left = TRIES - 1; ; left -= 1) {
      try {
        return await ask();
      } catch (error) {
        if (left <= 0) throw error;
        await delay(this.#options.pauseMs, undefined, { signal: this.#stop.signal });
      }
    }
  }

  /** Many at once, such as after a restart, come as a list: a request each would use the account's budget up. */
  async #list(missing: readonly Tracked[]): Promise<Map<string, BrokerOrder>> {
    if (missing.length < LIST_FROM) return new Map();
    const oldest = Math.min(...missing.map(({ order }) => order.submittedAt ?? order.createdAt));
    const orders = await this.#patient(() => this.#options.broker.ordersSince(oldest - 60_000));
    return new Map(orders.map((order) => [order.clientOrderId, order]));
  }

  async #compareAccount(theirs: readonly BrokerOrder[]): Promise<void> {
    const { broker, ledger, now, pauseMs } = this.#options;
    const { book } = ledger;
    const found = await compareAccount({
      broker,
      ours: () => book.positions,
      cash: () => book.cash?.amount,
      zero: new Big(0),
      inDoubt: () => this.#inDoubt(theirs),
      pauseMs,
      signal: this.#stop.signal,
    });
    this.#report.in_doubt = [...found.inDoubt].toSorted();
    for (const { symbol, here, broker: there, difference, averageEntryPrice } of found.positions) {
      await ledger.post({ kind: 'position', symbol, difference, averageEntryPrice, at: now() });
      await this.#differ(
        'position',
        symbol,
        null,
        `position in ${symbol} was ${here.toFixed()} here and is ${there.toFixed()} at the broker; set to the broker's, the difference marked as adopted`,
        {
          here: here.toFixed(),
          broker: there.toFixed(),
        },
      );
    }
    if (found.cash !== undefined) await this.#adoptCash(found.cash);
    const { cash } = book;
    this.#report.cash = cash === undefined ? null : { here: cash.amount.toFixed(2), adopted: cash.adopted.toFixed(2) };
  }

  /** The first balance is no difference: there was nothing before it. */
  async #adoptCash(difference: Big): Promise<void> {
    const { ledger } = this.#options;
    const here = ledger.book.cash?.amount;
    await ledger.post({ kind: 'cash', difference });
    if (here === undefined) return;
    const there = here.plus(difference);
    await this.#differ(
      'cash',
      null,
      null,
      `the account's cash was ${here.toFixed(2)} USD here and is ${there.toFixed(2)} at the broker; set to the broker's`,
      { here: here.toFixed(), broker: there.toFixed(), difference: difference.toFixed() },
    );
  }

  /** An order of ours that the broker does not show open with the same fills: what it did to the account is still to come. */
  #inDoubt(theirs: readonly BrokerOrder[]): Set<string> {
    const { book } = this.#options.ledger;
    const filled = new Map(theirs.map((order) => [order.brokerOrderId, order.filledQuantity]));
    const symbols = new Set<string>();
    for (const tracked of [...this.#options.ledger.open(), ...book.gaps]) {
      const { order } = tracked;
      // Not sent, or not there when it was asked for and nothing was sent since: it did nothing to the account.
      if (order.brokerOrderId === null && (stateOf(order) === 'durable' || this.#absent.has(tracked))) continue;
      const there = order.brokerOrderId === null ? undefined : filled.get(order.brokerOrderId);
      if (there === undefined || !there.eq(order.filledQuantity)) symbols.add(order.symbol);
    }
    return symbols;
  }

  async #differ(
    kind: DifferenceKind,
    symbol: string | null,
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

import { Big } from '@papergate/service-kit';
import type { BrokerEvent, BrokerExecution, BrokerOrder } from '../broker/broker.ts';
import { dailyKey, type Changes, type DailyPnl, type Update } from './changes.ts';
import { tradingDay } from './day.ts';
import type { Order } from './order.ts';
import { isFinal, stateOf } from '../life/states.ts';
import { brokerTransition, isLegal, LOCAL, targetOf } from '../life/transitions.ts';
import { applyExecution, flatPosition, type Position } from './position.ts';
import { supersedes } from './status.ts';
import { intervalOf, isBooked, track, type Interval, type Tracked } from './tracked.ts';

export { dailyKey, noChanges } from './changes.ts';
export type { Alarm, Changes, DailyPnl, EventRow, TradeRow, Update } from './changes.ts';

/**
 * Orders, positions and the day's profit and loss in memory. Pure bookkeeping: it reads no clock, writes no
 * row, and gives the same result for the same updates whatever their order, repeats and gaps, except that an
 * order stays in `gaps` until a look-up has brought what was lost.
 */
export class Book {
  readonly #byClientId = new Map<string, Tracked>();
  readonly #byBrokerId = new Map<string, Tracked>();
  readonly positions = new Map<string, Position>();
  readonly daily = new Map<string, DailyPnl>();
  /** The account's cash, USD, and how much of it came without a trade of ours; undefined until the broker told the first time. */
  cash: { amount: Big; adopted: Big } | undefined;
  /** Orders of which the broker counts more executions than have arrived. */
  readonly gaps = new Set<Tracked>();

  /** Takes an order in: one that was just committed, or one read from the database. */
  add(order: Order, executions?: Map<string, Interval>): Tracked {
    const known = this.#byClientId.get(order.clientOrderId);
    if (known !== undefined) return known;
    const tracked = track(order, executions);
    this.#byClientId.set(order.clientOrderId, tracked);
    if (order.brokerOrderId !== null) this.#byBrokerId.set(order.brokerOrderId, tracked);
    return tracked;
  }

  forget(tracked: Tracked): void {
    this.gaps.delete(tracked);
    this.#byClientId.delete(tracked.order.clientOrderId);
    if (tracked.order.brokerOrderId !== null) this.#byBrokerId.delete(tracked.order.brokerOrderId);
  }

  byClientId(clientOrderId: string): Tracked | undefined {
    return this.#byClientId.get(clientOrderId);
  }

  find(order: Pick<BrokerOrder, 'clientOrderId' | 'brokerOrderId'>): Tracked | undefined {
    return this.#byClientId.get(order.clientOrderId) ?? this.#byBrokerId.get(order.brokerOrderId);
  }

  all(): IterableIterator<Tracked> {
    return this.#byClientId.values();
  }

  get size(): number {
    return this.#byClientId.size;
  }

  /** An attempt to send the order is durable. False where the order does not wait to be sent (any more). */
  sent(tracked: Tracked, at: number): boolean {
    const { order } = tracked;
    if (!isLegal('send', stateOf(order), 'sending')) return false;
    order.status = 'sending';
    order.attempts = (order.attempts ?? 0) + 1;
    order.updatedAt = Math.max(order.updatedAt, at);
    return true;
  }

  apply(update: Update, changes: Changes): void {
    switch (update.kind) {
      case 'event':
        return this.#applyEvent(update.event, changes);
      case 'report':
        return this.#applyReport(update.report, update.event, update.at, changes);
      case 'executions':
        return this.#applyExecutions(update.clientOrderId, update.executions, changes);
      case 'local':
        return this.#applyLocal(update, changes);
      case 'position':
        return this.#setPosition(update, changes);
      case 'cash':
        this.cash = {
          amount: (this.cash?.amount ?? new Big(0)).plus(update.difference),
          adopted: (this.cash?.adopted ?? new Big(0)).plus(update.difference),
        };
        changes.cash = true;
        return;
      case 'note':
    }
  }

  #applyEvent({ event, order, execution, at }: BrokerEvent, changes: Changes): void {
    const tracked = this.find(order);
    if (tracked === undefined) {
      changes.dropped.push({ reason: 'foreign', detail: `${event} of ${order.clientOrderId}` });
      return;
    }
    this.#revive(tracked, order, at, changes);
    this.#learn(tracked, order, at, changes);
    if (execution === undefined) {
      changes.events.push({
        orderId: tracked.order.orderId,
        key: `${event}:${at}`,
        event,
        at,
        detail: { status: order.status },
      });
    } else {
      this.#execute(tracked, execution, event, changes);
    }
    this.#reportStatus(tracked, order, at, changes);
  }

  #applyReport(report: BrokerOrder, event: string, at: number, changes: Changes): void {
    const tracked = this.find(report);
    if (tracked === undefined) {
      changes.dropped.push({ reason: 'foreign', detail: `${event} of ${report.clientOrderId}` });
      return;
    }
    if (event !== 'submitted') {
      const detail = { status: report.status, filled_quantity: report.filledQuantity.toFixed() };
      changes.events.push({
        orderId: tracked.order.orderId,
        key: `${event}:${report.updatedAt}:${report.status}`,
        event,
        at,
        detail,
      });
    }
    this.#revive(tracked, report, at, changes);
    tracked.order.submittedAt ??= at;
    this.#learn(tracked, report, at, changes);
    this.#reportStatus(tracked, report, report.updatedAt, changes);
  }

  #applyExecutions(clientOrderId: string, executions: BrokerExecution[], changes: Changes): void {
    const tracked = this.#byClientId.get(clientOrderId);
    if (tracked === undefined) return;
    for (const execution of executions) this.#execute(tracked, execution, 'fill', changes);
    this.#settle(tracked, changes);
  }

  #applyLocal(update: Extract<Update, { kind: 'local' }>, changes: Changes): void {
    const tracked = this.#byClientId.get(update.clientOrderId);
    if (tracked === undefined) return;
    const { order } = tracked;
    // The broker has spoken meanwhile, and its word outweighs a guess from this side; or it was ended here twice.
    if (isFinal(order.status) || (order.brokerOrderId !== null && update.act !== 'vanish')) return;
    const from = stateOf(order);
    if (!isLegal(update.act, from, targetOf(update.act))) {
      this.#refuse(tracked, { from, to: targetOf(update.act), by: update.act, at: update.at }, changes);
      return;
    }
    order.status = LOCAL[update.act];
    order.rejectCode = update.code;
    order.rejectReason = update.reason;
    order.updatedAt = Math.max(order.updatedAt, update.at);
    tracked.deferred = undefined;
    const detail = { code: update.code, reason: update.reason, from };
    changes.events.push({
      orderId: order.orderId,
      key: `${update.act}:${update.at}`,
      event: update.act,
      at: update.at,
      detail,
    });
    changes.orders.add(tracked);
  }

  /** A transition that no order may make: the order stays as it is, and the try is kept. */
  #refuse(tracked: Tracked, found: { from: string; to: string; by: string; at: number }, changes: Changes): void {
    const { order } = tracked;
    const key = `illegal:${found.from}:${found.to}:${found.at}`;
    if (tracked.refused?.has(key) === true) return;
    (tracked.refused ??= new Set()).add(key);
    const { from, to, by, at } = found;
    const message = `order ${order.clientOrderId} is ${from}, from where ${by} to ${to} is no transition; refused`;
    changes.events.push({ orderId: order.orderId, key, event: 'illegal', at, detail: { from, to, by } });
    changes.alarms.push({ code: 'ILLEGAL_TRANSITION', tracked, message, detail: { from, to, by } });
    changes.dropped.push({ reason: 'illegal', detail: message });
  }

  /**
   * The broker shows an order that was ended here without its word: a request that was taken for lost came through
   * after all. What it says is the truth; that it was not wanted is an alarm.
   */
  #revive(tracked: Tracked, report: BrokerOrder, at: number, changes: Changes): void {
    const { order } = tracked;
    if (stateOf(order) !== 'ended' || report.brokerOrderId === '') return;
    const detail = { ended: order.status, code: order.rejectCode, broker_status: report.status };
    const message = `order ${order.clientOrderId} was ended here as ${order.status}, and the broker has it as ${report.status}`;
    order.status = 'unknown';
    tracked.statusAt = -Infinity;
    changes.events.push({ orderId: order.orderId, key: `revive:${at}`, event: 'revive', at, detail });
    changes.alarms.push({ code: 'REVIVED', tracked, message, detail });
    changes.orders.add(tracked);
  }

  #setPosition(update: Extract<Update, { kind: 'position' }>, changes: Changes): void {
    const before = this.positions.get(update.symbol) ?? flatPosition(update.symbol);
    const quantity = before.quantity.plus(update.difference);
    this.positions.set(update.symbol, {
      ...before,
      quantity,
      costBasis: quantity.times(update.averageEntryPrice),
      openedAt: quantity.eq(0) ? undefined : (before.openedAt ?? update.at),
      adopted: quantity.eq(0) ? new Big(0) : before.adopted.plus(update.difference),
      adoptedAt: quantity.eq(0) ? undefined : update.at,
    });
    changes.positions.add(update.symbol);
  }

  /** What a message says about the order beside its status. */
  #learn(tracked: Tracked, report: BrokerOrder, at: number, changes: Changes): void {
    const { order } = tracked;
    if (order.brokerOrderId === null && report.brokerOrderId !== '') {
      order.brokerOrderId = report.brokerOrderId;
      if (!isFinal(order.status)) tracked.statusAt = -Infinity;
      order.submittedAt ??= at;
      order.rejectCode = null;
      order.rejectReason = null;
      this.#byBrokerId.set(report.brokerOrderId, tracked);
      changes.orders.add(tracked);
    }
    const over = report.filledQuantity.gt(order.quantity);
    if (over) this.#overfill(tracked, report.filledQuantity, at, changes);
    if (report.filledQuantity.gt(tracked.brokerFilled)) {
      tracked.brokerFilled = over ? new Big(order.quantity) : report.filledQuantity;
      tracked.brokerAverage = report.filledAveragePrice;
    }
  }

  /** The broker says that more was filled than was ordered: never booked, and told once for each amount. */
  #overfill(tracked: Tracked, filled: Big, at: number, changes: Changes): void {
    const { order } = tracked;
    const key = `overfill:${filled.toFixed()}`;
    if (tracked.refused?.has(key) === true) return;
    (tracked.refused ??= new Set()).add(key);
    const detail = { ordered: order.quantity, filled: filled.toFixed(), booked: order.filledQuantity.toFixed() };
    const message = `the broker says that ${filled.toFixed()} of order ${order.clientOrderId} were filled, of ${order.quantity} that were ordered; what is beyond is not booked`;
    changes.events.push({ orderId: order.orderId, key, event: 'overfill', at, detail });
    changes.alarms.push({ code: 'OVERFILL', tracked, message, detail });
  }

  #execute(tracked: Tracked, execution: BrokerExecution, event: string, changes: Changes): void {
    const { order } = tracked;
    const { executionId, quantity, price, at, cumulative } = execution;
    const detail = `${executionId} of ${order.clientOrderId}`;
    if (isBooked(tracked, execution)) {
      changes.dropped.push({ reason: 'duplicate', detail });
      return;
    }
    const filled = order.filledQuantity.plus(quantity);
    if (quantity.lte(0) || price.lte(0)) {
      changes.dropped.push({ reason: 'impossible', detail });
      return;
    }
    if (cumulative?.gt(order.quantity) === true) {
      this.#overfill(tracked, cumulative, at, changes);
      changes.dropped.push({ reason: 'overfill', detail });
      return;
    }
    if (filled.gt(order.quantity)) {
      changes.dropped.push({ reason: 'counted', detail });
      return;
    }
    if (cumulative !== undefined && cumulative.gt(tracked.brokerFilled)) tracked.brokerFilled = cumulative;
    if (filled.gt(tracked.brokerFilled)) {
      // Its shares were booked from the broker's total before the message came.
      changes.dropped.push({ reason: 'counted', detail });
      return;
    }

    const before = this.positions.get(order.symbol) ?? flatPosition(order.symbol);
    const { after, realizedPnl } = applyExecution(before, { side: order.side, quantity, price, at });
    this.positions.set(order.symbol, after);
    changes.positions.add(order.symbol);
    if (this.cash !== undefined) {
      const paid = quantity.times(price).times(order.side === 'buy' ? 1 : -1);
      this.cash = { ...this.cash, amount: this.cash.amount.minus(paid) };
      changes.cash = true;
    }
    (tracked.executions ??= new Map()).set(executionId, intervalOf(execution));
    order.filledQuantity = filled;
    order.filledNotional = order.filledNotional.plus(quantity.times(price));
    order.updatedAt = Math.max(order.updatedAt, at);
    changes.orders.add(tracked);
    changes.trades.push({ executionId, order, quantity, price, realizedPnl, cumulative, at, position: after });
    const row = {
      execution_id: executionId,
      quantity: quantity.toFixed(),
      price: price.toFixed(),
      realized_pnl: realizedPnl.toFixed(),
    };
    changes.events.push({ orderId: order.orderId, key: `x:${executionId}`, event, at, detail: row });
    this.#addToDay(order.symbol, at, quantity, price, realizedPnl, changes);
  }

  #addToDay(symbol: string, at: number, quantity: Big, price: Big, realizedPnl: Big, changes: Changes): void {
    const day = tradingDay(at);
    const key = dailyKey(day, symbol);
    const zero = new Big(0);
    const before = this.daily.get(key) ?? { day, symbol, realizedPnl: zero, trades: 0, volume: zero, notional: zero };
    this.daily.set(key, {
      ...before,
      realizedPnl: before.realizedPnl.plus(realizedPnl),
      trades: before.trades + 1,
      volume: before.volume.plus(quantity),
      notional: before.notional.plus(quantity.times(price)),
    });
    changes.daily.add(key);
  }

  #reportStatus(tracked: Tracked, report: BrokerOrder, at: number, changes: Changes): void {
    const pending = tracked.deferred;
    const candidate = { status: report.status, at };
    const { order, statusAt } = tracked;
    if (supersedes(candidate, { status: order.status, at: statusAt })) {
      if (pending === undefined || supersedes(candidate, pending)) tracked.deferred = candidate;
    } else if (at > statusAt && candidate.status !== order.status) {
      // Not a message that was overtaken: the broker takes an order back out of its end.
      const from = stateOf(order);
      if (brokerTransition(from, candidate.status) === undefined) {
        this.#refuse(tracked, { from, to: candidate.status, by: 'a report of the broker', at }, changes);
      }
    }
    this.#settle(tracked, changes);
  }

  /** Lets a status take effect; a final one only when all executions are booked, so that `filled` always means that the trades are there. */
  #settle(tracked: Tracked, changes: Changes): void {
    const { order, deferred } = tracked;
    const complete = order.filledQuantity.gte(tracked.brokerFilled);
    if (deferred !== undefined && (complete || !isFinal(deferred.status))) {
      if (order.status !== deferred.status) {
        order.status = deferred.status;
        changes.orders.add(tracked);
      }
      order.updatedAt = Math.max(order.updatedAt, deferred.at);
      tracked.statusAt = deferred.at;
      tracked.deferred = undefined;
    }
    if (complete) this.gaps.delete(tracked);
    else this.gaps.add(tracked);
  }
}

import { Big } from '@papergate/service-kit';
import type { BrokerEvent, BrokerExecution, BrokerOrder } from '../broker/broker.ts';
import { tradingDay } from './day.ts';
import type { Order } from './order.ts';
import { applyExecution, flatPosition, type Position } from './position.ts';
import { isFinal, supersedes } from './status.ts';
import { intervalOf, isBooked, track, type Interval, type Tracked } from './tracked.ts';

export interface DailyPnl {
  day: string;
  symbol: string;
  realizedPnl: Big;
  trades: number;
  volume: Big;
  notional: Big;
}

export interface TradeRow {
  executionId: string;
  order: Order;
  quantity: Big;
  price: Big;
  realizedPnl: Big;
  cumulative: Big | undefined;
  at: number;
  /** The position after it. */
  position: Position;
}

export interface EventRow {
  orderId: string;
  key: string;
  event: string;
  at: number;
  detail: Record<string, unknown>;
}

/** What can happen to an order or a position. */
export type Update =
  | { kind: 'event'; event: BrokerEvent }
  /** An order as REST shows it: the answer to its placement, a look-up, a reconciliation. */
  | { kind: 'report'; report: BrokerOrder; event: string; at: number }
  /** Executions that a look-up brought. */
  | { kind: 'executions'; clientOrderId: string; executions: BrokerExecution[] }
  /** Decided on this side: `unknown`, `rejected`, `canceled`; dropped where the order has moved on meanwhile. */
  | { kind: 'local'; clientOrderId: string; status: string; code: string | null; reason: string; at: number }
  /** What the broker holds more (or less) than we do: by how much, so that fills under way between both are not counted twice. */
  | { kind: 'position'; symbol: string; difference: Big; averageEntryPrice: Big; at: number }
  /** Nothing changes; a risk event is to be written. */
  | { kind: 'note' };

/** Everything that a batch of updates changed and that has to be written. */
export interface Changes {
  orders: Set<Tracked>;
  events: EventRow[];
  trades: TradeRow[];
  positions: Set<string>;
  daily: Set<string>;
  /** Messages that count executions twice, or make no sense; for the log and the metrics. */
  dropped: { reason: 'duplicate' | 'counted' | 'foreign' | 'impossible'; detail: string }[];
}

export function noChanges(): Changes {
  return { orders: new Set(), events: [], trades: [], positions: new Set(), daily: new Set(), dropped: [] };
}

export const dailyKey = (day: string, symbol: string): string => `${day} ${symbol}`;

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
  /** Orders of which the broker counts more executions than have arrived. */
  readonly gaps = new Set<Tracked>();

  /** Takes an order in: one that was just committed, or one read from the database. */
  add(order: Order, executions: Map<string, Interval> = new Map()): Tracked {
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
      case 'note':
    }
  }

  #applyEvent({ event, order, execution, at }: BrokerEvent, changes: Changes): void {
    const tracked = this.find(order);
    if (tracked === undefined) {
      changes.dropped.push({ reason: 'foreign', detail: `${event} of ${order.clientOrderId}` });
      return;
    }
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
    if (tracked === undefined || isFinal(tracked.order.status)) return;
    const { order } = tracked;
    // The broker has spoken meanwhile: it knows the order, and its word outweighs a guess from this side.
    if (order.brokerOrderId !== null && update.status !== 'canceled') return;
    order.status = update.status;
    order.rejectCode = update.code;
    order.rejectReason = update.reason;
    order.updatedAt = Math.max(order.updatedAt, update.at);
    tracked.deferred = undefined;
    const detail = { code: update.code, reason: update.reason };
    changes.events.push({
      orderId: order.orderId,
      key: `${update.status}:${update.at}`,
      event: update.status,
      at: update.at,
      detail,
    });
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
    });
    changes.positions.add(update.symbol);
  }

  /** What a message says about the order beside its status. */
  #learn(tracked: Tracked, report: BrokerOrder, at: number, changes: Changes): void {
    const { order } = tracked;
    if (order.brokerOrderId === null && report.brokerOrderId !== '') {
      order.brokerOrderId = report.brokerOrderId;
      order.submittedAt ??= at;
      order.rejectCode = null;
      order.rejectReason = null;
      this.#byBrokerId.set(report.brokerOrderId, tracked);
      changes.orders.add(tracked);
    }
    if (report.filledQuantity.gt(tracked.brokerFilled) && report.filledQuantity.lte(order.quantity)) {
      tracked.brokerFilled = report.filledQuantity;
      tracked.brokerAverage = report.filledAveragePrice;
    }
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
    if (quantity.lte(0) || price.lte(0) || filled.gt(order.quantity)) {
      changes.dropped.push({ reason: quantity.gt(0) && price.gt(0) ? 'counted' : 'impossible', detail });
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
    tracked.executions.set(executionId, intervalOf(execution));
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
    if (supersedes(candidate, { status: tracked.order.status, at: tracked.statusAt })) {
      if (pending === undefined || supersedes(candidate, pending)) tracked.deferred = candidate;
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

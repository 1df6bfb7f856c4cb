import { min, type Account, type Booking } from '../account/account.ts';
import type { Hours, Session } from '../clock/hours.ts';
import type { SimClock } from '../clock/clock.ts';
import type { Micros } from '../clock/new-york.ts';
import type { Instrument, Instruments } from '../market/instruments.ts';
import type { QuoteTick, TradeTick } from '../market/tick.ts';
import type { Execution, WorkingOrder } from '../matching/book.ts';
import { isWholeShares, NANOS, type PriceMicros, type QtyNanos } from '../units/amounts.ts';
import { siblingOf } from './groups.ts';
import { remainingBudget, remainingQty, type Order } from './model.ts';
import { isOpen, type OrderStore } from './store.ts';
import { elects, limitAfterElection, trail } from './triggers.ts';

/** A fill as it is told to the ledger and to the stream. */
export interface FillReport {
  executionId: string;
  price: PriceMicros;
  qty: QtyNanos;
  booking: Booking;
}

export interface FloorDeps {
  clock: SimClock;
  hours: Hours;
  account: Account;
  store: OrderStore;
  instruments: Instruments;
  newId: () => string;
  /** Told of every change of an order, after the state has changed. */
  onEvent: (event: string, order: Order, fill?: FillReport) => void;
  /** Told of what changes in an order without an event: a trailing stop that moved, an election, an exit that shrank. */
  onMoved?: (order: Order) => void;
  /** The part of an arriving order, 0…1, that may be filled at once; `undefined`: all of it. */
  firstFraction?: (order: Order) => number | undefined;
}

/**
 * Where orders live from acceptance to their end: the queue before the open, the stops that wait, the book,
 * the auctions, expiry. Driven by market events and by {@link Floor.advance}.
 */
export class Floor {
  readonly #deps: FloorDeps;
  #waiting = new Set<Order>();
  #auctions: Record<'opg' | 'cls', Set<Order>> = { opg: new Set(), cls: new Set() };
  readonly #stops = new Map<string, Order[]>();
  readonly #eligible = { regular: () => true, extended: (order: WorkingOrder) => order.extended, closed: () => false };
  #boundary: Micros;
  #expiry: Micros = Infinity;
  #session: Session;

  constructor(deps: FloorDeps) {
    this.#deps = deps;
    const now = deps.clock.now();
    this.#session = deps.hours.session(now);
    this.#boundary = deps.hours.nextBoundary(now);
  }

  /** Can an order start to work this moment? Otherwise it waits, as `accepted`. */
  startsNow(order: Pick<Order, 'tif' | 'extendedHours'>): boolean {
    if (order.tif === 'opg' || order.tif === 'cls') return false;
    return this.#session === 'regular' || (this.#session === 'extended' && order.extendedHours);
  }

  route(order: Order): void {
    if (order.expiresAt !== null) this.#expiry = Math.min(this.#expiry, order.expiresAt);
    if (this.startsNow(order)) {
      this.#deps.onEvent('pending_new', order);
      this.#start(order, this.#deps.firstFraction?.(order));
      return;
    }
    order.status = 'accepted';
    this.#deps.onEvent('accepted', order);
    if (order.tif === 'opg' || order.tif === 'cls') this.#auctions[order.tif].add(order);
    else if (order.tif === 'ioc' || order.tif === 'fok') this.end(order, 'canceled');
    else this.#waiting.add(order);
  }

  /** Starts an order that takes the place of one that worked already; a held exit goes on being watched. */
  resume(order: Order): void {
    if (order.expiresAt !== null) this.#expiry = Math.min(this.#expiry, order.expiresAt);
    if (order.status === 'held') this.#engage(order);
    else if (!this.startsNow(order)) {
      order.status = 'accepted';
      this.#deps.onEvent('accepted', order);
      this.#waiting.add(order);
    } else {
      order.status = 'new';
      this.#deps.onEvent('new', order);
      this.#engage(order);
    }
  }

  /** Puts an open order of an earlier process back to where it waited or worked; nobody is told, nothing has changed. */
  readmit(order: Order): void {
    if (order.expiresAt !== null) this.#expiry = Math.min(this.#expiry, order.expiresAt);
    if (order.status === 'accepted') {
      if (order.tif === 'opg' || order.tif === 'cls') this.#auctions[order.tif].add(order);
      else this.#waiting.add(order);
    } else if (order.status !== 'held' || isWatchedWhileHeld(order)) this.#engage(order);
  }

  /** Ends an open order and with it the rest of its group. */
  end(order: Order, how: 'canceled' | 'expired'): void {
    if (!isOpen(order)) return;
    this.finish(order, how);
    this.#endGroup(order);
  }

  #endGroup(order: Order): void {
    for (const leg of order.legs) this.end(leg, 'canceled');
    const sibling = siblingOf(order);
    if (sibling !== undefined) this.end(sibling, 'canceled');
  }

  /** Ends an open order alone. */
  finish(order: Order, how: 'canceled' | 'expired' | 'replaced'): void {
    if (!isOpen(order)) return;
    const now = this.#deps.clock.now();
    this.withdraw(order);
    order.status = how;
    if (how === 'canceled') order.canceledAt = now;
    if (how === 'expired') order.expiredAt = now;
    if (how === 'replaced') order.replacedAt = now;
    this.#deps.store.close(order);
    this.#deps.onEvent(how, order);
  }

  /** Takes an order from wherever it waits or works. */
  withdraw(order: Order): void {
    this.#waiting.delete(order);
    this.#auctions.opg.delete(order);
    this.#auctions.cls.delete(order);
    const stops = this.#stops.get(order.symbol);
    const at = stops?.indexOf(order) ?? -1;
    if (at >= 0) stops?.splice(at, 1);
    this.#instrument(order).book.remove(order.id);
  }

  quote(instrument: Instrument, tick: QuoteTick): void {
    instrument.quote(tick);
    if (instrument.book.size > 0) this.#execute(instrument.book.matchQuote(this.#eligible[this.#session]));
  }

  trade(instrument: Instrument, tick: TradeTick): void {
    instrument.trade(tick);
    if (instrument.book.size > 0) {
      this.#execute(instrument.book.matchTrade(tick.price, tick.size, this.#eligible[this.#session]));
    }
    const stops = this.#stops.get(instrument.symbol);
    if (stops === undefined || stops.length === 0 || this.#session !== 'regular') return;
    for (const order of stops.slice()) {
      if (!isOpen(order) || order.triggered) continue;
      if (trail(order, tick.price)) this.#deps.onMoved?.(order);
      if (elects(order, tick.price)) this.#elect(order);
    }
  }

  /** Brings sessions, auctions and expiries up to the clock. Cheap where nothing is due. */
  advance(): void {
    const now = this.#deps.clock.now();
    while (this.#boundary <= now) {
      const at = this.#boundary;
      const { hours } = this.#deps;
      if (hours.session(at - 1) === 'regular') this.#auction('cls');
      this.#expire(at);
      this.#session = hours.session(at);
      if (this.#session === 'regular') this.#auction('opg');
      this.#release();
      this.#boundary = hours.nextBoundary(at);
    }
    if (this.#expiry <= now) this.#expire(now);
  }

  clear(): void {
    this.#waiting = new Set();
    this.#auctions = { opg: new Set(), cls: new Set() };
    this.#stops.clear();
    this.#expiry = Infinity;
    for (const { book } of this.#deps.instruments.all()) book.clear();
    this.#session = this.#deps.hours.session(this.#deps.clock.now());
    this.#boundary = this.#deps.hours.nextBoundary(this.#deps.clock.now());
  }

  #start(order: Order, fraction?: number): void {
    order.status = 'new';
    order.submittedAt = this.#deps.clock.now();
    this.#deps.onEvent('new', order);
    this.#engage(order, fraction);
    // An oco's stop-loss starts with its parent; exits of an entry only once that is filled.
    if (order.orderClass === 'oco' && isOpen(order)) for (const leg of order.legs) this.#engage(leg);
  }

  #engage(order: Order, fraction?: number): void {
    if (order.triggered || order.type === 'market' || order.type === 'limit') this.#work(order, fraction);
    else this.#watch(order);
  }

  #watch(order: Order): void {
    const { last } = this.#instrument(order);
    const stops = this.#stops.get(order.symbol);
    if (stops === undefined) this.#stops.set(order.symbol, [order]);
    else stops.push(order);
    if (last === 0) return;
    if (trail(order, last)) this.#deps.onMoved?.(order);
    if (elects(order, last) && this.#session === 'regular') this.#elect(order);
  }

  #elect(order: Order): void {
    this.withdraw(order);
    order.triggered = true;
    this.#deps.onMoved?.(order);
    const sibling = siblingOf(order);
    if (sibling !== undefined) this.finish(sibling, 'canceled');
    if (order.status === 'held') {
      order.status = 'new';
      this.#deps.onEvent('new', order);
    }
    this.#work(order);
  }

  #work(order: Order, fraction?: number): void {
    const { book } = this.#instrument(order);
    const limit = order.triggered ? limitAfterElection(order) : order.limit;
    const whole = order.qty !== null && isWholeShares(order.qty);
    const working: WorkingOrder = {
      id: order.id,
      side: order.side,
      limit,
      seq: order.seq,
      remaining: remainingQty(order),
      budget: remainingBudget(order),
      whole,
      extended: order.extendedHours,
    };
    if (order.tif === 'fok' && book.available(order.side, limit) < working.remaining) {
      this.end(order, 'canceled');
      return;
    }
    this.#execute(book.submit(working, fraction === undefined ? undefined : partOf(working, fraction)));
    if (isOpen(order) && (order.tif === 'ioc' || order.tif === 'fok')) this.end(order, 'canceled');
  }

  #execute(executions: Execution[]): void {
    for (const { id, price, qty } of executions) {
      const order = this.#deps.store.get(id);
      if (order !== undefined) this.#fill(order, price, qty);
    }
  }

  #fill(order: Order, price: PriceMicros, qty: QtyNanos): void {
    const now = this.#deps.clock.now();
    order.filledQty += qty;
    order.filledValue += BigInt(price) * qty;
    const booking = this.#deps.account.book(order.symbol, order.side, price, qty);
    const budget = remainingBudget(order);
    const done = budget === null ? remainingQty(order) === 0n : budget / BigInt(price) === 0n;
    order.status = done ? 'filled' : 'partially_filled';
    if (done) {
      order.filledAt = now;
      this.#deps.store.close(order);
    }
    const report: FillReport = { executionId: this.#deps.newId(), price, qty, booking };
    this.#deps.onEvent(done ? 'fill' : 'partial_fill', order, report);

    const sibling = siblingOf(order);
    if (sibling !== undefined && isOpen(sibling)) {
      if (done) this.finish(sibling, 'canceled');
      else if (sibling.qty !== null) {
        sibling.qty = sibling.filledQty + remainingQty(order);
        this.#deps.onMoved?.(sibling);
      }
    }
    if (done && order.role === 'entry') this.#activateExits(order);
  }

  /** The stop-loss is watched first, so that a market that has run through it does not fill the take-profit instead. */
  #activateExits(entry: Order): void {
    for (const role of ['stop_loss', 'take_profit'] as const) {
      const leg = entry.legs.find((candidate) => candidate.role === role);
      if (leg === undefined || !isOpen(leg)) continue;
      const paired = siblingOf(leg) !== undefined;
      if (role === 'stop_loss' && paired) this.#engage(leg);
      else this.#start(leg);
    }
  }

  #auction(tif: 'opg' | 'cls'): void {
    const orders = [...this.#auctions[tif]].sort((a, b) => a.seq - b.seq);
    this.#auctions[tif].clear();
    for (const order of orders) {
      if (!isOpen(order)) continue;
      this.#start(order);
      this.end(order, 'canceled');
    }
  }

  #release(): void {
    for (const order of [...this.#waiting].sort((a, b) => a.seq - b.seq)) {
      if (!this.startsNow(order)) continue;
      this.#waiting.delete(order);
      this.#start(order);
    }
  }

  #expire(now: Micros): void {
    const due: Order[] = [];
    let next = Infinity;
    for (const order of this.#deps.store.open()) {
      if (order.expiresAt === null) continue;
      if (order.expiresAt <= now) due.push(order);
      else next = Math.min(next, order.expiresAt);
    }
    this.#expiry = next;
    for (const order of due) this.finish(order, 'expired');
    for (const order of due) this.#endGroup(order);
  }

  #instrument(order: Order): Instrument {
    return this.#deps.instruments.list(order.symbol);
  }
}

/** The stop-loss of a pair is watched from its take-profit's start on, and shows as held until it is elected. */
function isWatchedWhileHeld(order: Order): boolean {
  if (order.role !== 'stop_loss' || siblingOf(order) === undefined) return false;
  return order.orderClass === 'oco' ? order.parent?.status !== 'accepted' : order.parent?.status === 'filled';
}

function partOf(order: WorkingOrder, fraction: number): QtyNanos {
  const part = (order.remaining * BigInt(Math.round(fraction * 1e6))) / 1_000_000n;
  return order.whole ? min(order.remaining, part - (part % NANOS)) : part;
}

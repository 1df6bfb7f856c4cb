import { AlpacaError, refusals } from '../errors.ts';
import type { Hours } from '../clock/hours.ts';
import type { SimClock } from '../clock/clock.ts';
import {
  DAY,
  fromNewYork,
  HOUR,
  MINUTE,
  addDays,
  newYorkDate,
  newYorkTimeOfDay,
  type Micros,
} from '../clock/new-york.ts';
import type { Instrument } from '../market/instruments.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { isWholeShares } from '../units/amounts.ts';
import { bodyOf, choiceField, percentField, priceField, qtyField, textField } from './fields.ts';
import {
  decideOpening,
  refuseLateAuction,
  refuseStopAtMarket,
  refuseUnaffordable,
  refuseWashTrade,
  type CheckDeps,
} from './checks.ts';
import type { Floor } from './floor.ts';
import { legSpecs } from './groups.ts';
import { newOrder, orderJson, remainingQty, TIMES_IN_FORCE, type Order, type OrderSpec } from './model.ts';
import { isOpen } from './store.ts';
import { readOrderRequest } from './validate.ts';
import { setTrailingStop } from './triggers.ts';

export interface DeskDeps extends CheckDeps {
  clock: SimClock;
  hours: Hours;
  floor: Floor;
  ledger: Ledger;
  newId: () => string;
  suspended: () => boolean;
  /** An order has got other relatives. */
  onKin: (order: Order) => void;
  /** All that a request brought about is done; called before it is answered. */
  commit: () => void;
}

/** What clients ask of the exchange: place, cancel, replace. Refuses with {@link AlpacaError}, otherwise has done it. */
export class Desk {
  readonly #deps: DeskDeps;

  constructor(deps: DeskDeps) {
    this.#deps = deps;
  }

  /**
   * Accepts or refuses `POST /v2/orders`. The answer shows the order as it was when accepted (`pending_new`,
   * or `accepted` while its market is shut): what the market then does to it, the stream and `GET` tell.
   */
  submit(body: unknown): Record<string, unknown> {
    try {
      const order = this.#accept(readOrderRequest(body, this.#deps.newId));
      const answer = orderJson(order, true);
      this.#deps.floor.route(order);
      return answer;
    } catch (error) {
      if (error instanceof AlpacaError) {
        const asked = (body as { client_order_id?: unknown } | null)?.client_order_id;
        this.#deps.ledger.refusal(typeof asked === 'string' ? asked : null, {
          status: error.status,
          code: error.code,
          message: error.message,
        });
      }
      throw error;
    } finally {
      this.#deps.commit();
    }
  }

  #accept(asked: OrderSpec): Order {
    const { store, ledger, instruments, clock, hours, newId, floor } = this.#deps;
    if (this.#deps.suspended()) throw refusals.forbidden('new orders are rejected by user request');
    const instrument = instruments.find(asked.symbol);
    if (instrument === undefined) throw refusals.unprocessable(`could not find asset "${asked.symbol}"`);
    const spec = { ...asked, symbol: instrument.symbol };
    if (store.byClientId(spec.clientOrderId) !== undefined) throw refusals.invalid('client_order_id must be unique');
    const now = clock.now();
    refuseLateAuction(spec, hours.kind === 'regular', newYorkTimeOfDay(now) / MINUTE);
    refuseStopAtMarket(spec, instrument);
    refuseWashTrade(this.#deps, spec);
    const opening = decideOpening(this.#deps, spec, instrument);

    const order = this.#make(spec, instrument, opening, now);
    refuseUnaffordable(this.#deps, order);
    if (spec.orderClass !== 'simple') order.role = spec.orderClass === 'oco' ? 'take_profit' : 'entry';
    for (const leg of legSpecs(spec, newId)) {
      const child = this.#make(leg.spec, instrument, false, now);
      child.status = 'held';
      child.role = leg.role;
      child.parent = order;
      order.legs.push(child);
    }
    order.status = floor.startsNow(order) ? 'pending_new' : 'accepted';
    for (const accepted of [order, ...order.legs]) {
      store.add(accepted);
      ledger.order(accepted);
    }
    return order;
  }

  #make(spec: OrderSpec, instrument: Instrument, opening: boolean, now: Micros): Order {
    return newOrder(spec, {
      id: this.#deps.newId(),
      assetId: instrument.assetId,
      seq: this.#deps.store.nextSeq(),
      createdAt: now,
      expiresAt: this.#expiry(spec, now),
      opening,
    });
  }

  /** Day orders end with the session, gtc orders after 90 days at 16:15 New York. */
  #expiry({ tif, extendedHours }: OrderSpec, now: Micros): Micros | null {
    if (tif === 'day') return this.#deps.hours.dayOrderExpiry(now, extendedHours);
    if (tif === 'gtc') return fromNewYork(addDays(newYorkDate(now), 90), 16 * HOUR + 15 * MINUTE);
    return tif === 'opg' || tif === 'cls' ? now + 7 * DAY : null;
  }

  cancel(order: Order): void {
    if (!isOpen(order)) throw refusals.unprocessable(`order is already in "${order.status}" state`);
    this.#deps.floor.end(order, 'canceled');
    this.#deps.commit();
  }

  /** Every open order, entries before their legs, with the status that a single cancel would have given. */
  cancelAll(): { id: string; status: number }[] {
    const open = [...this.#deps.store.open()].sort((a, b) => a.seq - b.seq);
    const answer = open.map((order) => {
      if (isOpen(order)) this.#deps.floor.end(order, 'canceled');
      return { id: order.id, status: 200 };
    });
    this.#deps.commit();
    return answer;
  }

  /**
   * `PATCH /v2/orders/:id`: a new order takes the old one's place. A quantity is the whole order's, what was
   * filled before included; the new order is for the rest.
   */
  replace(old: Order, value: unknown): Record<string, unknown> {
    const { store, ledger, floor, clock, instruments } = this.#deps;
    const spec = this.#replacement(old, value);
    const instrument = instruments.list(old.symbol);
    const opening =
      old.role === 'take_profit' || old.role === 'stop_loss' ? false : decideOpening(this.#deps, spec, instrument, old);
    const order = this.#make(spec, instrument, opening, clock.now());
    refuseUnaffordable(this.#deps, order, old);

    order.replaces = old.id;
    order.role = old.role;
    order.hwm = old.hwm;
    if (order.type === 'trailing_stop') setTrailingStop(order);
    this.#adopt(old, order);
    const held = old.status === 'held';
    old.replacedBy = order.id;
    order.status = held ? 'held' : 'pending_new';
    store.add(order);
    ledger.order(order);
    for (const kin of [order.parent, ...order.legs, old]) if (kin !== null) this.#deps.onKin(kin);
    const answer = orderJson(order, true);
    floor.finish(old, 'replaced');
    if (!held || old.orderClass === 'oco' || order.parent?.status === 'filled') floor.resume(order);
    this.#deps.commit();
    return answer;
  }

  /** Puts the new order into the old one's place in its group. */
  #adopt(old: Order, order: Order): void {
    order.parent = old.parent;
    order.legs = old.legs;
    old.legs = [];
    for (const leg of order.legs) leg.parent = order;
    if (order.parent !== null) order.parent.legs = order.parent.legs.map((leg) => (leg === old ? order : leg));
  }

  #replacement(old: Order, value: unknown): OrderSpec {
    if (!isOpen(old)) throw refusals.unprocessable(`order is already in "${old.status}" state`);
    if (old.status === 'accepted' || old.status === 'pending_new') {
      throw refusals.unprocessable(`cannot replace order in ${old.status} status`);
    }
    if (old.notional !== null) throw refusals.unprocessable('notional orders cannot be replaced');
    const body = bodyOf(value, 'a replacement');
    const limit = priceField(body, 'limit_price');
    const stop = priceField(body, 'stop_price');
    const clientOrderId = textField(body, 'client_order_id') ?? this.#deps.newId();
    if (clientOrderId.length > 128) throw refusals.invalid('client_order_id must be no more than 128 characters');
    if (this.#deps.store.byClientId(clientOrderId) !== undefined) {
      throw refusals.invalid('client_order_id must be unique');
    }
    if (limit !== undefined && old.limit === null) throw refusals.invalid(`${old.type} orders take no limit_price`);
    if (stop !== undefined && old.type !== 'stop' && old.type !== 'stop_limit') {
      throw refusals.invalid(`${old.type} orders take no stop_price`);
    }
    const spec: OrderSpec = {
      ...old,
      clientOrderId,
      tif: choiceField(body, 'time_in_force', TIMES_IN_FORCE) ?? old.tif,
      qty: this.#newQty(old, qtyField(body)),
      limit: limit ?? old.limit,
      stop: stop ?? old.stop,
      takeProfit: null,
      stopLoss: null,
    };
    if (body['trail'] !== undefined && body['trail'] !== null) {
      if (old.type !== 'trailing_stop') throw refusals.invalid('trail is for trailing_stop orders only');
      if (old.trailPrice !== null) spec.trailPrice = priceField(body, 'trail') ?? old.trailPrice;
      else spec.trailPercent = percentField(body, 'trail') ?? old.trailPercent;
    }
    return pickSpec(spec);
  }

  #newQty(old: Order, asked: bigint | undefined): bigint {
    if (asked === undefined) return remainingQty(old);
    if (old.qty !== null && !isWholeShares(old.qty))
      throw refusals.unprocessable('qty of fractional orders cannot be replaced');
    if (!isWholeShares(asked)) throw refusals.invalid('qty must be in whole shares');
    if (asked <= old.filledQty) throw refusals.unprocessable('qty must be > filled_qty');
    if (old.role !== null && asked !== old.qty)
      throw refusals.unprocessable('qty of complex orders cannot be replaced');
    return asked - old.filledQty;
  }
}

/** Only the keys of a spec: an order spread into one carries its state along. */
function pickSpec(from: OrderSpec): OrderSpec {
  const { clientOrderId, symbol, side, type, tif, orderClass, extendedHours, qty, notional, limit, stop } = from;
  const { trailPrice, trailPercent, takeProfit, stopLoss } = from;
  return {
    clientOrderId,
    symbol,
    side,
    type,
    tif,
    orderClass,
    extendedHours,
    qty,
    notional,
    limit,
    stop,
    trailPrice,
    trailPercent,
    takeProfit,
    stopLoss,
  };
}

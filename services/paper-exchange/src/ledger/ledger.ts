import { toRfc3339, type Micros } from '../clock/new-york.ts';
import type { Order } from '../orders/model.ts';
import { formatMoney, formatPrice, formatQty, type PriceMicros, type QtyNanos } from '../units/amounts.ts';
import type { Booking } from '../account/account.ts';

/** One line of the ledger: what happened, in the order in which it happened. Amounts are decimal text. */
export type LedgerEntry =
  | {
      seq: number;
      at: string;
      kind: 'order';
      order_id: string;
      client_order_id: string;
      symbol: string;
      side: string;
      type: string;
      time_in_force: string;
      order_class: string;
      qty: string | null;
      notional: string | null;
      limit_price: string | null;
      stop_price: string | null;
      parent_id: string | null;
      replaces: string | null;
    }
  | { seq: number; at: string; kind: 'event'; event: string; order_id: string; client_order_id: string; status: string }
  | {
      seq: number;
      at: string;
      kind: 'fill';
      execution_id: string;
      order_id: string;
      client_order_id: string;
      symbol: string;
      side: string;
      qty: string;
      price: string;
      cum_qty: string;
      leaves_qty: string;
      order_status: string;
      position_qty: string;
      cash: string;
      realized_pl: string;
    }
  | {
      seq: number;
      at: string;
      kind: 'refusal';
      client_order_id: string | null;
      status: number;
      code: number;
      message: string;
    };

type Unnumbered<T> = T extends LedgerEntry ? Omit<T, 'seq' | 'at'> : never;
export type FillEntry = Extract<LedgerEntry, { kind: 'fill' }>;

/** Append-only record of every order, refusal, event and fill; `seq` counts 1, 2, 3… without gaps. */
export class Ledger {
  readonly #now: () => Micros;
  readonly #onEntry: (entry: LedgerEntry, order: Order | undefined) => void;
  #base = 0;
  #entries: LedgerEntry[] = [];
  #fills: FillEntry[] = [];

  /** `onEntry` is told of every entry with the order that it is about, as it is now. */
  constructor(now: () => Micros, onEntry: (entry: LedgerEntry, order: Order | undefined) => void = () => undefined) {
    this.#now = now;
    this.#onEntry = onEntry;
  }

  /** `seq` of the last entry. */
  get size(): number {
    return this.#base + this.#entries.length;
  }

  /** `seq` of the last entry that is not kept any more. */
  get base(): number {
    return this.#base;
  }

  order(order: Order): void {
    this.#append(order, {
      kind: 'order',
      order_id: order.id,
      client_order_id: order.clientOrderId,
      symbol: order.symbol,
      side: order.side,
      type: order.type,
      time_in_force: order.tif,
      order_class: order.orderClass,
      qty: order.qty === null ? null : formatQty(order.qty),
      notional: order.notional === null ? null : formatMoney(order.notional),
      limit_price: order.limit === null ? null : formatPrice(order.limit),
      stop_price: order.stop === null ? null : formatPrice(order.stop),
      parent_id: order.parent?.id ?? null,
      replaces: order.replaces,
    });
  }

  event(event: string, order: Order): void {
    this.#append(order, {
      kind: 'event',
      event,
      order_id: order.id,
      client_order_id: order.clientOrderId,
      status: order.status,
    });
  }

  fill(order: Order, fill: { executionId: string; price: PriceMicros; qty: QtyNanos; booking: Booking }): void {
    this.#append(order, {
      kind: 'fill',
      execution_id: fill.executionId,
      order_id: order.id,
      client_order_id: order.clientOrderId,
      symbol: order.symbol,
      side: order.side,
      qty: formatQty(fill.qty),
      price: formatPrice(fill.price),
      cum_qty: formatQty(order.filledQty),
      leaves_qty: order.qty === null ? '0' : formatQty(order.qty - order.filledQty),
      order_status: order.status,
      position_qty: formatQty(fill.booking.position),
      cash: formatMoney(fill.booking.cash),
      realized_pl: formatMoney(fill.booking.realized),
    });
  }

  refusal(clientOrderId: string | null, refusal: { status: number; code: number; message: string }): void {
    this.#append(undefined, { kind: 'refusal', client_order_id: clientOrderId, ...refusal });
  }

  /** Entries with `seq` > `after`, at most `limit`. */
  read(after: number, limit: number): LedgerEntry[] {
    const from = Math.max(0, after - this.#base);
    return this.#entries.slice(from, from + limit);
  }

  /** Fills in the order in which they happened, for account activities. */
  fills(): readonly FillEntry[] {
    return this.#fills;
  }

  clear(): void {
    this.restore([], 0);
  }

  /** Goes on after these entries, of which the first has `seq` = `base` + 1. */
  restore(entries: LedgerEntry[], base: number): void {
    this.#base = base;
    this.#entries = entries;
    this.#fills = entries.filter((entry) => entry.kind === 'fill');
  }

  #append(order: Order | undefined, entry: Unnumbered<LedgerEntry>): void {
    const numbered: LedgerEntry = { seq: this.size + 1, at: toRfc3339(this.#now()), ...entry };
    this.#entries.push(numbered);
    if (numbered.kind === 'fill') this.#fills.push(numbered);
    this.#onEntry(numbered, order);
  }
}

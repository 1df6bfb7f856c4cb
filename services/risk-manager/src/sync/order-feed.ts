import type { Logger } from 'pino';
import { messageOf } from '@papergate/config';
import { ordersOf, type Envelope, type Fill, type OrderView } from '@papergate/service-kit';
import type { Exposure } from '../exposure/exposure.ts';
import type { Zone } from '../limits/zone.ts';
import { attos, nanos, type Attos } from '../units.ts';
import { periodOf, type Period } from './period.ts';
import type { Snapshot } from './snapshot.ts';

export interface OrderFeedOptions {
  exposure: Exposure;
  load: (period: Period, reserved: string[]) => Promise<Snapshot>;
  /** New York: the zone that `daily_pnl` counts days in. */
  zone: Pick<Zone, 'day'>;
  onFill: (fill: Fill, realized: Attos) => void;
  onOrder: (order: OrderView) => void;
  onSynced: () => void;
  logger: Pick<Logger, 'info' | 'warn'>;
  now: () => number;
}

const FINAL = new Set(['filled', 'canceled', 'expired', 'rejected', 'replaced']);

export const hasEnded = ({ status }: Pick<OrderView, 'status'>): boolean => FINAL.has(status);

/** A reservation this young may belong to an order that is not in the database yet. */
const YOUNG_MS = 5_000;

/**
 * Keeps positions and reservations in step with execution-engine: a snapshot of the database, then the
 * messages of the bus. A gap in these, a restart of the engine, or time passing leads to another snapshot;
 * what the bus says while one is read is applied after it, and what it has seen already is not counted twice.
 */
export class OrderFeed {
  readonly #options: OrderFeedOptions;
  #synced = false;
  #period: Period | undefined;
  #seen = new Set<string>();
  /** Orders that are counted among the trades of today, by client_order_id; the latest are enough. */
  #traded = new Set<string>();
  #waiting: [topic: string, message: Envelope<unknown>][] | undefined;
  #running: Promise<void> | undefined;
  #again = false;

  constructor(options: OrderFeedOptions) {
    this.#options = options;
  }

  /** A snapshot has been read. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Reads a snapshot; rejects where the database does not answer. A call during one makes another follow it. */
  sync(): Promise<void> {
    if (this.#running !== undefined) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#sync().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  take(topic: string, message: Envelope<unknown>): void {
    if (this.#waiting !== undefined) this.#waiting.push([topic, message]);
    else this.#apply(topic, message);
  }

  async #sync(): Promise<void> {
    do {
      this.#again = false;
      const startedAt = this.#options.now();
      this.#waiting = [];
      try {
        const period = periodOf(this.#options.zone.day(startedAt));
        const reserved = [...this.#options.exposure.reservations.keys()];
        this.#install(await this.#options.load(period, reserved), period, startedAt);
      } finally {
        const waiting = this.#waiting;
        this.#waiting = undefined;
        for (const [topic, message] of waiting) this.#apply(topic, message);
      }
    } while (this.#again);
    if (!this.#synced) {
      this.#synced = true;
      this.#options.onSynced();
    }
  }

  #install(snapshot: Snapshot, period: Period, startedAt: number): void {
    const { exposure } = this.#options;
    const held = new Set(snapshot.positions.map(({ symbol }) => symbol));
    for (const symbol of exposure.symbols.values()) {
      if (!held.has(symbol.symbol)) exposure.setPosition(symbol.symbol, 0n, 0n, undefined);
    }
    for (const { symbol, quantity, averagePrice, openedAt } of snapshot.positions) {
      exposure.setPosition(symbol, quantity, averagePrice, openedAt);
    }
    for (const clientOrderId of snapshot.ended) exposure.release(clientOrderId);
    const open = new Set(snapshot.orders.map(({ clientOrderId }) => clientOrderId));
    for (const { clientOrderId, at } of exposure.reservations.values()) {
      if (!open.has(clientOrderId) && at < startedAt - YOUNG_MS) exposure.release(clientOrderId);
    }
    for (const { filled, price, createdAt, atBroker, ...order } of snapshot.orders) {
      exposure.reserve({ ...order, remaining: order.quantity - filled, at: createdAt }, price);
      if (atBroker) exposure.funds.tell(order.clientOrderId, startedAt);
    }
    exposure.funds.tellAllBut(exposure.reservations, startedAt);
    exposure.realizedToday = snapshot.realizedToday;
    exposure.realizedWeek = snapshot.realizedWeek;
    exposure.realizedMonth = snapshot.realizedMonth;
    exposure.tradesToday = snapshot.tradesToday;
    this.#period = period;
    this.#seen = new Set(snapshot.executions);
    this.#traded = new Set(snapshot.traded);
  }

  #apply(topic: string, message: Envelope<unknown>): void {
    try {
      if (topic === 'fill') this.#fill(message.data as Fill);
      else if (topic === 'order') for (const order of ordersOf(message.data)) this.#order(order);
    } catch (error) {
      this.#options.logger.warn(
        { topic, seq: message.seq, reason: messageOf(error) },
        'a message of the order path cannot be read',
      );
      void this.sync().catch(() => undefined);
    }
  }

  #fill(fill: Fill): void {
    if (this.#seen.has(fill.fill_id)) return;
    this.#seen.add(fill.fill_id);
    const { exposure, onFill, zone } = this.#options;
    const { position } = fill as Fill & { position: { opened_at?: string | null } };
    const openedAt =
      typeof position.opened_at === 'string' ? Date.parse(position.opened_at) : Date.parse(fill.filled_at);
    exposure.setPosition(position.symbol, nanos(position.quantity), nanos(position.avg_entry_price), openedAt);
    const realized = attos(fill.realized_pnl);
    this.#count(fill, realized, zone.day(Date.parse(fill.filled_at)));
    onFill(fill, realized);
  }

  /** Days are compared as text: YYYY-MM-DD. */
  #count(fill: Fill, realized: Attos, day: string): void {
    const { exposure } = this.#options;
    const period = this.#period;
    if (period === undefined) return;
    // Midnight has passed since the last snapshot: the next one begins the new day.
    if (day > period.day) void this.sync().catch(() => undefined);
    if (day >= period.week) exposure.realizedWeek += realized;
    if (day >= period.month) exposure.realizedMonth += realized;
    if (day !== period.day) return;
    exposure.realizedToday += realized;
    if (this.#traded.has(fill.client_order_id)) return;
    this.#traded.add(fill.client_order_id);
    exposure.addTrade(fill.client_order_id);
  }

  #order(order: OrderView): void {
    const { exposure, now, onOrder } = this.#options;
    if (hasEnded(order)) {
      exposure.release(order.client_order_id);
      if (nanos(order.filled_quantity) === 0n) exposure.funds.drop(order.client_order_id);
      else exposure.funds.tell(order.client_order_id, now());
    } else {
      if (order.broker_order_id !== null) exposure.funds.tell(order.client_order_id, now());
      if (!exposure.reservations.has(order.client_order_id)) {
        const quantity = nanos(order.quantity);
        const price = nanos(order.price ?? order.stop_price ?? '0');
        exposure.reserve(
          {
            clientOrderId: order.client_order_id,
            symbol: order.symbol,
            side: order.side,
            quantity,
            remaining: quantity,
            limit: order.price === null ? undefined : nanos(order.price),
            traded: this.#traded.has(order.client_order_id),
            at: now(),
          },
          price,
        );
      }
      exposure.shrink(order.client_order_id, nanos(order.filled_quantity));
    }
    onOrder(order);
  }
}

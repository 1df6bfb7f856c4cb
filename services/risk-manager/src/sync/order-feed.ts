import type { Logger } from 'pino';
import { messageOf } from '@papergate/config';
import type { Envelope, Fill, OrderView } from '@papergate/service-kit';
import type { Exposure } from '../exposure/exposure.ts';
import type { Zone } from '../limits/zone.ts';
import { attos, nanos, type Attos } from '../units.ts';
import type { Snapshot } from './snapshot.ts';

export interface OrderFeedOptions {
  exposure: Exposure;
  load: (day: string, reserved: string[]) => Promise<Snapshot>;
  /** New York: the zone that `daily_pnl` counts days in. */
  zone: Pick<Zone, 'day'>;
  onFill: (fill: Fill, realized: Attos) => void;
  onOrder: (order: OrderView) => void;
  onSynced: () => void;
  logger: Pick<Logger, 'info' | 'warn'>;
  now: () => number;
}

const FINAL = new Set(['filled', 'canceled', 'expired', 'rejected', 'replaced']);
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
  #day: string | undefined;
  #seen = new Set<string>();
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
        const day = this.#options.zone.day(startedAt);
        const reserved = [...this.#options.exposure.reservations.keys()];
        this.#install(await this.#options.load(day, reserved), day, startedAt);
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

  #install(snapshot: Snapshot, day: string, startedAt: number): void {
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
    for (const { filled, price, createdAt, ...order } of snapshot.orders) {
      exposure.reserve({ ...order, remaining: order.quantity - filled, at: createdAt }, price);
    }
    exposure.realizedToday = snapshot.realizedToday;
    this.#day = day;
    this.#seen = new Set(snapshot.executions);
  }

  #apply(topic: string, message: Envelope<unknown>): void {
    try {
      if (topic === 'fill') this.#fill(message.data as Fill);
      else if (topic === 'order') this.#order(message.data as OrderView);
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
    if (zone.day(Date.parse(fill.filled_at)) === this.#day) exposure.realizedToday += realized;
    onFill(fill, realized);
  }

  #order(order: OrderView): void {
    const { exposure, now, onOrder } = this.#options;
    if (FINAL.has(order.status)) exposure.release(order.client_order_id);
    else {
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

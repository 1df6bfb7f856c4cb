import { isClosed, type Order } from './model.ts';

/** Every order ever accepted, found by either id, and the open ones by symbol. */
export class OrderStore {
  readonly #byId = new Map<string, Order>();
  readonly #byClientId = new Map<string, Order>();
  readonly #open = new Map<string, Set<Order>>();
  #seq = 0;

  nextSeq(): number {
    this.#seq += 1;
    return this.#seq;
  }

  add(order: Order): void {
    this.#byId.set(order.id, order);
    this.#byClientId.set(order.clientOrderId, order);
    const open = this.#open.get(order.symbol);
    if (open === undefined) this.#open.set(order.symbol, new Set([order]));
    else open.add(order);
  }

  /**
   * Puts back orders of an earlier process, given in the order of acceptance.
   * @returns those that are open
   */
  restore(orders: readonly Order[]): Order[] {
    for (const order of orders) {
      this.add(order);
      if (isClosed(order.status)) this.close(order);
      this.#seq = Math.max(this.#seq, order.seq);
    }
    return orders.filter(isOpen);
  }

  /** Takes a closed order out of the open ones; it stays findable. */
  close(order: Order): void {
    this.#open.get(order.symbol)?.delete(order);
  }

  get(id: string): Order | undefined {
    return this.#byId.get(id);
  }

  byClientId(clientOrderId: string): Order | undefined {
    return this.#byClientId.get(clientOrderId);
  }

  /** Open orders of a symbol in the order of acceptance. */
  openOf(symbol: string): Iterable<Order> {
    return this.#open.get(symbol) ?? [];
  }

  /** All open orders, by symbol. */
  *open(): Iterable<Order> {
    for (const orders of this.#open.values()) yield* orders;
  }

  /** Newest last. */
  all(): Iterable<Order> {
    return this.#byId.values();
  }

  get size(): number {
    return this.#byId.size;
  }

  get openCount(): number {
    let count = 0;
    for (const orders of this.#open.values()) count += orders.size;
    return count;
  }

  clear(): void {
    this.#byId.clear();
    this.#byClientId.clear();
    this.#open.clear();
  }
}

export const isOpen = (order: Order): boolean => !isClosed(order.status);

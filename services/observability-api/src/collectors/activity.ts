import type { Fill, OrderView, Signal } from '@papergate/service-kit';

/** The newest first, at most `size`. */
export class Recent<T> {
  #items: T[] = [];
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
  }

  add(item: T): void {
    this.#items.push(item);
    if (this.#items.length >= this.#size * 2) this.#items = this.#items.slice(-this.#size);
  }

  list(limit = this.#size): T[] {
    return this.#items.slice(-Math.min(limit, this.#size)).toReversed();
  }
}

/** Order ids that are remembered, twice over, to count each order once. */
const MAX_KNOWN = 50_000;

/** What the bus told lately of signals, orders and fills; counts since start. */
export class Activity {
  readonly signals = new Recent<Signal>(200);
  readonly fills = new Recent<Fill>(200);
  #orders = 0;
  #known = new Set<string>();
  #knownBefore = new Set<string>();
  #fills = 0;
  #signals = 0;

  get counts(): { orders: number; fills: number; signals: number } {
    return { orders: this.#orders, fills: this.#fills, signals: this.#signals };
  }

  signal(signal: Signal): void {
    this.#signals += 1;
    this.signals.add(signal);
  }

  /** Counted when it is first told of; it is told of again at each change. */
  order(order: OrderView): void {
    if (this.#known.has(order.order_id) || this.#knownBefore.has(order.order_id)) return;
    this.#orders += 1;
    this.#known.add(order.order_id);
    if (this.#known.size < MAX_KNOWN) return;
    this.#knownBefore = this.#known;
    this.#known = new Set();
  }

  fill(fill: Fill): void {
    this.#fills += 1;
    this.fills.add(fill);
  }
}

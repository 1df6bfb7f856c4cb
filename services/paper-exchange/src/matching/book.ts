import { NANOS, sizeToNanos, type MoneyFemtos, type PriceMicros, type QtyNanos } from '../units/amounts.ts';

export type Side = 'buy' | 'sell';

/** An order as the matcher sees it: what is left of it and what it will pay. */
export interface WorkingOrder {
  readonly id: string;
  readonly side: Side;
  /** `null`: any price. */
  readonly limit: PriceMicros | null;
  /** Time priority: lower came first. */
  readonly seq: number;
  /** Shares left; ignored where `budget` is set. */
  remaining: QtyNanos;
  /** A notional order's money left; it buys or sells as many nano-shares as fit in. */
  budget: MoneyFemtos | null;
  /** Ordered in whole shares: it is never filled in fractions. */
  readonly whole: boolean;
  /** Executes outside regular hours too. */
  readonly extended: boolean;
}

/** `qty` of order `id` traded at `price`: the market's own price, which is the order's limit or better. */
export interface Execution {
  id: string;
  price: PriceMicros;
  qty: QtyNanos;
}

/** The market outside: best bid and ask with the shares that are still to be had there. 0 where there is none. */
export interface TopOfBook {
  bid: PriceMicros;
  bidSize: QtyNanos;
  ask: PriceMicros;
  askSize: QtyNanos;
}

type Eligible = (order: WorkingOrder) => boolean;
const everyOrder: Eligible = () => true;

/**
 * Price-time matching of one symbol: our own resting orders against what the market shows. Orders take the
 * market's quoted size and no more; what they took is gone until the next quote. Our orders never trade with
 * each other: they belong to one account.
 *
 * Pure: no clock, no randomness; the same calls give the same executions.
 */
export class Book {
  readonly #buys: WorkingOrder[] = [];
  readonly #sells: WorkingOrder[] = [];
  readonly #market: TopOfBook = { bid: 0, bidSize: 0n, ask: 0, askSize: 0n };
  #quoted = false;
  /** Sizes as the feed gave them, until somebody looks: most quotes are replaced before any order meets them. */
  #fresh: { bidSize: number; askSize: number } | undefined;

  get market(): Readonly<TopOfBook> {
    return this.#top();
  }

  get size(): number {
    return this.#buys.length + this.#sells.length;
  }

  /** Resting orders in the order in which they would be filled. */
  resting(side: Side): readonly WorkingOrder[] {
    return side === 'buy' ? this.#buys : this.#sells;
  }

  /** New quote: its sizes replace whatever was left. */
  setQuote(bid: PriceMicros, bidSize: number, ask: PriceMicros, askSize: number): void {
    this.#quoted = true;
    this.#replace(bid, bidSize, ask, askSize);
  }

  /**
   * A print. A symbol whose feed has no quotes at all (a trade-only file) is taken to be for sale and wanted
   * at its last print, in that print's size.
   */
  setTrade(price: PriceMicros, size: number): void {
    if (!this.#quoted) this.#replace(price, size, price, size);
  }

  #replace(bid: PriceMicros, bidSize: number, ask: PriceMicros, askSize: number): void {
    this.#market.bid = bid;
    this.#market.ask = ask;
    if (this.#fresh === undefined) this.#fresh = { bidSize, askSize };
    else {
      this.#fresh.bidSize = bidSize;
      this.#fresh.askSize = askSize;
    }
  }

  #top(): TopOfBook {
    if (this.#fresh !== undefined) {
      this.#market.bidSize = sizeToNanos(this.#fresh.bidSize);
      this.#market.askSize = sizeToNanos(this.#fresh.askSize);
      this.#fresh = undefined;
    }
    return this.#market;
  }

  /** Fills resting orders from the quoted sizes. */
  matchQuote(eligible: Eligible = everyOrder): Execution[] {
    const done: Execution[] = [];
    if (this.size === 0) return done;
    const top = this.#top();
    top.askSize -= this.#take(this.#buys, top.ask, top.askSize, eligible, done);
    top.bidSize -= this.#take(this.#sells, top.bid, top.bidSize, eligible, done);
    return done;
  }

  /** A print at or through a resting limit fills it, up to the print's size over both sides. Market orders wait for a quote. */
  matchTrade(price: PriceMicros, size: number, eligible: Eligible = everyOrder): Execution[] {
    if (!this.#quoted) return this.matchQuote(eligible);
    const done: Execution[] = [];
    if (this.size === 0) return done;
    const limited: Eligible = (order) => order.limit !== null && eligible(order);
    const available = sizeToNanos(size);
    const bought = this.#take(this.#buys, price, available, limited, done);
    this.#take(this.#sells, price, available - bought, limited, done);
    return done;
  }

  /**
   * Matches an arriving order at once and lets the rest of it rest. `most` caps what it may take now. Orders
   * that came earlier at its price or a better one cannot be overtaken: had there been size for them, they
   * would have taken it when it appeared.
   */
  submit(order: WorkingOrder, most?: QtyNanos): Execution[] {
    const done: Execution[] = [];
    const own = [order];
    const buy = order.side === 'buy';
    const top = this.#top();
    const size = buy ? top.askSize : top.bidSize;
    const allowed = most === undefined || most > size ? size : most;
    const taken = this.#take(own, buy ? top.ask : top.bid, allowed, everyOrder, done);
    if (buy) top.askSize -= taken;
    else top.bidSize -= taken;
    if (own.length > 0) this.rest(order);
    return done;
  }

  /** Puts an order into the queue without matching it. */
  rest(order: WorkingOrder): void {
    const queue = order.side === 'buy' ? this.#buys : this.#sells;
    let at = queue.length;
    while (at > 0 && before(order, queue[at - 1] as WorkingOrder)) at -= 1;
    queue.splice(at, 0, order);
  }

  /** What an order could take this moment: whether a fill-or-kill goes through. */
  available(side: Side, limit: PriceMicros | null): QtyNanos {
    const top = this.#top();
    if (!acceptable(side, limit, side === 'buy' ? top.ask : top.bid)) return 0n;
    return side === 'buy' ? top.askSize : top.bidSize;
  }

  /** Takes an order out; `undefined` where it does not rest here. */
  remove(id: string): WorkingOrder | undefined {
    for (const queue of [this.#buys, this.#sells]) {
      const at = queue.findIndex((order) => order.id === id);
      if (at >= 0) return queue.splice(at, 1)[0];
    }
    return undefined;
  }

  /** Takes every order out; the market stays. */
  clear(): void {
    this.#buys.length = 0;
    this.#sells.length = 0;
  }

  /** Fills `queue` in priority at one price, at most `available` shares; gives back what was taken. */
  #take(
    queue: WorkingOrder[],
    price: PriceMicros,
    available: QtyNanos,
    eligible: Eligible,
    done: Execution[],
  ): QtyNanos {
    let left = available;
    for (let at = 0; at < queue.length && left > 0n;) {
      const order = queue[at] as WorkingOrder;
      if (!acceptable(order.side, order.limit, price)) break;
      const wanted = eligible(order) ? wantedAt(order, price) : 0n;
      const qty = rounded(order, wanted < left ? wanted : left);
      if (qty > 0n) {
        left -= qty;
        done.push({ id: order.id, price, qty });
        if (order.budget === null) order.remaining -= qty;
        else order.budget -= BigInt(price) * qty;
      }
      if (wantedAt(order, price) === 0n) queue.splice(at, 1);
      else at += 1;
    }
    return available - left;
  }
}

function before(a: WorkingOrder, b: WorkingOrder): boolean {
  if (a.limit !== b.limit) {
    if (a.limit === null) return true;
    if (b.limit === null) return false;
    return a.side === 'buy' ? a.limit > b.limit : a.limit < b.limit;
  }
  return a.seq < b.seq;
}

function acceptable(side: Side, limit: PriceMicros | null, price: PriceMicros): boolean {
  if (price <= 0) return false;
  return limit === null || (side === 'buy' ? price <= limit : price >= limit);
}

function wantedAt(order: WorkingOrder, price: PriceMicros): QtyNanos {
  return order.budget === null ? order.remaining : order.budget / BigInt(price);
}

function rounded(order: WorkingOrder, qty: QtyNanos): QtyNanos {
  return order.whole ? qty - (qty % NANOS) : qty;
}

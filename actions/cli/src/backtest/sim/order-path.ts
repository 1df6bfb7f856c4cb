import { averagePrice, formatPrice, parseScaled, seededRandom, toRfc3339 } from '@papergate/paper-exchange/backtest';
import type { BacktestRisk, OrderView } from '@papergate/risk-manager/backtest';
import type { Conditions } from '../types.ts';
import type { Agenda } from './agenda.ts';
import type { Books } from './books.ts';
import type { Market } from './market.ts';

export interface WantedOrder {
  clientOrderId: string;
  symbol: string;
  side: 'buy' | 'sell';
  quantity: string;
  /** Null for an order that closes a position at its stop or target. */
  strategy: string | null;
  /** The price that the decision was taken at, micros; undefined where there is none. */
  seenAt?: number;
}

export interface OrderPathOptions {
  market: Market;
  books: Books;
  risk: () => BacktestRisk;
  agenda: Agenda;
  conditions: Conditions;
  seed: number;
}

interface Placed {
  order: OrderView;
  seenAt: number | undefined;
  /** Micros × nanos. */
  filledValue: bigint;
}

const count = (counts: Map<string, number>, key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1);

/**
 * From a decision to the broker and back, as execution-engine goes it: risk is asked, the order is sent, what becomes of
 * it is told; each way takes its time. Money in femtos.
 */
export class OrderPath {
  readonly refusals = new Map<string, number>();
  readonly rejections = new Map<string, number>();
  readonly #options: OrderPathOptions;
  readonly #random: () => number;
  readonly #placed = new Map<string, Placed>();
  #lastTold = 0;
  #ids = 0;
  slippage = 0n;

  constructor(options: OrderPathOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
  }

  has(clientOrderId: string): boolean {
    return this.#placed.has(clientOrderId);
  }

  /** The status that `POST /orders` would answer: 200 where it was taken, 400 where risk refuses it. Names are new ones. */
  submit(wanted: WantedOrder): number {
    const { agenda, books, market, risk } = this.#options;
    const { clientOrderId, symbol, side, quantity, strategy } = wanted;
    const terms = { client_order_id: clientOrderId, symbol, side, type: 'market', quantity } as const;
    const verdict = risk().check(strategy === null ? terms : { ...terms, strategy });
    if (!verdict.allowed) {
      count(this.refusals, verdict.code);
      return 400;
    }
    const order = this.#orderOf(wanted);
    this.#placed.set(clientOrderId, { order, seenAt: wanted.seenAt, filledValue: 0n });
    books.add(order);
    agenda.enter(market.clock.now() + this.#latency(), () => this.#arrive(order));
    return 200;
  }

  #orderOf({ clientOrderId, symbol, side, quantity, strategy }: WantedOrder): OrderView {
    this.#ids += 1;
    const at = toRfc3339(this.#options.market.clock.now());
    return {
      order_id: `order-${this.#ids}`,
      client_order_id: clientOrderId,
      broker_order_id: null,
      strategy,
      symbol,
      side,
      type: 'market',
      quantity,
      price: null,
      stop_price: null,
      time_in_force: 'day',
      status: 'accepted',
      filled_quantity: '0',
      avg_fill_price: null,
      reject_code: null,
      reject_reason: null,
      created_at: at,
      updated_at: at,
    };
  }

  /** One way, µs. */
  #latency(): number {
    const { latencyMs, jitterMs } = this.#options.conditions;
    return Math.round((latencyMs + jitterMs * this.#random()) * 1000);
  }

  #arrive(order: OrderView): void {
    const { client_order_id, quantity: qty, side, symbol, time_in_force, type } = order;
    const refusal = this.#options.market.submit({ client_order_id, symbol, side, type, time_in_force, qty });
    if (refusal === undefined) this.collect();
    else {
      count(this.rejections, refusal.code);
      const { code, message } = refusal;
      this.#tell(() => this.#change(order, { status: 'rejected', reject_code: code, reject_reason: message }));
    }
  }

  /** Sends on its way what has happened at the exchange. */
  collect(): void {
    const { market } = this.#options;
    if (!market.hasNews) return;
    const at = market.clock.now();
    for (const news of market.news()) {
      const placed = this.#placed.get(news.client_order_id);
      if (placed === undefined) continue;
      if (news.kind === 'event') {
        const { order_id: broker_order_id, status } = news;
        this.#tell(() => this.#change(placed.order, { broker_order_id, status }));
      } else this.#tell(() => this.#fill(placed, news, at));
    }
  }

  /** A stream keeps its order, whatever each message took. */
  #tell(run: () => void): void {
    const { agenda, market } = this.#options;
    this.#lastTold = Math.max(this.#lastTold, market.clock.now() + this.#latency());
    agenda.enter(this.#lastTold, run);
  }

  #change(order: OrderView, change: Partial<OrderView>): void {
    const { books, market, risk } = this.#options;
    Object.assign(order, change, { updated_at: toRfc3339(market.clock.now()) });
    books.settle(order);
    risk().order({ ...order });
  }

  #fill(
    placed: Placed,
    news: { execution_id: string; order_id: string; order_status: string; price: string; qty: string; cum_qty: string },
    at: number,
  ): void {
    const { books, risk } = this.#options;
    const { order, seenAt } = placed;
    const price = Number(parseScaled(news.price, 6));
    const quantity = parseScaled(news.qty, 9) ?? 0n;
    placed.filledValue += BigInt(price) * quantity;
    if (seenAt !== undefined)
      this.slippage += BigInt(order.side === 'buy' ? price - seenAt : seenAt - price) * quantity;
    risk().fill(books.book({ executionId: news.execution_id, order, at, price, quantity }));
    this.#change(order, {
      broker_order_id: news.order_id,
      status: news.order_status,
      filled_quantity: news.cum_qty,
      avg_fill_price: averagePrice(placed.filledValue, parseScaled(news.cum_qty, 9) ?? 0n) ?? formatPrice(price),
    });
  }
}

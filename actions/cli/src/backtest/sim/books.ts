import {
  Account,
  averagePrice,
  formatMoney,
  formatPrice,
  formatQty,
  newYorkDate,
  toRfc3339,
  type Micros,
} from '@papergate/paper-exchange/backtest';
import type { BacktestBooks, Fill, OrderView } from '@papergate/risk-manager/backtest';
import type { FillRecord, TradeRecord } from '../types.ts';

/** A fill as the exchange told it: price in micros, quantity in nanos. */
export interface ToldFill {
  executionId: string;
  order: OrderView;
  at: Micros;
  price: number;
  quantity: bigint;
}

interface OpenTrade {
  side: 'long' | 'short';
  openedAt: string;
  most: bigint;
  pnl: bigint;
}

const CLOSED = new Set(['filled', 'canceled', 'expired', 'rejected', 'replaced']);

/** What this side knows: its orders, positions, fills and what they brought. Money in femtos (10⁻¹⁵ USD). */
export class Books implements BacktestBooks {
  readonly account: Account;
  readonly fills: FillRecord[] = [];
  readonly trades: TradeRecord[] = [];
  readonly all = new Map<string, OrderView>();
  readonly #feePerShare: bigint;
  readonly #open = new Set<OrderView>();
  readonly #trades = new Map<string, OpenTrade>();
  readonly #realizedOn = new Map<string, bigint>();
  readonly #tradedOn = new Map<string, Set<string>>();
  readonly #executions: string[] = [];
  fees = 0n;

  /** `feePerShare` in femtos. */
  constructor(startingCash: bigint, feePerShare: bigint) {
    this.account = new Account(startingCash);
    this.#feePerShare = feePerShare;
  }

  add(order: OrderView): void {
    this.all.set(order.client_order_id, order);
    this.#open.add(order);
  }

  /** After an order's status has changed. */
  settle(order: OrderView): void {
    if (CLOSED.has(order.status)) this.#open.delete(order);
  }

  book({ executionId, order, at, price, quantity }: ToldFill): Fill {
    const { symbol, side } = order;
    const before = this.account.held(symbol);
    const booking = this.account.book(symbol, side, price, quantity);
    const fee = (this.#feePerShare * quantity) / 1_000_000_000n;
    this.fees += fee;
    const filledAt = toRfc3339(at);
    const day = newYorkDate(at);
    this.#realizedOn.set(day, (this.#realizedOn.get(day) ?? 0n) + booking.realized);
    const traded = this.#tradedOn.get(day) ?? new Set();
    this.#tradedOn.set(day, traded.add(order.client_order_id));
    this.#executions.push(executionId);
    this.#follow(symbol, before, booking, fee, filledAt);
    const amounts = {
      quantity: formatQty(quantity),
      price: formatPrice(price),
      realized_pnl: formatMoney(booking.realized),
    };
    const { client_order_id, strategy } = order;
    this.fills.push({ at: filledAt, client_order_id, strategy, symbol, side, ...amounts, fee: formatMoney(fee) });
    return {
      fill_id: executionId,
      order_id: order.order_id,
      client_order_id,
      strategy,
      symbol,
      side,
      ...amounts,
      filled_at: filledAt,
      position: this.#position(symbol),
    };
  }

  #follow(
    symbol: string,
    before: bigint,
    booking: { realized: bigint; position: bigint },
    fee: bigint,
    at: string,
  ): void {
    const after = booking.position;
    const size = (quantity: bigint): bigint => (quantity < 0n ? -quantity : quantity);
    const open = this.#trades.get(symbol);
    if (open !== undefined) {
      open.pnl += booking.realized - fee;
      if (after === 0n || after > 0n !== before > 0n) {
        const { side, openedAt, most, pnl } = open;
        const amounts = { quantity: formatQty(most), pnl: formatMoney(pnl) };
        this.trades.push({ symbol, side, opened_at: openedAt, closed_at: at, ...amounts });
        this.#trades.delete(symbol);
      } else if (size(after) > open.most) open.most = size(after);
    }
    if (after === 0n || this.#trades.has(symbol)) return;
    // A fill that went through zero paid its fee to close; the trade that it opened begins without.
    const pnl = open === undefined ? -fee : 0n;
    this.#trades.set(symbol, { side: after > 0n ? 'long' : 'short', openedAt: at, most: size(after), pnl });
  }

  #position(symbol: string): Fill['position'] & { opened_at: string } {
    const held = this.account.positions.get(symbol);
    return {
      symbol,
      quantity: formatQty(held?.qty ?? 0n),
      avg_entry_price: held === undefined ? '0' : (averagePrice(held.cost, held.qty) ?? '0'),
      opened_at: this.#trades.get(symbol)?.openedAt ?? '',
    };
  }

  positions(): (Fill['position'] & { opened_at: string })[] {
    return [...this.account.positions.keys()].toSorted().map((symbol) => this.#position(symbol));
  }

  orders(): OrderView[] {
    return [...this.#open];
  }

  hasEnded(clientOrderId: string): boolean {
    const order = this.all.get(clientOrderId);
    return order !== undefined && !this.#open.has(order);
  }

  realizedSince(day: string): string {
    let sum = 0n;
    for (const [date, realized] of this.#realizedOn) if (date >= day) sum += realized;
    return formatMoney(sum);
  }

  traded(day: string): string[] {
    return [...(this.#tradedOn.get(day) ?? [])];
  }

  executions(): string[] {
    return this.#executions;
  }
}

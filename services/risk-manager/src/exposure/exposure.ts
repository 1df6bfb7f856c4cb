import type { Side, Tick, TradingState } from '@papergate/service-kit';
import { Funds } from '../account/funds.ts';
import { abs, max, MICROS_TO_NANOS, type Attos, type Nanos } from '../units.ts';

/** What a symbol has in the totals, or all of them have. */
export interface Share {
  gross: Attos;
  /** Net value when every open buy, and no sell, is filled; and the reverse. */
  high: Attos;
  low: Attos;
  /** Symbols that are held or ordered. */
  open: number;
  /** What open positions would bring or cost at their marks. */
  pnl: Attos;
}
export type Totals = Share;

const NO_SHARE: Share = Object.freeze({ gross: 0n, high: 0n, low: 0n, open: 0, pnl: 0n });

/** What one symbol is worth and what may still happen to it. */
export interface SymbolExposure {
  symbol: string;
  /** Shares held; negative for short. */
  quantity: Nanos;
  averagePrice: Nanos;
  /** ms since 1970 of the fill that took the position out of zero; undefined while flat. */
  openedAt: number | undefined;
  /** Shares of open orders that may still be filled. */
  buys: Nanos;
  sells: Nanos;
  /** Micros; 0 while unknown. */
  bid: number;
  ask: number;
  last: number;
  /** ms since 1970 at which the exchange (and not a client) last spoke of the symbol; undefined before. */
  marketAt: number | undefined;
  /** ms since 1970 of whatever set the mark. */
  markAt: number | undefined;
  /** The highest and the lowest mark since the position was opened; undefined before the first one. */
  highest: Nanos | undefined;
  lowest: Nanos | undefined;
  /** The price of the last order that was reserved: values a symbol nobody has a mark of. */
  orderPrice: Nanos;
  /** The open orders that `buys` and `sells` are made of. */
  readonly open: ReadonlySet<Reservation>;
}

export interface Reservation {
  clientOrderId: string;
  symbol: string;
  side: Side;
  quantity: Nanos;
  remaining: Nanos;
  /** The price beyond which it does not trade; absent where there is none (market, stop). */
  limit?: Nanos | undefined;
  /** It was filled in part already. */
  traded?: boolean;
  /** ms since 1970. */
  at: number;
}

export interface Equity {
  current: Attos;
  /** At the beginning of the day. */
  opening: Attos;
  /** The highest since the breaker was last reset. */
  peak: Attos;
}

interface KnownSymbol extends SymbolExposure {
  readonly open: Set<Reservation>;
  /** What it was when the totals were last brought up to date. */
  share: Share;
  dirty: boolean;
}

/** Everything that a check looks at. Changed only through the methods, which keep the sums right. */
export class Exposure {
  readonly symbols = new Map<string, KnownSymbol>();
  readonly reservations = new Map<string, Reservation>();
  readonly funds = new Funds();
  /** Of quotes that count for the best mark of a position, as a share of their middle: 0.02 is two percent. */
  widestSpread = 2;
  state: TradingState | undefined;
  stateReason = 'the trading state is not known yet';
  equity: Equity | undefined;
  /** Since midnight, since Monday and since the first of the month, in New York. */
  realizedToday: Attos = 0n;
  realizedWeek: Attos = 0n;
  realizedMonth: Attos = 0n;
  /** Orders that were filled at least in part since midnight in New York. */
  tradesToday = 0;
  /** Positions that were closed at a loss, one after the other. */
  lossStreak = 0;
  #untraded = 0;
  readonly #totals: Totals = { gross: 0n, high: 0n, low: 0n, open: 0, pnl: 0n };
  readonly #dirty: KnownSymbol[] = [];

  /** Orders of today that were filled, or still may be. */
  get possibleTrades(): number {
    return this.tradesToday + this.#untraded;
  }

  symbol(name: string): KnownSymbol {
    let found = this.symbols.get(name);
    if (found === undefined) {
      found = {
        symbol: name,
        quantity: 0n,
        averagePrice: 0n,
        openedAt: undefined,
        buys: 0n,
        sells: 0n,
        bid: 0,
        ask: 0,
        last: 0,
        marketAt: undefined,
        markAt: undefined,
        highest: undefined,
        lowest: undefined,
        orderPrice: 0n,
        open: new Set(),
        share: NO_SHARE,
        dirty: false,
      };
      this.symbols.set(name, found);
    }
    return found;
  }

  reserve(order: Reservation, price: Nanos): void {
    this.release(order.clientOrderId);
    const kept = { ...order };
    this.reservations.set(order.clientOrderId, kept);
    const symbol = this.symbol(order.symbol);
    symbol.open.add(kept);
    if (kept.traded !== true) this.#untraded += 1;
    if (price > 0n) symbol.orderPrice = price;
    this.#add(symbol, order.side, order.remaining);
  }

  release(clientOrderId: string): void {
    const reservation = this.reservations.get(clientOrderId);
    if (reservation === undefined) return;
    this.reservations.delete(clientOrderId);
    this.symbol(reservation.symbol).open.delete(reservation);
    if (reservation.traded !== true) this.#untraded -= 1;
    this.#add(this.symbol(reservation.symbol), reservation.side, -reservation.remaining);
  }

  /** The order has been filled up to here; what was filled is in the position. Never grows back. */
  shrink(clientOrderId: string, filled: Nanos): void {
    const reservation = this.reservations.get(clientOrderId);
    if (reservation === undefined) return;
    const remaining = max(reservation.quantity - filled, 0n);
    if (remaining >= reservation.remaining) return;
    this.#add(this.symbol(reservation.symbol), reservation.side, remaining - reservation.remaining);
    reservation.remaining = remaining;
  }

  /** An order was filled for the first time today. */
  addTrade(clientOrderId: string): void {
    const reservation = this.reservations.get(clientOrderId);
    if (reservation !== undefined && reservation.traded !== true) {
      reservation.traded = true;
      this.#untraded -= 1;
    }
    this.tradesToday += 1;
  }

  /** All symbols, each at its worst; open positions at their marks. Costs only what has changed since it was asked last. */
  totals(): Readonly<Totals> {
    const totals = this.#totals;
    for (const symbol of this.#dirty) {
      const { share } = symbol;
      const next = shareOf(symbol);
      totals.gross += next.gross - share.gross;
      totals.high += next.high - share.high;
      totals.low += next.low - share.low;
      totals.pnl += next.pnl - share.pnl;
      totals.open += next.open - share.open;
      symbol.share = next;
      symbol.dirty = false;
    }
    this.#dirty.length = 0;
    return totals;
  }

  #touch(symbol: KnownSymbol): void {
    if (symbol.dirty) return;
    symbol.dirty = true;
    this.#dirty.push(symbol);
  }

  setPosition(name: string, quantity: Nanos, averagePrice: Nanos, openedAt: number | undefined): void {
    const symbol = this.symbol(name);
    // Out of zero, or through it: another position.
    if (symbol.quantity === 0n || symbol.quantity < 0n !== quantity < 0n) {
      symbol.highest = undefined;
      symbol.lowest = undefined;
    }
    symbol.quantity = quantity;
    symbol.averagePrice = averagePrice;
    symbol.openedAt = quantity === 0n ? undefined : openedAt;
    this.#touch(symbol);
  }

  /**
   * Takes a tick in. What clients post marks a symbol only while the exchange says nothing of it: nobody should
   * be able to move a stop, or the day's loss, by posting a price.
   */
  mark(tick: Tick, at: number, freshMs: number): void {
    const symbol = this.symbol(tick.s);
    if (tick.x === true) {
      if (symbol.marketAt !== undefined && at - symbol.marketAt <= freshMs) return;
    } else symbol.marketAt = at;
    if (tick.b !== undefined && tick.a !== undefined) {
      symbol.bid = tick.b;
      symbol.ask = tick.a;
    }
    if (tick.p !== undefined) symbol.last = tick.p;
    this.#marked(symbol, at);
  }

  /** A book and a last trade as market-data had them at this moment; 0 where it had none. */
  setMark(name: string, { bid, ask, last }: { bid: number; ask: number; last: number }, at: number): void {
    const symbol = this.symbol(name);
    Object.assign(symbol, { bid, ask, last });
    this.#marked(symbol, at);
  }

  #marked(symbol: KnownSymbol, at: number): void {
    symbol.markAt = at;
    if (symbol.quantity !== 0n) this.#follow(symbol);
    if (symbol.share !== NO_SHARE) this.#touch(symbol);
  }

  /** A stub quote is no price that a position ever had. */
  #follow(symbol: SymbolExposure): void {
    const { bid, ask } = symbol;
    if (bid > 0 && ask >= bid && (ask - bid) * 2 > (ask + bid) * this.widestSpread) return;
    const mark = markOf(symbol);
    if (mark === undefined) return;
    if (symbol.highest === undefined || mark > symbol.highest) symbol.highest = mark;
    if (symbol.lowest === undefined || mark < symbol.lowest) symbol.lowest = mark;
  }

  #add(symbol: KnownSymbol, side: Side, quantity: Nanos): void {
    this.#touch(symbol);
    if (side === 'buy') symbol.buys += quantity;
    else symbol.sells += quantity;
  }
}

/** Middle of the quote where both sides are there and not crossed, else the last trade; undefined while neither is known. */
export function markOf(symbol: SymbolExposure): Nanos | undefined {
  if (symbol.bid > 0 && symbol.ask >= symbol.bid)
    return (BigInt(symbol.bid) + BigInt(symbol.ask)) * (MICROS_TO_NANOS / 2n);
  return symbol.last > 0 ? BigInt(symbol.last) * MICROS_TO_NANOS : undefined;
}

/** The price that values a symbol: its mark, else what was paid, else what the last order offers. */
export function valuationPrice(symbol: SymbolExposure): Nanos {
  return markOf(symbol) ?? (symbol.quantity === 0n ? symbol.orderPrice : symbol.averagePrice);
}

/** The most shares that the symbol can come to, long or short, whichever open orders are filled. */
export function worstQuantity({ quantity, buys, sells }: Pick<SymbolExposure, 'quantity' | 'buys' | 'sells'>): Nanos {
  return max(abs(quantity + buys), abs(quantity - sells));
}

export function unrealized(symbol: SymbolExposure): Attos {
  if (symbol.quantity === 0n) return 0n;
  const mark = markOf(symbol);
  return mark === undefined ? 0n : symbol.quantity * (mark - symbol.averagePrice);
}

/** What is lost or won today: realized since midnight in New York, and open positions at their marks. */
export function dailyPnl(exposure: Exposure): { realized: Attos; unrealized: Attos; total: Attos } {
  const open = exposure.totals().pnl;
  return { realized: exposure.realizedToday, unrealized: open, total: exposure.realizedToday + open };
}

/** A symbol at its worst. */
export function shareOf(symbol: SymbolExposure): Share {
  const worst = worstQuantity(symbol);
  if (worst === 0n) return NO_SHARE;
  const price = valuationPrice(symbol);
  return {
    gross: worst * price,
    high: (symbol.quantity + symbol.buys) * price,
    low: (symbol.quantity - symbol.sells) * price,
    open: 1,
    pnl: unrealized(symbol),
  };
}

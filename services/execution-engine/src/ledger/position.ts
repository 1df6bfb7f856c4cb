import { Big, type Decimal } from '@papergate/service-kit';

/** Decimals that a cost basis keeps when a part of a position is closed and its cost cannot be divided evenly. */
const COST_DECIMALS = 9;

/**
 * A position in one symbol. `costBasis` is what the shares that are held cost in all: positive for long,
 * negative (what was taken in) for short. It is kept instead of the average price since the average of most
 * positions has no finite decimal form.
 */
export interface Position {
  symbol: string;
  /** Shares; negative for short. */
  quantity: Big;
  costBasis: Big;
  /** Realized profit and loss since the first trade of the symbol, USD. */
  realizedPnl: Big;
  /** ms since 1970 of the fill that took the position out of zero; undefined while flat. */
  openedAt: number | undefined;
  /** Shares of it that came from outside (signed, since it was last flat): taken over from the broker, with no order of ours behind them. */
  adopted: Big;
  /** ms since 1970 of the last time that this happened. */
  adoptedAt: number | undefined;
}

export interface Execution {
  side: 'buy' | 'sell';
  /** Shares, positive. */
  quantity: Big;
  /** USD a share. */
  price: Big;
  /** ms since 1970. */
  at: number;
}

export function flatPosition(symbol: string): Position {
  const zero = new Big(0);
  return {
    symbol,
    quantity: zero,
    costBasis: zero,
    realizedPnl: zero,
    openedAt: undefined,
    adopted: zero,
    adoptedAt: undefined,
  };
}

/**
 * Average-cost accounting, long and short: what adds to a position adds to its cost; what takes from it books
 * `proceeds − share of the cost`, and the part of an execution that crosses zero opens the other side at its price.
 * Whenever the position is flat, the profit booked so far equals the sum of all cash flows exactly.
 */
export function applyExecution(before: Position, execution: Execution): { after: Position; realizedPnl: Big } {
  const signed = execution.side === 'buy' ? execution.quantity : execution.quantity.neg();
  const held = before.quantity;
  const closes = !held.eq(0) && held.s !== signed.s;
  if (!closes) {
    const after = {
      ...before,
      quantity: held.plus(signed),
      costBasis: before.costBasis.plus(signed.times(execution.price)),
      openedAt: before.openedAt ?? execution.at,
    };
    return { after, realizedPnl: new Big(0) };
  }

  const closing = signed.abs().gt(held.abs()) ? held.neg() : signed;
  const costClosed = closing.abs().eq(held.abs())
    ? before.costBasis
    : share(before.costBasis, closing.abs(), held.abs());
  const realizedPnl = closing.neg().times(execution.price).minus(costClosed);
  const opening = signed.minus(closing);
  const quantity = held.plus(signed);
  return {
    after: {
      symbol: before.symbol,
      quantity,
      costBasis: before.costBasis.minus(costClosed).plus(opening.times(execution.price)),
      realizedPnl: before.realizedPnl.plus(realizedPnl),
      openedAt: quantity.eq(0) ? undefined : opening.eq(0) ? before.openedAt : execution.at,
      // What is flat, or crosses to the other side, has sold what was taken over.
      adopted: quantity.eq(0) || !opening.eq(0) ? new Big(0) : before.adopted,
      adoptedAt: quantity.eq(0) || !opening.eq(0) ? undefined : before.adoptedAt,
    },
    realizedPnl,
  };
}

/** `cost × part / whole`, rounded half-even; Big divides with a precision of its own, so the product comes first. */
function share(cost: Big, part: Big, whole: Big): Big {
  return divide(cost.times(part), whole, COST_DECIMALS);
}

/** Division to a fixed number of decimals, half-even, independent of Big's global precision. */
export function divide(dividend: Big, divisor: Big, decimals: number): Big {
  const scale = new Big(10).pow(decimals);
  const scaled = dividend.times(scale);
  const whole = scaled.div(divisor).round(0, Big.roundDown);
  const rest = scaled.minus(whole.times(divisor)).abs().times(2);
  const half = divisor.abs();
  const up = rest.gt(half) || (rest.eq(half) && !whole.mod(2).eq(0));
  const sign = scaled.s * divisor.s;
  return (up ? whole.plus(sign) : whole).div(scale);
}

/** The average price a share was opened at, USD, nine decimals; `"0"` while flat. */
export function averageEntryPrice(position: Pick<Position, 'quantity' | 'costBasis'>): Decimal {
  if (position.quantity.eq(0)) return '0';
  return divide(position.costBasis, position.quantity, 9).toFixed();
}

/** Profit or loss that the position would book if it were closed at `mark`, USD. */
export function unrealizedPnl(position: Pick<Position, 'quantity' | 'costBasis'>, mark: Big): Big {
  return position.quantity.times(mark).minus(position.costBasis);
}

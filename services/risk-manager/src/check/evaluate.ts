import { markOf, worstQuantity, type Exposure, type Reservation, type SymbolExposure } from '../exposure/exposure.ts';
import { sumOthers } from '../exposure/totals.ts';
import type { CompiledLimits } from '../limits/compile.ts';
import { max, type Attos, type Nanos } from '../units.ts';
import type { CheckedOrder, Verdict } from './order.ts';
import { RULES, type Question, type Rule } from './rules/index.ts';
import type { Traffic } from './traffic.ts';

export { readRiskOrder, type CheckedOrder, type Refusal, type Verdict } from './order.ts';

/**
 * Whether an order may go. A function of what it is given: it changes nothing and reads no clock. The limits of
 * exposure are held against the worst that open orders and this one can come to together, so whatever is
 * approved stays within them in whichever order the fills arrive. An order that makes none of these measures
 * larger passes them even where a limit is exceeded already: getting out must stay possible.
 */
export function evaluate(
  order: CheckedOrder,
  exposure: Exposure,
  limits: CompiledLimits,
  traffic: Traffic,
  now: number,
  rules: readonly Rule[] = RULES,
): Verdict {
  const question = ask(order, exposure, limits, traffic, now);
  for (const rule of rules) {
    const refusal = rule.refuse(question);
    if (refusal !== undefined) return { allowed: false, ...refusal };
  }
  return { allowed: true, price: question.price, cost: question.cost };
}

function ask(order: CheckedOrder, exposure: Exposure, limits: CompiledLimits, traffic: Traffic, now: number): Question {
  const symbol = exposure.symbols.get(order.symbol) ?? new EmptySymbol(order.symbol);
  const mark = markOf(symbol);
  const price = priceOf(order, mark);
  const buys = order.side === 'buy' ? symbol.buys + order.quantity : symbol.buys;
  const sells = order.side === 'sell' ? symbol.sells + order.quantity : symbol.sells;
  return {
    order,
    symbol,
    mark,
    price,
    shrinks: shrinksPosition(order, symbol),
    worstBefore: worstQuantity(symbol),
    worst: worstQuantity({ quantity: symbol.quantity, buys, sells }),
    others: sumOthers(exposure, order.symbol),
    cost: costOf(order, symbol, price),
    exposure,
    limits,
    traffic,
    now,
  };
}

const NO_ORDERS: ReadonlySet<Reservation> = new Set();

/** Stands in for a symbol that nothing is known of, without putting it into the state. */
class EmptySymbol implements SymbolExposure {
  readonly symbol: string;
  readonly quantity = 0n;
  readonly averagePrice = 0n;
  readonly openedAt = undefined;
  readonly buys = 0n;
  readonly sells = 0n;
  readonly bid = 0;
  readonly ask = 0;
  readonly last = 0;
  readonly marketAt = undefined;
  readonly markAt = undefined;
  readonly highest = undefined;
  readonly lowest = undefined;
  readonly orderPrice = 0n;
  readonly open = NO_ORDERS;

  constructor(symbol: string) {
    this.symbol = symbol;
  }
}

/** What a share is reckoned at: its limit or stop where the mark is lower, the mark for a market order. */
function priceOf(order: CheckedOrder, mark: Nanos | undefined): Nanos {
  const own = order.type === 'market' ? undefined : (order.price ?? order.stopPrice);
  if (own === undefined) return mark ?? 0n;
  return mark === undefined ? own : max(own, mark);
}

/** The order takes from the position and cannot turn it, even when every other open order on its side is filled first. */
export function shrinksPosition({ side, quantity }: CheckedOrder, symbol: SymbolExposure): boolean {
  if (side === 'sell') return symbol.quantity > 0n && symbol.sells + quantity <= symbol.quantity;
  return symbol.quantity < 0n && symbol.buys + quantity <= -symbol.quantity;
}

/**
 * What the order may take of the buying power: the shares of it that open a position once the open orders on its
 * side are filled, at its price; short ones at 3 % above, as Alpaca reckons them
 * (https://docs.alpaca.markets/docs/margin-and-short-selling).
 */
function costOf({ side, quantity }: CheckedOrder, symbol: SymbolExposure, price: Nanos): Attos {
  const reach = side === 'buy' ? symbol.quantity + symbol.buys : symbol.sells - symbol.quantity;
  const opening = max(reach + quantity, 0n) - max(reach, 0n);
  return side === 'buy' ? opening * price : (opening * price * 103n) / 100n;
}

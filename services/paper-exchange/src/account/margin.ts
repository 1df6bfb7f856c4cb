import { abs, max, type Account } from './account.ts';
import type { Instruments } from '../market/instruments.ts';
import { remainingBudget, remainingQty, type Order } from '../orders/model.ts';
import { limitAfterElection } from '../orders/triggers.ts';
import { valueOf, type MoneyFemtos, type PriceMicros } from '../units/amounts.ts';

/** 1: cash account, 2: Regulation T, 4: day trading. */
export type Multiplier = 1 | 2 | 4;

export interface MarginView {
  equity: MoneyFemtos;
  longValue: MoneyFemtos;
  /** Negative. */
  shortValue: MoneyFemtos;
  initialMargin: MoneyFemtos;
  maintenanceMargin: MoneyFemtos;
  /** What open orders that open positions have already claimed. */
  reserved: MoneyFemtos;
  buyingPower: MoneyFemtos;
  regtBuyingPower: MoneyFemtos;
}

/**
 * Equity, margin and buying power at the market's present prices, as Alpaca describes them
 * (https://docs.alpaca.markets/docs/margin-and-short-selling): initial margin half of what is held long and
 * 150 % less the proceeds of what is short, that is half; maintenance 30 %.
 */
export function marginOf(
  account: Account,
  instruments: Instruments,
  open: Iterable<Order>,
  multiplier: Multiplier,
): MarginView {
  let longValue = 0n;
  let shortValue = 0n;
  for (const { symbol, qty, cost } of account.positions.values()) {
    const mark = instruments.get(symbol)?.mark ?? 0;
    const value = mark > 0 ? valueOf(mark, qty) : cost;
    if (qty > 0n) longValue += value;
    else shortValue += value;
  }
  let reserved = 0n;
  for (const order of open) reserved += claimOf(order, instruments);

  const equity = account.cash + longValue + shortValue;
  const gross = longValue - shortValue;
  const initialMargin = gross / 2n;
  const maintenanceMargin = (gross * 3n) / 10n;
  const regt = max(equity - initialMargin, 0n) * 2n;
  const full =
    multiplier === 1 ? max(account.cash, 0n) : multiplier === 2 ? regt : max(equity - maintenanceMargin, 0n) * 4n;
  return {
    equity,
    longValue,
    shortValue,
    initialMargin,
    maintenanceMargin,
    reserved,
    buyingPower: max(full - reserved, 0n),
    regtBuyingPower: max(regt - reserved, 0n),
  };
}

/** What an order costs in buying power: the rest of it at the price that it may come to; nothing where it closes. */
export function claimOf(order: Order, instruments: Instruments): MoneyFemtos {
  if (!order.opening) return 0n;
  const budget = remainingBudget(order);
  if (budget !== null) return budget;
  return valueOf(claimPrice(order, instruments), abs(remainingQty(order)));
}

/** Buys: limit, else stop, else ask. Shorts: the higher of the limit and 3 % above the ask. */
function claimPrice(order: Order, instruments: Instruments): PriceMicros {
  const instrument = instruments.list(order.symbol);
  if (order.side === 'sell') return Math.max(order.limit ?? 0, Math.round(instrument.buyPrice * 1.03));
  return order.limit ?? limitAfterElection(order) ?? order.stop ?? instrument.buyPrice;
}

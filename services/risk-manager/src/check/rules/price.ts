import { abs, exceedsPercent, MICROS_TO_NANOS, nanosText, percentText, type Nanos } from '../../units.ts';
import type { CheckedOrder, Refusal } from '../order.ts';
import type { Question, Rule } from './types.ts';

const ONE_DOLLAR = 1_000_000_000n;
/** Prices from a dollar up are in cents, below in hundredths of a cent: SEC Rule 612, which Alpaca refuses by. */
const CENT = ONE_DOLLAR / 100n;

/** What an order would trade at, and whether anybody knows it. */
export const PRICE_RULES: readonly Rule[] = [
  {
    name: 'market-price',
    refuse({ order, mark, limits, shrinks }) {
      if (mark !== undefined) return undefined;
      if (order.type === 'market') {
        const message = `there is no market price of ${order.symbol}; a market order cannot be valued without`;
        return { code: 'RISK_NO_PRICE', message };
      }
      if (shrinks || !limits.order.liveQuote) return undefined;
      const message = `there is no market price of ${order.symbol} that the price of the order could be held against`;
      return { code: 'RISK_NO_PRICE', message };
    },
  },
  {
    name: 'stale-quote',
    refuse({ order, symbol, mark, limits, shrinks, now }) {
      if (mark === undefined || (order.type !== 'market' && (shrinks || !limits.order.liveQuote))) return undefined;
      const allowed = limits.breaker.max_stale_data_ms;
      const age = symbol.markAt === undefined ? undefined : now - symbol.markAt;
      if (age !== undefined && age <= allowed) return undefined;
      const message = `the market price of ${order.symbol} is ${age ?? 'unknown'} ms old, allowed: ${allowed} ms`;
      return { code: 'RISK_STALE_DATA', message };
    },
  },
  {
    name: 'price-range',
    refuse({ order, price, limits: { order: limits } }) {
      return forEachPrice(order, price, (found) => {
        if (found >= limits.minPrice && found <= limits.maxPrice) return undefined;
        const message = `the price is ${nanosText(found)}, allowed: ${nanosText(limits.minPrice)} to ${nanosText(limits.maxPrice)}`;
        return { code: 'RISK_PRICE', message };
      });
    },
  },
  {
    name: 'price-collar',
    refuse({ order, mark, limits: { order: limits } }) {
      if (mark === undefined) return undefined;
      return forEachPrice(order, mark, (found) => {
        if (!exceedsPercent(abs(found - mark), mark, limits.deviationPercent)) return undefined;
        const message = `the price ${nanosText(found)} is further from the market (${nanosText(mark)}) than ${percentText(limits.deviationPercent)} %`;
        return { code: 'RISK_PRICE_DEVIATION', message };
      });
    },
  },
  {
    name: 'price-increment',
    refuse({ order, price }) {
      if (order.type === 'market') return undefined;
      return forEachPrice(order, price, (found) => {
        const increment = found >= ONE_DOLLAR ? CENT : CENT / 100n;
        if (found % increment === 0n) return undefined;
        const message = `the price is ${nanosText(found)}, allowed: multiples of ${nanosText(increment)} USD`;
        return { code: 'RISK_PRICE_INCREMENT', message };
      });
    },
  },
  {
    name: 'spread',
    refuse({ order, symbol, mark, limits }) {
      if (order.type !== 'market' || mark === undefined || symbol.bid <= 0 || symbol.ask < symbol.bid) return undefined;
      const spread = BigInt(symbol.ask - symbol.bid) * MICROS_TO_NANOS;
      if (!exceedsPercent(spread, mark, limits.order.spreadPercent)) return undefined;
      const message = `bid and ask of ${order.symbol} are ${nanosText(spread)} apart, allowed for a market order: ${percentText(limits.order.spreadPercent)} % of ${nanosText(mark)}`;
      return { code: 'RISK_SPREAD', message };
    },
  },
];

/** Every price that an order names; of a market order the one that it is reckoned at. */
function forEachPrice(
  order: CheckedOrder,
  market: Question['price'],
  check: (price: Nanos) => Refusal | undefined,
): Refusal | undefined {
  if (order.type === 'market') return market === 0n ? undefined : check(market);
  const refusal = order.price === undefined ? undefined : check(order.price);
  return refusal ?? (order.stopPrice === undefined ? undefined : check(order.stopPrice));
}

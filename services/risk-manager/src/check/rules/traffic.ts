import { nanosText } from '../../units.ts';
import type { CheckedOrder, Refusal } from '../order.ts';
import type { Reservation } from '../../exposure/exposure.ts';
import type { Rule } from './types.ts';

const MINUTE_MS = 60_000;

/** How many orders, and what they do to each other. */
export const TRAFFIC_RULES: readonly Rule[] = [
  {
    name: 'order-rate',
    refuse({ traffic, limits, now }) {
      if (!traffic.second.full(now, 1_000)) return undefined;
      const message = `${limits.order.perSecond} orders went through within the last second, which is the limit`;
      return { code: 'RISK_ORDER_RATE', message };
    },
  },
  {
    name: 'order-budget',
    refuse({ traffic, limits, now }) {
      if (!traffic.minute.full(now, MINUTE_MS)) return undefined;
      const message = `${limits.order.perMinute} orders went through within the last minute, which is the limit; the rest of what the broker takes is for cancels`;
      return { code: 'RISK_ORDER_BUDGET', message };
    },
  },
  {
    name: 'open-orders',
    refuse({ exposure, limits }) {
      const { size } = exposure.reservations;
      if (size < limits.order.open) return undefined;
      return { code: 'RISK_OPEN_ORDERS', message: `${size} orders are open, allowed: ${limits.order.open}` };
    },
  },
  {
    name: 'trades-per-day',
    refuse({ exposure, limits, shrinks }) {
      if (shrinks || exposure.possibleTrades < limits.order.tradesPerDay) return undefined;
      const message = `${exposure.possibleTrades} orders of today were filled or still may be, allowed: ${limits.order.tradesPerDay}`;
      return { code: 'RISK_TRADES_PER_DAY', message };
    },
  },
  {
    name: 'duplicate-intent',
    refuse({ order, traffic, limits, now }) {
      const twin = traffic.twin(order, now);
      if (twin === undefined) return undefined;
      const message = `${twin.clientOrderId} wanted the same ${now - twin.at} ms ago, allowed: after ${limits.order.duplicateWindowMs} ms`;
      return { code: 'RISK_DUPLICATE_INTENT', message };
    },
  },
  {
    name: 'wash-trade',
    refuse({ order, symbol, limits }) {
      if (!limits.order.refuseWashTrades) return undefined;
      if ((order.side === 'buy' ? symbol.sells : symbol.buys) === 0n) return undefined;
      for (const open of symbol.open) {
        if (open.side !== order.side && open.clientOrderId !== order.clientOrderId && meets(order, open)) {
          return washTrade(open);
        }
      }
      return undefined;
    },
  },
];

/**
 * Whether two orders of ours on two sides could trade with each other: one without a limit may at any price, two
 * limits where they cross. It is Alpaca's rule (https://docs.alpaca.markets/docs/user-protection), which refuses
 * such an order after it was acknowledged here.
 */
function meets(order: CheckedOrder, open: Reservation): boolean {
  if (order.price === undefined || open.limit === undefined) return true;
  return order.side === 'buy' ? order.price >= open.limit : open.limit >= order.price;
}

function washTrade(open: Reservation): Refusal {
  const at = open.limit === undefined ? 'the market' : nanosText(open.limit);
  return {
    code: 'RISK_WASH_TRADE',
    message: `it could trade with our own order ${open.clientOrderId} (${open.side} at ${at}); cancel that first`,
  };
}

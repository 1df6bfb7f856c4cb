import type { Rule } from './types.ts';

/** When orders may be placed. */
export const TIME_RULES: readonly Rule[] = [
  {
    name: 'market-hours',
    refuse({ limits, now }) {
      const closed = limits.calendar.closed(now);
      return closed === undefined ? undefined : { code: 'RISK_OUTSIDE_HOURS', message: `no orders now: ${closed}` };
    },
  },
  {
    name: 'blackout',
    refuse({ order, limits, now }) {
      const blackout = limits.calendar.blackout(order.symbol, now);
      if (blackout === undefined) return undefined;
      return { code: 'RISK_BLACKOUT', message: `no orders in ${order.symbol} during the blackout "${blackout.name}"` };
    },
  },
  {
    name: 'before-close',
    refuse({ shrinks, limits, now }) {
      if (shrinks || !limits.calendar.closing(now)) return undefined;
      const message = 'this shortly before the close only orders that shrink a position are allowed';
      return { code: 'RISK_OUTSIDE_HOURS', message };
    },
  },
];

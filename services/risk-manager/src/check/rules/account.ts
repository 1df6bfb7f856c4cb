import { exceedsPercent, max, nanosText, percentText, usd } from '../../units.ts';
import type { Rule } from './types.ts';

/** What the trading state and the account allow. */
export const STATE_RULES: readonly Rule[] = [
  {
    name: 'halted',
    refuse({ exposure }) {
      if (exposure.state !== undefined && exposure.state !== 'HALTED') return undefined;
      return { code: 'RISK_HALTED', message: `trading is halted: ${exposure.stateReason}` };
    },
  },
];

export const ACCOUNT_RULES: readonly Rule[] = [
  {
    name: 'reducing-only',
    refuse({ exposure, shrinks }) {
      if (exposure.state !== 'REDUCING' || shrinks) return undefined;
      const message = `only orders that shrink a position are allowed: ${exposure.stateReason}`;
      return { code: 'RISK_REDUCING_ONLY', message };
    },
  },
  {
    name: 'account-blocked',
    refuse({ exposure }) {
      if (exposure.funds.standing?.blocked !== true) return undefined;
      return { code: 'RISK_ACCOUNT_BLOCKED', message: 'the broker has blocked the account from trading' };
    },
  },
  {
    name: 'short-position',
    refuse({ order, symbol, limits, exposure }) {
      const possible = limits.position.allowShort && exposure.funds.standing?.shorting !== false;
      if (order.side !== 'sell' || possible || symbol.quantity - symbol.sells - order.quantity >= 0n) return undefined;
      const free = max(symbol.quantity - symbol.sells, 0n);
      const why = limits.position.allowShort ? 'the account may not sell short' : 'short positions are not allowed';
      return { code: 'RISK_SHORT', message: `${why}; ${nanosText(free)} shares of ${order.symbol} can be sold` };
    },
  },
];

export const FUNDS_RULES: readonly Rule[] = [
  {
    name: 'buying-power',
    refuse({ cost, exposure: { funds }, limits }) {
      if (cost === 0n) return undefined;
      if (funds.standing === undefined) {
        const message = 'the account’s buying power is not known yet, so nothing can be held against it';
        return { code: 'RISK_BUYING_POWER', message };
      }
      const { buyingPower } = funds.standing;
      const claimed = funds.claimed + cost;
      if (!exceedsPercent(claimed, max(buyingPower, 0n), limits.position.buyingPowerPercent)) return undefined;
      const message = `the order takes ${usd(cost)} and ${usd(funds.claimed)} are claimed already, allowed: ${percentText(limits.position.buyingPowerPercent)} % of the buying power of ${usd(buyingPower)}`;
      return { code: 'RISK_BUYING_POWER', message };
    },
  },
];

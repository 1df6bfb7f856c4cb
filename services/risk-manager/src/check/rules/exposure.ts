import { exceedsPercent, nanosText, percentText, usd } from '../../units.ts';
import type { Rule } from './types.ts';

/**
 * What could be held. Each limit is held against the worst that open orders and this one can come to together, and
 * only where the order makes it worse: getting out must stay possible.
 */
export const EXPOSURE_RULES: readonly Rule[] = [
  {
    name: 'position-quantity',
    refuse({ order, worst, worstBefore, limits }) {
      if (worst <= worstBefore || worst <= limits.position.quantity) return undefined;
      const message = `the position in ${order.symbol} could come to ${nanosText(worst)} shares, allowed: ${nanosText(limits.position.quantity)}`;
      return { code: 'RISK_POSITION_QUANTITY', message };
    },
  },
  {
    name: 'position-value',
    refuse({ order, worst, worstBefore, price, limits }) {
      const value = worst * price;
      if (worst <= worstBefore || value <= limits.position.value) return undefined;
      const message = `the position in ${order.symbol} could come to ${usd(value)}, allowed: ${usd(limits.position.value)}`;
      return { code: 'RISK_POSITION_VALUE', message };
    },
  },
  {
    name: 'concentration',
    refuse({ order, worst, worstBefore, price, exposure: { equity }, limits }) {
      if (worst <= worstBefore) return undefined;
      if (equity === undefined) {
        const message =
          'the account’s equity is not known yet, so the share of a symbol cannot be held against its limit';
        return { code: 'RISK_CONCENTRATION', message };
      }
      const value = worst * price;
      if (!exceedsPercent(value, equity.current, limits.position.concentration)) return undefined;
      const message = `${order.symbol} could come to ${usd(value)}, allowed: ${percentText(limits.position.concentration)} % of the equity of ${usd(equity.current)}`;
      return { code: 'RISK_CONCENTRATION', message };
    },
  },
  {
    name: 'gross-exposure',
    refuse({ worst, worstBefore, price, others, limits }) {
      const gross = others.gross + worst * price;
      if (worst <= worstBefore || gross <= limits.position.gross) return undefined;
      const message = `gross exposure could come to ${usd(gross)}, allowed: ${usd(limits.position.gross)}`;
      return { code: 'RISK_GROSS_EXPOSURE', message };
    },
  },
  {
    name: 'net-exposure',
    refuse({ order, symbol, price, others, limits }) {
      const buys = symbol.buys + (order.side === 'buy' ? order.quantity : 0n);
      const sells = symbol.sells + (order.side === 'sell' ? order.quantity : 0n);
      const net =
        order.side === 'buy'
          ? others.high + (symbol.quantity + buys) * price
          : others.low + (symbol.quantity - sells) * price;
      if ((order.side === 'buy' ? net : -net) <= limits.position.net) return undefined;
      const message = `net exposure could come to ${usd(net)}, allowed: ±${usd(limits.position.net)}`;
      return { code: 'RISK_NET_EXPOSURE', message };
    },
  },
  {
    name: 'open-positions',
    refuse({ worstBefore, others, limits }) {
      if (worstBefore !== 0n || others.open + 1 <= limits.position.open) return undefined;
      const message = `${others.open} positions are open or ordered, allowed: ${limits.position.open}`;
      return { code: 'RISK_OPEN_POSITIONS', message };
    },
  },
];

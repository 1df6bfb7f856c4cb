import { nanosText, usd } from '../../units.ts';
import type { Rule } from './types.ts';

/** What an order is by itself. */
export const ORDER_RULES: readonly Rule[] = [
  {
    name: 'restricted-symbol',
    refuse({ order, limits }) {
      if (!limits.order.restricted.has(order.symbol)) return undefined;
      return { code: 'RISK_RESTRICTED_SYMBOL', message: `${order.symbol} is on the restricted list` };
    },
  },
  {
    name: 'order-type',
    refuse({ order, limits }) {
      if (limits.order.types.has(order.type)) return undefined;
      const allowed = [...limits.order.types].join(', ');
      return { code: 'RISK_ORDER_TYPE', message: `orders of type ${order.type} are not allowed, allowed: ${allowed}` };
    },
  },
  {
    name: 'order-quantity',
    refuse({ order, limits }) {
      if (order.quantity <= limits.order.quantity) return undefined;
      const message = `the order is for ${nanosText(order.quantity)} shares, allowed: ${nanosText(limits.order.quantity)}`;
      return { code: 'RISK_ORDER_QUANTITY', message };
    },
  },
  {
    name: 'order-value',
    refuse({ order, price, limits }) {
      const value = order.quantity * price;
      if (value <= limits.order.value) return undefined;
      return {
        code: 'RISK_ORDER_VALUE',
        message: `the order is worth ${usd(value)}, allowed: ${usd(limits.order.value)}`,
      };
    },
  },
];

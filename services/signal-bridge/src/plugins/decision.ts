import { shown } from './errors.ts';
import type { Decision } from './plugin.ts';

const QUANTITY = /^(0|[1-9][0-9]{0,17})(\.[0-9]{1,9})?$/;
const ZERO = /^[0.]*$/;
const KEYS = new Set(['side', 'reason', 'quantity', 'symbol']);
const LONGEST_REASON = 500;

/** A decision as it may go on, or what is wrong with it. `own` is the strategy's symbol. Never throws. */
export function readDecision(value: unknown, own: string): Decision | { problem: string } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { problem: `it gives ${shown(value)}, allowed: a decision or nothing` };
  }
  if (value instanceof Promise) {
    // Nobody waits for it, and one that is rejected with nobody waiting ends the process.
    value.catch(() => undefined);
    return { problem: 'it gives a promise, allowed: a decision or nothing, at once' };
  }
  // Read once: a getter may give something else the second time.
  const { side, reason, quantity, symbol } = value as Record<string, unknown>;
  const unknown = Object.keys(value).find((key) => !KEYS.has(key));
  if (unknown !== undefined)
    return { problem: `its decision has the key ${shown(unknown)}, allowed: ${[...KEYS].join(', ')}` };
  if (side !== 'buy' && side !== 'sell') return { problem: `its side is ${shown(side)}, allowed: "buy", "sell"` };
  if (typeof reason !== 'string') return { problem: `its reason is ${shown(reason)}, allowed: text` };
  if (symbol !== undefined && symbol !== own) {
    return { problem: `its symbol is ${shown(symbol)}, allowed: ${own}, which it was created for` };
  }
  const decision = { side, reason: reason.slice(0, LONGEST_REASON) } as const;
  if (quantity === undefined) return decision;
  if (typeof quantity !== 'string' || !QUANTITY.test(quantity) || ZERO.test(quantity)) {
    return {
      problem: `its quantity is ${shown(quantity)}, allowed: a decimal number as text, more than 0, such as "5"`,
    };
  }
  return { ...decision, quantity };
}

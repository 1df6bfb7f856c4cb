import type { Order, OrderSpec } from './model.ts';

/**
 * Orders that depend on each other. A bracket is an entry with two exits, an oto an entry with one, an oco two
 * exits of which the take-profit is the parent. https://docs.alpaca.markets/docs/orders-at-alpaca
 */

/** The other exit of a pair; `undefined` for an order that stands alone. */
export function siblingOf(order: Order): Order | undefined {
  if (order.role === 'entry' || order.role === null) return undefined;
  if (order.orderClass === 'oco') return order.parent ?? order.legs[0];
  return order.parent?.legs.find((leg) => leg !== order);
}

/** Exits of an entry that is not filled yet hold no shares; of a pair only one of the two counts. */
export function holdsShares(order: Order): boolean {
  if (order.opening) return false;
  if (order.parent?.role === 'entry' && order.parent.status !== 'filled') return false;
  return !(order.role === 'stop_loss' && siblingOf(order) !== undefined);
}

/** What the legs of an order are asked for, in the order in which Alpaca lists them. */
export function legSpecs(
  spec: OrderSpec,
  newId: () => string,
): { role: 'take_profit' | 'stop_loss'; spec: OrderSpec }[] {
  if (spec.orderClass === 'simple') return [];
  const exit = spec.orderClass === 'oco' ? spec.side : spec.side === 'buy' ? 'sell' : 'buy';
  const base: OrderSpec = { ...spec, side: exit, limit: null, stop: null, takeProfit: null, stopLoss: null };
  const legs: ReturnType<typeof legSpecs> = [];
  if (spec.takeProfit !== null && spec.orderClass !== 'oco') {
    const { limit } = spec.takeProfit;
    legs.push({ role: 'take_profit', spec: { ...base, clientOrderId: newId(), type: 'limit', limit } });
  }
  if (spec.stopLoss !== null) {
    const { stop, limit } = spec.stopLoss;
    const type = limit === null ? 'stop' : 'stop_limit';
    legs.push({ role: 'stop_loss', spec: { ...base, clientOrderId: newId(), type, stop, limit } });
  }
  return legs;
}

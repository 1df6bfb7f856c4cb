import { Big } from '@papergate/service-kit';
import type { Order } from '../ledger/order.ts';

type Sized = Pick<Order, 'orderId' | 'symbol' | 'side' | 'quantity' | 'filledQuantity' | 'status' | 'createdAt'>;

/**
 * Whether an order can only shrink the position, whatever else on its side is filled first: what may be at the broker, and
 * what waits ahead of it. risk-manager said so of orders that it saw while REDUCING; of those that were let through before,
 * the sender has to ask again.
 */
export function onlyShrinks(order: Sized, position: Big, open: Iterable<{ order: Sized }>): boolean {
  if (order.side === 'sell' ? position.lte(0) : position.gte(0)) return false;
  let left = position.abs().minus(restOf(order));
  for (const { order: other } of open) {
    if (other.orderId === order.orderId || other.symbol !== order.symbol || other.side !== order.side) continue;
    if (other.status !== 'accepted' || isAhead(other, order)) left = left.minus(restOf(other));
  }
  return left.gte(0);
}

function isAhead(one: Sized, other: Sized): boolean {
  if (one.createdAt !== other.createdAt) return one.createdAt < other.createdAt;
  return one.orderId < other.orderId;
}

/** What of an order is not filled yet. */
export const restOf = ({ quantity, filledQuantity }: Pick<Sized, 'quantity' | 'filledQuantity'>): Big =>
  new Big(quantity).minus(filledQuantity);

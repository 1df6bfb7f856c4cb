import { toRfc3339, type Micros } from '../clock/new-york.ts';
import { formatPrice, formatQty } from '../units/amounts.ts';
import type { FillReport } from './floor.ts';
import { orderJson, type Order } from './model.ts';

/** An update as `trade_updates` carries it: the order as it is now, and for a fill what was traded. */
export function updateJson(
  event: string,
  order: Order,
  at: Micros,
  executionId: string,
  fill?: FillReport,
): Record<string, unknown> {
  const timestamp = toRfc3339(at);
  const base = {
    at: timestamp,
    event,
    event_id: executionId,
    execution_id: executionId,
    order: orderJson(order, true),
    timestamp,
  };
  if (fill === undefined) return base;
  return {
    ...base,
    position_qty: formatQty(fill.booking.position),
    price: formatPrice(fill.price),
    qty: formatQty(fill.qty),
  };
}

import type { BusPublisher, Fill } from '@papergate/service-kit';
import type { Changes, TradeRow } from './ledger/book.ts';
import { viewOf } from './ledger/order.ts';
import { averageEntryPrice } from './ledger/position.ts';
import type { Tracked } from './ledger/tracked.ts';

/** `position.opened_at` goes beyond the kit's type; docs/architecture.md has it. */
type PublishedFill = Fill & { position: Fill['position'] & { opened_at: string | null } };

export function fillOf({ order, position, ...trade }: TradeRow): PublishedFill {
  return {
    fill_id: trade.executionId,
    order_id: order.orderId,
    client_order_id: order.clientOrderId,
    strategy: order.strategy,
    symbol: order.symbol,
    side: order.side,
    quantity: trade.quantity.toFixed(),
    price: trade.price.toFixed(),
    realized_pnl: trade.realizedPnl.toFixed(),
    filled_at: new Date(trade.at).toISOString(),
    position: {
      symbol: position.symbol,
      quantity: position.quantity.toFixed(),
      avg_entry_price: averageEntryPrice(position),
      opened_at: position.openedAt === undefined ? null : new Date(position.openedAt).toISOString(),
    },
  };
}

/** What a commit changed: fills first, so that nobody sees an order filled whose position has not moved yet. */
export function publishChanges(publisher: BusPublisher, changes: Pick<Changes, 'trades' | 'orders'>): void {
  for (const trade of changes.trades) void publisher.publish('fill', fillOf(trade));
  for (const tracked of changes.orders) publishOrder(publisher, tracked);
}

export function publishOrder(publisher: BusPublisher, { order }: Pick<Tracked, 'order'>): void {
  void publisher.publish('order', viewOf(order));
}

export function publishHeartbeat(publisher: BusPublisher): void {
  void publisher.publish('heartbeat', { n: publisher.sequence('order'), fills: publisher.sequence('fill') });
}

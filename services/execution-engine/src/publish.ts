import type { BusPublisher, Fill, OrderView } from '@papergate/service-kit';
import type { Changes, TradeRow } from './ledger/book.ts';
import { viewOf, type Order } from './ledger/order.ts';
import { averageEntryPrice } from './ledger/position.ts';

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
  publishOrders(
    publisher,
    Array.from(changes.orders, ({ order }) => viewOf(order)),
  );
}

/** So many orders go into one message at most. */
const ORDERS_A_MESSAGE = 100;

function publishOrders(publisher: BusPublisher, orders: readonly OrderView[]): void {
  for (let at = 0; at < orders.length; at += ORDERS_A_MESSAGE) {
    const some = orders.slice(at, at + ORDERS_A_MESSAGE);
    void publisher.publish('order', some.length === 1 ? some[0] : some);
  }
}

export interface AcceptedOrders {
  add(order: Order): void;
  /** Publishes what is gathered now. */
  flush(): void;
}

/** Publishes orders that have become durable; those of one turn of the event loop, which one commit brought, in one message. */
export function createAcceptedOrders(publisher: BusPublisher): AcceptedOrders {
  let gathered: OrderView[] = [];
  const flush = (): void => {
    const orders = gathered;
    gathered = [];
    publishOrders(publisher, orders);
  };
  return {
    add(order) {
      if (gathered.length === 0) setImmediate(flush);
      // As it is now: what it becomes is published when it has.
      gathered.push(viewOf(order));
    },
    flush,
  };
}

export function publishHeartbeat(publisher: BusPublisher): void {
  void publisher.publish('heartbeat', { n: publisher.sequence('order'), fills: publisher.sequence('fill') });
}

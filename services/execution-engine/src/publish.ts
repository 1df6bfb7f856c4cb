import type { BusPublisher, Fill, OrderView } from '@papergate/service-kit';
import type { Changes, TradeRow } from './ledger/book.ts';
import { viewOf, type Order } from './ledger/order.ts';
import { timeText } from './ledger/time-text.ts';
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
    filled_at: timeText(trade.at),
    position: {
      symbol: position.symbol,
      quantity: position.quantity.toFixed(),
      avg_entry_price: averageEntryPrice(position),
      opened_at: position.openedAt === undefined ? null : timeText(position.openedAt),
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

export interface AcceptedOptions {
  publisher: BusPublisher;
  /** Whether many wait in the intake. */
  busy?: () => boolean;
  onPublished?: (orders: number) => void;
}

/** How long orders wait for company while others have to be answered, ms. */
const GATHER_MS = 20;

/**
 * Publishes orders that have become durable; those of one turn of the event loop, which one commit brought, in one message.
 * While the intake is busy they wait for those of more commits: a message costs every process that takes it a wake-up.
 */
export function createAcceptedOrders({ publisher, busy = () => false, onPublished }: AcceptedOptions): AcceptedOrders {
  let gathered: OrderView[] = [];
  let waiting: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(waiting);
    waiting = undefined;
    const orders = gathered;
    gathered = [];
    publishOrders(publisher, orders);
    if (orders.length > 0) onPublished?.(orders.length);
  };
  const turnOver = (): void => {
    if (gathered.length < ORDERS_A_MESSAGE && busy()) waiting ??= setTimeout(flush, GATHER_MS);
    else flush();
  };
  return {
    add(order) {
      if (gathered.length === 0 || gathered.length === ORDERS_A_MESSAGE - 1) setImmediate(turnOver);
      // As it is now: what it becomes is published when it has.
      gathered.push(viewOf(order));
    },
    flush,
  };
}

export function publishHeartbeat(publisher: BusPublisher): void {
  void publisher.publish('heartbeat', { n: publisher.sequence('order'), fills: publisher.sequence('fill') });
}

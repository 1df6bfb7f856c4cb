import { Big } from '@papergate/service-kit';
import type { BrokerEvent, BrokerExecution, BrokerOrder } from '../broker/broker.ts';
import { acceptedOrder, type NewOrder, type Order } from '../ledger/order.ts';

export const START = Date.parse('2024-06-05T15:00:00Z');

export function newOrder(change: Partial<NewOrder> = {}): NewOrder {
  return {
    orderId: '00000000-0000-4000-8000-000000000001',
    clientOrderId: 'order-1',
    requestHash: 'hash',
    source: 'api',
    strategy: null,
    symbol: 'AAPL',
    side: 'buy',
    type: 'market',
    quantity: '10',
    price: null,
    stopPrice: null,
    timeInForce: 'day',
    createdAt: START,
    ...change,
  };
}

export const durable = (change: Partial<NewOrder> = {}): Order => acceptedOrder(newOrder(change));

export function brokerOrder(change: Partial<BrokerOrder> & { filled?: string; average?: string } = {}): BrokerOrder {
  const { filled = '0', average, ...rest } = change;
  return {
    brokerOrderId: 'broker-1',
    clientOrderId: 'order-1',
    symbol: 'AAPL',
    status: 'new',
    filledQuantity: new Big(filled),
    filledAveragePrice: average === undefined ? undefined : new Big(average),
    updatedAt: START + 1,
    ...rest,
  };
}

export function event(name: string, at: number, order: BrokerOrder, execution?: BrokerExecution): BrokerEvent {
  return { event: name, at, order: { ...order, updatedAt: at }, execution };
}

export interface Part {
  quantity: string;
  price: string;
}

/** The events of an order that is filled part by part, as a broker would send them, and its last state. */
export function fillEvents(
  parts: readonly Part[],
  quantity: string,
  base: Partial<BrokerOrder> = {},
): { events: BrokerEvent[]; last: BrokerOrder } {
  let filled = new Big(0);
  let notional = new Big(0);
  let last = brokerOrder(base);
  const events: BrokerEvent[] = [event('new', START + 1, last)];
  for (const [index, part] of parts.entries()) {
    filled = filled.plus(part.quantity);
    notional = notional.plus(new Big(part.quantity).times(part.price));
    const done = filled.eq(quantity);
    const at = START + 10 * (index + 1);
    last = {
      ...last,
      status: done ? 'filled' : 'partially_filled',
      filledQuantity: filled,
      filledAveragePrice: notional.div(filled),
      updatedAt: at,
    };
    const execution = {
      executionId: `x-${last.clientOrderId}-${index}`,
      quantity: new Big(part.quantity),
      price: new Big(part.price),
      at,
      cumulative: filled,
    };
    events.push(event(done ? 'fill' : 'partial_fill', at, last, execution));
  }
  return { events, last };
}

import { messageOf } from '@papergate/config';
import { HttpError } from '@papergate/service-kit';
import type { Broker } from '../broker/broker.ts';
import type { Engine } from '../engine.ts';
import type { Failpoint } from '../failpoints.ts';
import type { Order } from '../ledger/order.ts';
import { isFinal } from '../life/states.ts';

export interface CancelContext {
  engine: Pick<Engine, 'ledger' | 'dispatcher'>;
  broker: Pick<Broker, 'cancel'>;
  failpoint: Failpoint;
  now: () => number;
}

function final(order: Order): HttpError {
  return new HttpError(409, 'ORDER_FINAL', `order ${order.orderId} is ${order.status} and cannot be canceled any more`);
}

/**
 * Cancels an order: in the queue, here and at once; at the broker by asking it, whose confirmation comes over
 * the stream. Answers with the order as it then stands.
 */
export async function cancelOrder(stored: Order, { engine, broker, failpoint, now }: CancelContext): Promise<Order> {
  if (isFinal(stored.status)) throw final(stored);
  const { clientOrderId } = stored;
  const tracked = engine.ledger.book.byClientId(clientOrderId);
  if (tracked === undefined)
    throw new HttpError(503, 'NOT_READY', 'the open orders are not loaded yet', { headers: { 'retry-after': '1' } });
  const { order } = tracked;

  if (engine.dispatcher.take(tracked) !== undefined) {
    const reason = 'canceled before it was sent';
    await engine.ledger.post({ kind: 'local', clientOrderId, act: 'end', code: null, reason, at: now() });
    return order;
  }
  await engine.dispatcher.settled(tracked);
  if (isFinal(order.status)) throw final(order);
  if (order.brokerOrderId === null) {
    throw new HttpError(
      409,
      'ORDER_OUTCOME_UNKNOWN',
      `whether the broker has order ${order.orderId} is being looked up`,
      {
        fix: 'send the cancel again in a second',
        headers: { 'retry-after': '1' },
      },
    );
  }
  await failpoint('cancel.asked');
  return cancelAtBroker(order, order.brokerOrderId, broker);
}

async function cancelAtBroker(order: Order, brokerOrderId: string, broker: Pick<Broker, 'cancel'>): Promise<Order> {
  let outcome: Awaited<ReturnType<Broker['cancel']>>;
  try {
    outcome = await broker.cancel(brokerOrderId);
  } catch (cause) {
    throw new HttpError(502, 'BROKER_UNREACHABLE', `the broker did not answer the cancel: ${messageOf(cause)}`, {
      fix: 'send the cancel again: repeating it is safe',
      cause,
    });
  }
  if (outcome.kind === 'requested') return order;
  const why = outcome.kind === 'not_found' ? 'the broker does not know it' : outcome.reason;
  throw new HttpError(409, 'ORDER_FINAL', `order ${order.orderId} cannot be canceled: ${why}`);
}

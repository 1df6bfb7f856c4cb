import type { Metrics } from '@papergate/service-kit';

/** The service's metrics, by name in its README. */
export function createInstruments(metrics: Metrics) {
  return {
    orders: metrics.counter('orders_total', 'Orders by the status they reached', ['status']),
    refusals: metrics.counter('order_refusals_total', 'Orders that were not taken, by code', ['code']),
    intake: metrics.histogram('order_intake_seconds', 'From an order’s arrival to its durability'),
    dispatch: metrics.histogram('order_dispatch_seconds', 'Requests that place an order at the broker, by outcome', [
      'outcome',
    ]),
    batch: metrics.histogram(
      'order_commit_batch_size',
      'Orders per group commit',
      [],
      [1, 2, 5, 10, 20, 50, 100, 200, 500],
    ),
    fills: metrics.counter('fills_total', 'Executions that were booked', ['symbol', 'side']),
    dropped: metrics.counter(
      'broker_messages_dropped_total',
      'Messages of the broker that changed nothing, by reason',
      ['reason'],
    ),
    unknown: metrics.counter(
      'order_unknown_outcomes_total',
      'Orders whose outcome had to be looked up, by how it settled',
      ['settled'],
    ),
    differences: metrics.counter('reconciliation_differences_total', 'Differences between the broker’s book and ours', [
      'kind',
    ]),
    rounds: metrics.counter('reconciliation_rounds_total', 'Reconciliations by result', ['result']),
    caughtUp: metrics.counter('executions_caught_up_total', 'Executions that the stream lost and a look-up brought'),
    alarms: metrics.counter('order_alarms_total', 'What was refused because it must not happen, by code', ['code']),
    queue: metrics.gauge('order_queue_length', 'Durable orders that wait to be sent'),
    sending: metrics.gauge('orders_in_flight', 'Orders whose answer is awaited'),
    ledgerQueue: metrics.gauge('ledger_queue_length', 'Updates that wait to be written'),
    openOrders: metrics.gauge('open_orders', 'Orders that are not final'),
    stream: metrics.gauge('broker_stream_listening', '1 while trade_updates are received'),
  };
}

export type Instruments = ReturnType<typeof createInstruments>;

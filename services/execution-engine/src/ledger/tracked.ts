import type { Big } from '@papergate/service-kit';
import type { BrokerExecution } from '../broker/broker.ts';
import type { Order } from './order.ts';
import type { StatusReport } from './status.ts';

/** From and to on the order's filled quantity; undefined where the source did not say. */
export type Interval = { from: Big; to: Big } | undefined;

/** An order with what is known of it beyond its row. */
export interface Tracked {
  order: Order;
  /** The broker's time of the status that is known. */
  statusAt: number;
  /** Executions that are booked, by id; undefined: none. */
  executions: Map<string, Interval> | undefined;
  /** The most that the broker ever said was filled, and at what average. */
  brokerFilled: Big;
  brokerAverage: Big | undefined;
  /** A final status that waits until every execution it speaks of is booked. */
  deferred: StatusReport | undefined;
  /** What was refused about it, so that a repeat is not told again. */
  refused: Set<string> | undefined;
}

export function track(order: Order, executions?: Map<string, Interval>): Tracked {
  return {
    order,
    // Its first word counts whatever the two clocks say.
    statusAt: order.brokerOrderId === null ? -Infinity : order.updatedAt,
    executions,
    brokerFilled: order.filledQuantity,
    brokerAverage: undefined,
    deferred: undefined,
    refused: undefined,
  };
}

export function intervalOf(execution: Pick<BrokerExecution, 'quantity' | 'cumulative'>): Interval {
  const { cumulative, quantity } = execution;
  return cumulative === undefined ? undefined : { from: cumulative.minus(quantity), to: cumulative };
}

/** Whether an execution is one that is booked already, perhaps under another id: the same shares of the order cannot be filled twice. */
export function isBooked(tracked: Tracked, execution: BrokerExecution): boolean {
  if (tracked.executions === undefined) return false;
  if (tracked.executions.has(execution.executionId)) return true;
  const interval = intervalOf(execution);
  if (interval === undefined) return false;
  for (const known of tracked.executions.values()) {
    if (known !== undefined && interval.from.lt(known.to) && known.from.lt(interval.to)) return true;
  }
  return false;
}

import type { Big } from '@papergate/service-kit';
import type { BrokerEvent, BrokerExecution, BrokerOrder } from '../broker/broker.ts';
import type { LocalTransition } from '../life/transitions.ts';
import type { Order } from './order.ts';
import type { Position } from './position.ts';
import type { Tracked } from './tracked.ts';

export interface DailyPnl {
  day: string;
  symbol: string;
  realizedPnl: Big;
  trades: number;
  volume: Big;
  notional: Big;
}

export interface TradeRow {
  executionId: string;
  order: Order;
  quantity: Big;
  price: Big;
  realizedPnl: Big;
  cumulative: Big | undefined;
  at: number;
  /** The position after it. */
  position: Position;
}

export interface EventRow {
  orderId: string;
  key: string;
  event: string;
  at: number;
  detail: Record<string, unknown>;
}

/** What can happen to an order or a position. */
export type Update =
  | { kind: 'event'; event: BrokerEvent }
  /** An order as REST shows it: the answer to its placement, a look-up, a reconciliation. */
  | { kind: 'report'; report: BrokerOrder; event: string; at: number }
  /** Executions that a look-up brought. */
  | { kind: 'executions'; clientOrderId: string; executions: BrokerExecution[] }
  /** Decided on this side; dropped where the broker has spoken meanwhile. */
  | { kind: 'local'; clientOrderId: string; act: LocalTransition; code: string | null; reason: string; at: number }
  /** What the broker holds more (or less) than we do: by how much, so that fills under way between both are not counted twice. */
  | { kind: 'position'; symbol: string; difference: Big; averageEntryPrice: Big; at: number }
  /** The same of the account's cash, USD. */
  | { kind: 'cash'; difference: Big }
  /** Nothing changes; a risk event is to be written. */
  | { kind: 'note' };

/** What must not happen, and did: it was refused, and somebody has to know. */
export interface Alarm {
  code: 'OVERFILL' | 'ILLEGAL_TRANSITION' | 'REVIVED';
  tracked: Tracked;
  message: string;
  detail: Record<string, unknown>;
}

/** Everything that a batch of updates changed and that has to be written. */
export interface Changes {
  orders: Set<Tracked>;
  events: EventRow[];
  trades: TradeRow[];
  positions: Set<string>;
  daily: Set<string>;
  cash: boolean;
  alarms: Alarm[];
  /** Messages that count executions twice, or make no sense; for the log and the metrics. */
  dropped: { reason: 'duplicate' | 'counted' | 'foreign' | 'impossible' | 'overfill' | 'illegal'; detail: string }[];
}

export function noChanges(): Changes {
  return {
    orders: new Set(),
    events: [],
    trades: [],
    positions: new Set(),
    daily: new Set(),
    cash: false,
    alarms: [],
    dropped: [],
  };
}

export const dailyKey = (day: string, symbol: string): string => `${day} ${symbol}`;

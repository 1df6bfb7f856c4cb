import type { Big } from '@papergate/service-kit';
import type { NewOrder } from '../ledger/order.ts';

/** An order as the broker shows it, reduced to what the ledger needs. */
export interface BrokerOrder {
  brokerOrderId: string;
  clientOrderId: string;
  symbol: string;
  status: string;
  filledQuantity: Big;
  filledAveragePrice: Big | undefined;
  /** ms since 1970, the broker's clock. */
  updatedAt: number;
}

/** One execution as the stream, the account's activities or arithmetic tells of it. */
export interface BrokerExecution {
  executionId: string;
  quantity: Big;
  price: Big;
  /** ms since 1970. */
  at: number;
  /** The order's filled quantity after it; undefined where the source does not say. */
  cumulative: Big | undefined;
}

/** A message of the trade_updates stream. */
export interface BrokerEvent {
  event: string;
  at: number;
  order: BrokerOrder;
  execution: BrokerExecution | undefined;
}

export interface BrokerPosition {
  symbol: string;
  quantity: Big;
  averageEntryPrice: Big;
}

/**
 * What became of a request that places an order. Only `placed`, `refused` and `not_sent` are certain;
 * `unknown` has to be settled by a look-up and is never taken for a refusal.
 */
export type SubmitOutcome =
  | { kind: 'placed'; order: BrokerOrder }
  | { kind: 'refused'; code: string; reason: string }
  | { kind: 'duplicate' }
  | { kind: 'rate_limited'; retryAfterMs: number }
  | { kind: 'not_sent'; cause: unknown }
  | { kind: 'unknown'; reason: string };

export type CancelOutcome = { kind: 'requested' } | { kind: 'not_cancelable'; reason: string } | { kind: 'not_found' };

/** The account's numbers, decimal text as the broker gave them. */
export interface BrokerAccount {
  account_number: string;
  status: string;
  currency: string;
  cash: string;
  equity: string;
  last_equity: string;
  buying_power: string;
  long_market_value: string;
  short_market_value: string;
  trading_blocked: boolean;
  shorting_enabled: boolean;
}

/** The broker's REST side. Look-ups throw an {@link ExternalError} when the broker gives no answer. */
export interface Broker {
  /**
   * Places an order. `begin` is called when the account's budget has room, right before the request is made; where it
   * rejects, nothing is sent.
   */
  submit(order: NewOrder, begin: () => Promise<void>): Promise<SubmitOutcome>;
  findByClientOrderId(clientOrderId: string): Promise<BrokerOrder | undefined>;
  openOrders(): Promise<BrokerOrder[]>;
  /** Orders in any state that were submitted after this moment, ms since 1970; as many as a few requests bring. */
  ordersSince(since: number): Promise<BrokerOrder[]>;
  positions(): Promise<BrokerPosition[]>;
  account(): Promise<BrokerAccount>;
  cancel(brokerOrderId: string): Promise<CancelOutcome>;
  cancelAll(): Promise<void>;
  /**
   * Executions since a moment, ms since 1970, by the broker's id of their order, oldest first; undefined where the broker
   * keeps no such list, or one that is too long to be read.
   */
  executions(since: number): Promise<Map<string, BrokerExecution[]> | undefined>;
}

export interface BrokerStream {
  /** Connected, authenticated and listening. */
  readonly listening: boolean;
  /** ms since 1970 at which it last was not; undefined before the first start. */
  readonly since: number | undefined;
  connect(): void;
  close(): void;
}

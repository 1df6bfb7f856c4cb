import { Type, type Static } from 'typebox';

/** What every bus message is wrapped in. `seq` counts 1, 2, 3… per topic and epoch. */
export interface Envelope<T> {
  src: string;
  epoch: string;
  seq: number;
  /** µs since 1970 UTC at which it was published. */
  ts: number;
  data: T;
}

/** One trade or quote. Keys are short since millions of them cross the bus; docs/architecture.md explains each. */
export interface Tick {
  n: number;
  s: string;
  k: 't' | 'q';
  t: number;
  r: number;
  p?: number;
  v?: number;
  b?: number;
  bs?: number;
  a?: number;
  as?: number;
  i?: number | string;
  x?: true;
}

export interface Heartbeat {
  /** Number of the last tick (market-data) or message (the others). */
  n: number;
  upstream?: 'connected' | 'disconnected';
  /** µs of the last tick's arrival; 0 before the first. */
  last_tick?: number;
}

export type Side = 'buy' | 'sell';
export type OrderType = 'market' | 'limit' | 'stop' | 'stop_limit';
export type TimeInForce = 'day' | 'gtc' | 'opg' | 'cls' | 'ioc' | 'fok';

export interface Signal {
  /** Deterministic: strategy, symbol, side and bar; the same bar gives the same id. */
  id: string;
  strategy: string;
  symbol: string;
  side: Side;
  quantity: string;
  /** Micros. */
  price: number;
  reason: string;
  tick_n: number;
  /** µs, the bar's event time. */
  event_time: number;
}

/** An order as HTTP and the bus show it. Money and quantities are decimal text. */
export interface OrderView {
  order_id: string;
  client_order_id: string;
  broker_order_id: string | null;
  strategy: string | null;
  symbol: string;
  side: Side;
  type: OrderType;
  quantity: string;
  price: string | null;
  stop_price: string | null;
  time_in_force: TimeInForce;
  /** `accepted` (durable here), then Alpaca's words, or `unknown` while the broker's answer is lost. */
  status: string;
  filled_quantity: string;
  avg_fill_price: string | null;
  reject_code: string | null;
  reject_reason: string | null;
  created_at: string;
  updated_at: string;
}

/** What topic `order` carries: one order, or several that changed at the same moment. */
export const ordersOf = (data: unknown): OrderView[] => (Array.isArray(data) ? data : [data]) as OrderView[];

export interface Fill {
  fill_id: string;
  order_id: string;
  client_order_id: string;
  strategy: string | null;
  symbol: string;
  side: Side;
  quantity: string;
  price: string;
  realized_pnl: string;
  filled_at: string;
  position: { symbol: string; quantity: string; avg_entry_price: string };
}

export type TradingState = 'ACTIVE' | 'REDUCING' | 'HALTED';

export interface RiskOrder {
  client_order_id: string;
  symbol: string;
  side: Side;
  type: OrderType;
  quantity: string;
  price?: string;
  stop_price?: string;
  strategy?: string;
}

export type RiskRequest =
  | { type: 'check'; order: RiskOrder }
  | { type: 'checks'; orders: RiskOrder[] }
  | { type: 'release'; client_order_id: string }
  | { type: 'state' };

export type RiskVerdict =
  | { allowed: true; state: TradingState }
  | { allowed: false; state: TradingState; code: string; message: string };

/** Verdicts on `checks`, in the order of its orders; an error where an order cannot be read. */
export interface RiskVerdicts {
  verdicts: (RiskVerdict | { error: string })[];
}

export interface RiskState {
  state: TradingState;
  reason: string;
  since: string;
  /**
   * What may be traded: all, or these; in others only orders that shrink a position. Null while nobody knows; a release
   * that does not tell it leaves it out.
   */
  symbols?: 'all' | readonly string[] | null;
  /** How many orders one `checks` may bring; a release that takes them one by one only does not say it. */
  checks?: number;
}

/** A tick as clients post it: numbers or decimal text; `timestamp` RFC 3339 text or ms since 1970. */
export const PostedTickSchema = Type.Object(
  {
    symbol: Type.String({ pattern: '^[A-Z][A-Z0-9]{0,9}([./][A-Z0-9]{1,5})?$' }),
    price: Type.Union([Type.Number({ exclusiveMinimum: 0 }), Type.String({ pattern: '^[0-9]+(\\.[0-9]+)?$' })]),
    volume: Type.Optional(Type.Union([Type.Number({ minimum: 0 }), Type.String({ pattern: '^[0-9]+(\\.[0-9]+)?$' })])),
    timestamp: Type.Optional(Type.Union([Type.Number({ minimum: 0 }), Type.String({ minLength: 10, maxLength: 40 })])),
    bid: Type.Optional(Type.Union([Type.Number({ minimum: 0 }), Type.String({ pattern: '^[0-9]+(\\.[0-9]+)?$' })])),
    ask: Type.Optional(Type.Union([Type.Number({ minimum: 0 }), Type.String({ pattern: '^[0-9]+(\\.[0-9]+)?$' })])),
  },
  { additionalProperties: false },
);
export type PostedTick = Static<typeof PostedTickSchema>;

/** The front door's order. `stop_loss` is an alias of `stop_limit`. Numbers may be JSON numbers or decimal text. */
const Amount = Type.Union([
  Type.Number({ exclusiveMinimum: 0 }),
  Type.String({ pattern: '^(0|[1-9][0-9]*)(\\.[0-9]{1,9})?$', maxLength: 30 }),
]);
/** Why somebody halts, resets or stops: stored as text, so without NUL, which PostgreSQL does not take. */
export const ReasonSchema = Type.String({
  minLength: 1,
  maxLength: 500,
  pattern: '^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$',
});

export const OrderRequestSchema = Type.Object(
  {
    symbol: Type.String({ pattern: '^[A-Z][A-Z0-9]{0,9}([./][A-Z0-9]{1,5})?$' }),
    side: Type.Enum(['buy', 'sell']),
    type: Type.Enum(['market', 'limit', 'stop', 'stop_limit', 'stop_loss']),
    quantity: Amount,
    price: Type.Optional(Amount),
    stop_price: Type.Optional(Amount),
    time_in_force: Type.Optional(Type.Enum(['day', 'gtc', 'opg', 'cls', 'ioc', 'fok'])),
    client_order_id: Type.Optional(Type.String({ minLength: 1, maxLength: 128, pattern: '^[A-Za-z0-9._:-]+$' })),
  },
  { additionalProperties: false },
);
export type OrderRequest = Static<typeof OrderRequestSchema>;

import type { RiskLimits } from '@papergate/config';
import type { LeanFile, MarketTick } from '@papergate/paper-exchange/backtest';
import type { LoadedStrategy } from '@papergate/signal-bridge/backtest';

/** How orders get to the exchange and what they cost. */
export interface Conditions {
  /** One way: decision to exchange, and event to decision; ms of event time. */
  latencyMs: number;
  /** Up to so much is added to each way, by the seed. */
  jitterMs: number;
  /** USD, decimal text; taken off the result for every share that is traded. */
  feePerShare: string;
  /** The part of arriving orders, 0…1, of which only half is filled at once, by the seed. */
  partialFills: number;
  /** USD, decimal text. */
  startingCash: string;
}

export interface BacktestOptions {
  files: readonly LeanFile[];
  strategies: readonly LoadedStrategy[];
  limits: RiskLimits;
  /** Whose limits they are. */
  environment: string;
  seed: number;
  conditions: Conditions;
  /** Times of day in New York, `HH:MM` or `HH:MM:SS`; `from` included, `to` not. */
  from?: string;
  to?: string;
  signal?: AbortSignal;
  /** Told of all that reaches the exchange, in order: for holding it against another exchange. */
  onExchange?: (step: { tick: MarketTick } | { order: Readonly<Record<string, unknown>>; at: number }) => void;
}

/** Times are RFC 3339; prices, quantities and money decimal text, money in USD. */
export interface FillRecord {
  at: string;
  client_order_id: string;
  strategy: string | null;
  symbol: string;
  side: 'buy' | 'sell';
  quantity: string;
  price: string;
  fee: string;
  realized_pnl: string;
}

/** From flat to flat, or through it. */
export interface TradeRecord {
  symbol: string;
  side: 'long' | 'short';
  opened_at: string;
  closed_at: string;
  /** The most that was held. */
  quantity: string;
  /** Fees taken off. */
  pnl: string;
}

/** The equity at a look, and how far it was below its highest value before; in percent, decimal text. */
export interface EquityPoint {
  at: string;
  equity: string;
  drawdown_percent: string;
}

export interface StrategyRecord {
  name: string;
  plugin: string;
  symbols: string[];
  parameters: Readonly<Record<string, unknown>>;
  quantity: string;
  bar_ms: number;
  cooldown_ms: number;
  signals: number;
  /** Held back by the cool-down, or given before. */
  suppressed: number;
  orders: number;
  refused: number;
  fills: number;
  /** What stopped it; null where nothing did. */
  failure: { reason: string; detail: string } | null;
}

/** What a backtest found: a function of its inputs, byte for byte, so nothing of the machine or of its time is in it. */
export interface BacktestReport {
  version: 1;
  inputs: {
    files: string[];
    environment: string;
    /** Of the limits in force, as JSON: two reports with the same one were held to the same limits. */
    risk_limits_sha256: string;
    seed: number;
    from: string | null;
    to: string | null;
    latency_ms: number;
    jitter_ms: number;
    fee_per_share: string;
    partial_fills: number;
    starting_cash: string;
  };
  market: { ticks: number; first: string; last: string; symbols: string[] };
  strategies: StrategyRecord[];
  orders: { placed: number; protective: number; by_status: Record<string, number> };
  /** By risk-manager's code. */
  refusals: Record<string, number>;
  /** By the exchange's code. */
  rejections: Record<string, number>;
  /** Trips of the breaker, resets, warnings. */
  events: { at: string; kind: string; code: string; message: string }[];
  trading_state: string;
  result: ResultRecord;
  /** At most 500 points, from the first look to the last; each stands for as many looks as any other. */
  equity: EquityPoint[];
  positions: {
    symbol: string;
    quantity: string;
    avg_entry_price: string;
    market_price: string;
    unrealized_pnl: string;
  }[];
  trades: TradeRecord[];
  fills: FillRecord[];
}

export interface ResultRecord {
  total_pnl: string;
  realized_pnl: string;
  unrealized_pnl: string;
  fees: string;
  /** What fills cost against the prices that the signals were given at; negative: they were better. */
  slippage: string;
  final_equity: string;
  return_percent: string;
  max_drawdown: string;
  max_drawdown_percent: string;
  /** Null where there are too few minutes, or none in which the equity moved. */
  sharpe_ratio: number | null;
  /** What was bought and sold in all, by its prices. */
  traded_value: string;
  turnover_percent: string;
  trades: number;
  winning_trades: number;
  /** Null where there were no trades. */
  win_rate_percent: string | null;
  formulas: Record<'total_pnl' | 'max_drawdown' | 'sharpe_ratio' | 'turnover' | 'win_rate', string>;
}

import type { StrategyConfig } from '@papergate/config';
import type { Side } from '@papergate/service-kit';

/** What was traded of one symbol in `[start, end)` of event time. Prices in micros, times in µs. */
export interface Bar {
  symbol: string;
  start: number;
  end: number;
  open: number;
  high: number;
  low: number;
  close: number;
  /** Shares. */
  volume: number;
  trades: number;
}

/** What a strategy wants done; quantity, id, cool-down and everything after it are not its business. */
export interface Decision {
  side: Side;
  /** For people: what was seen, with its numbers. */
  reason: string;
}

/**
 * One strategy on one symbol. It sees every closed bar once, in order, and nothing else: no clock, no
 * network, no chance. So the same bars give the same decisions, live, in a replay and in a test.
 *
 * A new instance is made when what went before no longer counts: a new epoch, a lasting gap, time set back.
 */
export interface Strategy {
  onBar(bar: Bar): Decision | undefined;
  /** What it sees now, for `GET /api/v1/strategies`; null while it has not seen enough. */
  indicators(): Record<string, number | null>;
}

export interface StrategyDefinition {
  /** Says what is wrong with parameters that can never work; undefined where nothing is. */
  check?(config: StrategyConfig): string | undefined;
  create(config: StrategyConfig, symbol: string): Strategy;
}

/** A definition for every kind that the configuration allows; a kind without one does not compile. */
export type StrategyRegistry = Readonly<Record<StrategyConfig['kind'], StrategyDefinition>>;

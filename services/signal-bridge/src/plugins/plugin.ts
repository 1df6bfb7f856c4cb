import type { Side } from '@papergate/service-kit';

/**
 * The version of the interface below. A plug-in says which one it was written for; another one is refused at start
 * rather than misunderstood later. It grows by one with every change that an existing plug-in would notice.
 */
export const STRATEGY_INTERFACE = 1;

/** What was traded of one symbol in `[start, end)` of event time. Prices in micros (10⁻⁶ USD), times in µs since 1970. */
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

/** One trade or quote of the symbol. Prices in micros (10⁻⁶ USD), sizes in shares, time in µs since 1970. */
export type StrategyTick =
  | {
      readonly kind: 'trade';
      readonly symbol: string;
      readonly time: number;
      readonly price: number;
      readonly size: number;
    }
  | {
      readonly kind: 'quote';
      readonly symbol: string;
      readonly time: number;
      /** 0 where the side is not there. */
      readonly bid: number;
      readonly bidSize: number;
      readonly ask: number;
      readonly askSize: number;
    };

/** What a strategy wants done; id, cool-down and everything after it are not its business. */
export interface Decision {
  side: Side;
  /** For people: what was seen, with its numbers. At most 500 characters are kept. */
  reason: string;
  /** Shares as decimal text, more than 0; without it the `quantity` of the configuration. */
  quantity?: string;
  /** Only ever the symbol that it was created for; may be left out. */
  symbol?: string;
}

/**
 * All that a strategy is told beside its parameters. It is frozen; there are no credentials, no environment, no account
 * and no clock in it: time is what bars and ticks carry.
 */
export interface StrategyContext {
  /** {@link STRATEGY_INTERFACE} of the program that runs it. */
  readonly interface: number;
  /** The name in the configuration. */
  readonly strategy: string;
  readonly symbol: string;
  /** ms. */
  readonly barMs: number;
  /** Chance that comes again: numbers in [0, 1), the same for the same strategy, symbol and seed. */
  readonly random: () => number;
}

/**
 * One strategy on one symbol. It sees every closed bar once, or every tick once, in order, and nothing else. So the
 * same ticks give the same decisions, live, in a backtest and in a test.
 *
 * A new instance is made when what went before no longer counts: a new epoch, a lasting gap, time set back.
 */
export interface Strategy {
  /** After a bar has closed. The bar is a copy of its own. */
  onBar?(bar: Readonly<Bar>): Decision | undefined;
  /** At every tick but those of bars that are closed already; where a tick closes a bar, after `onBar`. The tick is frozen. */
  onTick?(tick: StrategyTick): Decision | undefined;
  /** What it sees now, for `GET /api/v1/strategies`; null while it has not seen enough. */
  indicators?(): Record<string, number | null>;
}

/** The default export of a plug-in. `P` is what `parameters` describes. */
export interface StrategyPlugin<P = never> {
  /** {@link STRATEGY_INTERFACE} that it was written for. */
  readonly interface: typeof STRATEGY_INTERFACE;
  /** JSON Schema of its parameters: an object without additional properties. TypeBox makes one, and `P` with it. */
  readonly parameters: object;
  /** Says what is wrong with parameters that can never work; undefined where nothing is. */
  check?(parameters: P): string | undefined;
  /** After a silence of so many bars it starts anew; without it, never. */
  memory?(parameters: P): number;
  create(parameters: P, context: StrategyContext): Strategy;
}

import type { StrategyConfig } from '@papergate/config';
import type { Signal, Tick } from '@papergate/service-kit';
import { BarBuilder } from '../bars/bar-builder.ts';
import type { Bar, Decision, Strategy, StrategyDefinition } from '../strategies/strategy.ts';

export interface LaneReport {
  symbol: string;
  /** Closed bars since the strategy was last started anew. */
  bars: number;
  last_bar_end: number | null;
  indicators: Record<string, number | null>;
  last_signal: Signal | null;
}

/** What happened in a lane, for counting. */
export interface LaneEvents {
  bar(strategy: string): void;
  signal(signal: Signal): void;
  suppressed(strategy: string, reason: 'cooldown'): void;
  late(): void;
  reset(reason: 'silence' | 'set_back'): void;
}

/** One strategy on one symbol: ticks to bars, bars to decisions, decisions to signals. */
export class Lane {
  readonly #config: StrategyConfig;
  readonly #symbol: string;
  readonly #definition: StrategyDefinition;
  readonly #events: LaneEvents;
  #builder: BarBuilder;
  #strategy: Strategy;
  #bars = 0;
  #lastBarEnd: number | null = null;
  #lastSignal: Signal | null = null;

  constructor(options: { config: StrategyConfig; symbol: string; definition: StrategyDefinition; events: LaneEvents }) {
    this.#config = options.config;
    this.#symbol = options.symbol;
    this.#definition = options.definition;
    this.#events = options.events;
    this.#builder = this.#newBuilder();
    this.#strategy = this.#newStrategy();
  }

  #newBuilder(): BarBuilder {
    return new BarBuilder({ barMs: this.#config.bar_ms, window: this.#config.window });
  }

  #newStrategy(): Strategy {
    this.#bars = 0;
    return this.#definition.create(this.#config, this.#symbol);
  }

  /** Forgets everything but the signal that was given last: its cool-down holds as long as time goes on from there. */
  reset(): void {
    this.#builder = this.#newBuilder();
    this.#strategy = this.#newStrategy();
    this.#lastBarEnd = null;
  }

  add(tick: Tick): Signal | undefined {
    const event = this.#builder.add(tick);
    switch (event.kind) {
      case 'none':
        return undefined;
      case 'late':
        this.#events.late();
        return undefined;
      case 'set_back':
        this.#events.reset('set_back');
        this.#strategy = this.#newStrategy();
        this.#lastBarEnd = null;
        return undefined;
      case 'closed':
        if (event.silence) {
          this.#events.reset('silence');
          this.#strategy = this.#newStrategy();
        }
        return this.#onBar(event.bar, tick);
      default:
        return event satisfies never;
    }
  }

  #onBar(bar: Bar, tick: Tick): Signal | undefined {
    this.#bars += 1;
    this.#lastBarEnd = bar.end;
    this.#events.bar(this.#config.name);
    const decision = this.#strategy.onBar(bar);
    if (decision === undefined) return undefined;
    if (this.#isCoolingDown(bar.end)) {
      this.#events.suppressed(this.#config.name, 'cooldown');
      return undefined;
    }
    const signal = this.#signal(decision, bar, tick);
    this.#lastSignal = signal;
    this.#events.signal(signal);
    return signal;
  }

  /** A last signal that lies ahead comes from before time was set back: it does not count. */
  #isCoolingDown(time: number): boolean {
    const last = this.#lastSignal?.event_time;
    return last !== undefined && last <= time && time - last < this.#config.cooldown_ms * 1000;
  }

  #signal({ side, reason }: Decision, bar: Bar, tick: Tick): Signal {
    const { name, quantity } = this.#config;
    return {
      id: signalId(name, this.#symbol, side, bar.start),
      strategy: name,
      symbol: this.#symbol,
      side,
      quantity,
      price: bar.close,
      reason,
      tick_n: tick.n,
      event_time: bar.end,
    };
  }

  report(): LaneReport {
    return {
      symbol: this.#symbol,
      bars: this.#bars,
      last_bar_end: this.#lastBarEnd,
      indicators: this.#strategy.indicators(),
      last_signal: this.#lastSignal,
    };
  }
}

/** At most 32 + 17 + 4 + 16 characters and three colons, of those that a client_order_id may have. */
export function signalId(strategy: string, symbol: string, side: string, barStart: number): string {
  return `${strategy}:${symbol.replace('/', '_')}:${side}:${barStart}`;
}

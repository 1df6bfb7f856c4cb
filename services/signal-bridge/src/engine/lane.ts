import type { StrategyConfig } from '@papergate/config';
import type { Signal, Tick } from '@papergate/service-kit';
import { BarBuilder } from '../bars/bar-builder.ts';
import type { Guard } from '../plugins/guard.ts';
import type { LoadedStrategy } from '../plugins/load.ts';
import { STRATEGY_INTERFACE, type Bar, type Decision, type Strategy, type StrategyTick } from '../plugins/plugin.ts';
import { seededRandom } from '../plugins/random.ts';
import type { TickView } from './tick-view.ts';

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

export interface LaneOptions {
  strategy: LoadedStrategy;
  symbol: string;
  guard: Guard;
  events: LaneEvents;
  seed: number;
}

type OnSignal = (signal: Signal) => void;

/** When and at what price a decision was taken; what its signal's id is made of. */
interface Moment {
  /** Start of the bar, or `t` and the time of the tick. */
  key: string;
  time: number;
  price: number;
}

/** One strategy on one symbol: ticks to bars, bars and ticks to decisions, decisions to signals. */
export class Lane {
  readonly #options: LaneOptions;
  readonly #config: StrategyConfig;
  readonly #symbol: string;
  readonly #guard: Guard;
  #builder: BarBuilder;
  #strategy: Strategy;
  readonly #askBar = (bar: Bar): unknown => this.#strategy.onBar?.(bar);
  readonly #askTick = (tick: StrategyTick): unknown => this.#strategy.onTick?.(tick);
  #bars = 0;
  #lastBarEnd: number | null = null;
  #lastPrice = 0;
  #lastSignal: Signal | null = null;

  /** @throws UserError STRATEGY_CREATE */
  constructor(options: LaneOptions) {
    this.#options = options;
    this.#config = options.strategy.config;
    this.#symbol = options.symbol;
    this.#guard = options.guard;
    this.#builder = this.#newBuilder();
    this.#strategy = this.#create();
  }

  #newBuilder(): BarBuilder {
    return new BarBuilder({ barMs: this.#config.bar_ms, window: this.#options.strategy.memory });
  }

  #create(): Strategy {
    const { strategy, symbol, seed } = this.#options;
    const { name, bar_ms: barMs } = this.#config;
    const random = seededRandom(`${seed}:${name}:${symbol}`);
    return strategy.create(Object.freeze({ interface: STRATEGY_INTERFACE, strategy: name, symbol, barMs, random }));
  }

  /** A strategy that could be created once and now cannot is stopped, as if it had thrown at a tick. */
  #startAnew(): void {
    this.#bars = 0;
    this.#lastPrice = 0;
    this.#strategy = this.#guard.run(() => this.#create(), undefined) ?? this.#strategy;
  }

  /** Forgets everything but the signal that was given last: its cool-down holds as long as time goes on from there. */
  reset(): void {
    this.#builder = this.#newBuilder();
    this.#startAnew();
    this.#lastBarEnd = null;
  }

  add(tick: Tick, view: TickView, onSignal: OnSignal): void {
    if (this.#guard.failure !== undefined) return;
    const event = this.#builder.add(tick);
    switch (event.kind) {
      case 'none':
        break;
      case 'late':
        this.#options.events.late();
        return;
      case 'set_back':
        this.#options.events.reset('set_back');
        this.#startAnew();
        this.#lastBarEnd = null;
        break;
      case 'closed':
        if (event.silence) {
          this.#options.events.reset('silence');
          this.#startAnew();
        }
        this.#onBar(event.bar, tick, onSignal);
        break;
      default:
        return event satisfies never;
    }
    if (this.#strategy.onTick !== undefined) this.#onTick(tick, view, onSignal);
  }

  #onBar(bar: Bar, tick: Tick, onSignal: OnSignal): void {
    this.#bars += 1;
    this.#lastBarEnd = bar.end;
    this.#options.events.bar(this.#config.name);
    if (this.#strategy.onBar === undefined) return;
    // Its own copy: what it does to it changes neither the signal nor what another strategy sees.
    const decision = this.#guard.decide(this.#askBar, { ...bar }, this.#symbol);
    if (decision !== undefined)
      this.#take(decision, { key: `${bar.start}`, time: bar.end, price: bar.close }, tick, onSignal);
  }

  #onTick(tick: Tick, view: TickView, onSignal: OnSignal): void {
    if (tick.p !== undefined) this.#lastPrice = tick.p;
    const decision = this.#guard.decide(this.#askTick, view.shown, this.#symbol);
    if (decision === undefined) return;
    // Before the first trade a quote is all that there is to value it by.
    const price = this.#lastPrice > 0 ? this.#lastPrice : Math.max(tick.a ?? 0, tick.b ?? 0);
    this.#take(decision, { key: `t${tick.t}`, time: tick.t, price }, tick, onSignal);
  }

  #take(decision: Decision, moment: Moment, tick: Tick, onSignal: OnSignal): void {
    if (this.#isCoolingDown(moment.time)) {
      this.#options.events.suppressed(this.#config.name, 'cooldown');
      return;
    }
    const { name, quantity } = this.#config;
    const { side, reason } = decision;
    const signal: Signal = {
      id: signalId(name, this.#symbol, side, moment.key),
      strategy: name,
      symbol: this.#symbol,
      side,
      quantity: decision.quantity ?? quantity,
      price: moment.price,
      reason,
      tick_n: tick.n,
      event_time: moment.time,
    };
    this.#lastSignal = signal;
    this.#options.events.signal(signal);
    onSignal(signal);
  }

  /** A last signal that lies ahead comes from before time was set back: it does not count. */
  #isCoolingDown(time: number): boolean {
    const last = this.#lastSignal?.event_time;
    return last !== undefined && last <= time && time - last < this.#config.cooldown_ms * 1000;
  }

  report(): LaneReport {
    return {
      symbol: this.#symbol,
      bars: this.#bars,
      last_bar_end: this.#lastBarEnd,
      indicators: this.#indicators(),
      last_signal: this.#lastSignal,
    };
  }

  /** For people to look at: whatever goes wrong here stops nothing. */
  #indicators(): Record<string, number | null> {
    if (this.#guard.failure?.reason === 'stuck') return {};
    try {
      const found: Record<string, unknown> = this.#guard.watched(() => this.#strategy.indicators?.()) ?? {};
      return Object.fromEntries(
        Object.entries(found).map(([name, value]) => [name, Number.isFinite(value) ? (value as number) : null]),
      );
    } catch {
      return {};
    }
  }
}

/** At most 32 + 17 + 4 + 17 characters and three colons, of those that a client_order_id may have. */
export function signalId(strategy: string, symbol: string, side: string, key: string): string {
  return `${strategy}:${symbol.replace('/', '_')}:${side}:${key}`;
}

import type { StrategyConfig } from '@papergate/config';
import type { Signal, Tick } from '@papergate/service-kit';
import { Guard, type Failure, type GuardLimits } from '../plugins/guard.ts';
import type { LoadedStrategy } from '../plugins/load.ts';
import type { Beats } from '../watchdog/beat.ts';
import { Lane, type LaneEvents, type LaneReport } from './lane.ts';
import { TickView } from './tick-view.ts';

export interface EngineEvents extends LaneEvents {
  /** A strategy is stopped for good, on all its symbols. */
  failed(strategy: string, failure: Failure): void;
  /** One call of a strategy took this long, ms. */
  slow(strategy: string, ms: number): void;
}

export interface EngineOptions {
  strategies: readonly LoadedStrategy[];
  events: EngineEvents;
  /** ms, monotonic: measures strategies. Without it they may take as long as they like. */
  now?: () => number;
  limits?: GuardLimits;
  /** Of the strategies' chance. */
  seed?: number;
  /** Told which strategy has the thread, for whoever watches from another one. */
  beats?: Pick<Beats, 'of'>;
}

export interface StrategyReport {
  config: StrategyConfig;
  plugin: string;
  parameters: Readonly<Record<string, unknown>>;
  failure: Failure | undefined;
  symbols: LaneReport[];
}

interface Running {
  strategy: LoadedStrategy;
  guard: Guard;
  lanes: Lane[];
}

/**
 * All strategies on all their symbols. A pure function of the sequence of ticks: how they were cut into
 * messages, when they came and what else the machine did has no part in it.
 */
export class Engine {
  readonly #lanes = new Map<string, Lane[]>();
  readonly #running: Running[] = [];
  readonly #view = new TickView();

  /** @throws UserError STRATEGY_CREATE where a strategy cannot be created */
  constructor({ strategies, events, now, limits, seed = 0, beats }: EngineOptions) {
    for (const [index, strategy] of strategies.entries()) {
      const { config } = strategy;
      const guard = new Guard({
        onFailure: (failure) => events.failed(config.name, failure),
        onSlow: (ms) => events.slow(config.name, ms),
        now,
        beat: beats?.of(index),
        ...(limits === undefined ? {} : { limits }),
      });
      const lanes = config.symbols.map((symbol) => {
        const lane = new Lane({ strategy, symbol, guard, events, seed });
        const others = this.#lanes.get(symbol);
        if (others === undefined) this.#lanes.set(symbol, [lane]);
        else others.push(lane);
        return lane;
      });
      this.#running.push({ strategy, guard, lanes });
    }
  }

  /** Signals in the order in which the configuration lists the strategies. */
  add(tick: Tick, onSignal: (signal: Signal) => void): void {
    const lanes = this.#lanes.get(tick.s);
    if (lanes === undefined) return;
    this.#view.turnTo(tick);
    for (const lane of lanes) lane.add(tick, this.#view, onSignal);
  }

  /** Starts every strategy anew: what comes does not follow what was. */
  reset(): void {
    for (const lanes of this.#lanes.values()) for (const lane of lanes) lane.reset();
  }

  /** A strategy of that name is not asked any more; of one that is not there nothing is known. */
  stop(strategy: string, failure: Failure): void {
    this.#running.find(({ strategy: { config } }) => config.name === strategy)?.guard.stop(failure);
  }

  /** The strategies that were stopped, and why. */
  failures(): { strategy: string; failure: Failure }[] {
    return this.#running.flatMap(({ strategy, guard }) =>
      guard.failure === undefined ? [] : [{ strategy: strategy.config.name, failure: guard.failure }],
    );
  }

  report(): StrategyReport[] {
    return this.#running.map(({ strategy: { config, plugin, parameters }, guard, lanes }) => ({
      config,
      plugin,
      parameters,
      failure: guard.failure,
      symbols: lanes.map((lane) => lane.report()),
    }));
  }
}

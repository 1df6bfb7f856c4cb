import { UserError, type StrategyConfig } from '@papergate/config';
import type { Signal, Tick } from '@papergate/service-kit';
import type { StrategyRegistry } from '../strategies/strategy.ts';
import { Lane, type LaneEvents, type LaneReport } from './lane.ts';

export interface EngineOptions {
  strategies: readonly StrategyConfig[];
  registry: StrategyRegistry;
  events: LaneEvents;
}

export interface StrategyReport {
  config: StrategyConfig;
  symbols: LaneReport[];
}

/**
 * All strategies on all their symbols. A pure function of the sequence of ticks: how they were cut into
 * messages, when they came and what else the machine did has no part in it.
 */
export class Engine {
  readonly #lanes = new Map<string, Lane[]>();
  readonly #byStrategy: { config: StrategyConfig; lanes: Lane[] }[] = [];

  /** Refuses parameters with which a strategy could never give a signal. */
  constructor({ strategies, registry, events }: EngineOptions) {
    for (const config of strategies) {
      const definition = registry[config.kind];
      const problem = definition.check?.(config);
      if (problem !== undefined) {
        throw new UserError({
          code: 'STRATEGY_PARAMETERS',
          message: `strategy "${config.name}" (${config.kind}): ${problem}`,
          fix: 'correct its entry under "strategies" in the system configuration',
        });
      }
      const lanes = config.symbols.map((symbol) => {
        const lane = new Lane({ config, symbol, definition, events });
        const others = this.#lanes.get(symbol);
        if (others === undefined) this.#lanes.set(symbol, [lane]);
        else others.push(lane);
        return lane;
      });
      this.#byStrategy.push({ config, lanes });
    }
  }

  /** Signals in the order in which the configuration lists the strategies. */
  add(tick: Tick, onSignal: (signal: Signal) => void): void {
    const lanes = this.#lanes.get(tick.s);
    if (lanes === undefined) return;
    for (const lane of lanes) {
      const signal = lane.add(tick);
      if (signal !== undefined) onSignal(signal);
    }
  }

  /** Starts every strategy anew: what comes does not follow what was. */
  reset(): void {
    for (const lanes of this.#lanes.values()) for (const lane of lanes) lane.reset();
  }

  report(): StrategyReport[] {
    return this.#byStrategy.map(({ config, lanes }) => ({ config, symbols: lanes.map((lane) => lane.report()) }));
  }
}

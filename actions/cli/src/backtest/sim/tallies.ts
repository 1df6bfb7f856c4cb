import type { EngineEvents, LoadedStrategy } from '@papergate/signal-bridge/backtest';
import type { FillRecord, StrategyRecord } from '../types.ts';

const nothing = (): void => undefined;

/** What each strategy did, for the report. */
export class Tallies {
  readonly #records = new Map<string, StrategyRecord>();
  readonly events: EngineEvents;
  /** Orders that close a position at its stop or target. */
  protective = 0;

  constructor(strategies: readonly LoadedStrategy[]) {
    for (const { config, plugin, parameters } of strategies) {
      const { bar_ms, cooldown_ms, name, quantity, symbols } = config;
      const none = { signals: 0, suppressed: 0, orders: 0, refused: 0, fills: 0, failure: null };
      this.#records.set(name, { name, plugin, symbols, parameters, quantity, bar_ms, cooldown_ms, ...none });
    }
    this.events = {
      bar: nothing,
      signal: nothing,
      late: nothing,
      reset: nothing,
      slow: nothing,
      suppressed: (name) => this.#change(name, (record) => void (record.suppressed += 1)),
      failed: (name, { reason, detail }) => this.#change(name, (record) => void (record.failure = { reason, detail })),
    };
  }

  #change(name: string, change: (record: StrategyRecord) => void): void {
    const record = this.#records.get(name);
    if (record !== undefined) change(record);
  }

  signal(name: string): void {
    this.#change(name, (record) => void (record.signals += 1));
  }

  order(name: string, taken: boolean): void {
    this.#change(name, (record) => void (record[taken ? 'orders' : 'refused'] += 1));
  }

  records(fills: readonly FillRecord[]): StrategyRecord[] {
    for (const { strategy } of fills) {
      if (strategy !== null) this.#change(strategy, (record) => void (record.fills += 1));
    }
    return [...this.#records.values()];
  }
}

import type { Tick } from '@papergate/service-kit';
import type { StrategyTick } from '../plugins/plugin.ts';

/**
 * A tick, and what strategies see of it: made when the first one looks, frozen, and the same for all. One view serves an
 * engine, tick after tick: most ticks are looked at by nobody, and a million of them come in a second.
 */
export class TickView {
  #tick: Tick | undefined;
  #shown: StrategyTick | undefined;

  turnTo(tick: Tick): void {
    this.#tick = tick;
    this.#shown = undefined;
  }

  get shown(): StrategyTick {
    if (this.#tick === undefined) throw new Error('the view was turned to no tick');
    this.#shown ??= Object.freeze(show(this.#tick));
    return this.#shown;
  }
}

function show({ s: symbol, k, t: time, p, v, b, bs, a, as }: Tick): StrategyTick {
  if (k === 't') return { kind: 'trade', symbol, time, price: p ?? 0, size: v ?? 0 };
  return { kind: 'quote', symbol, time, bid: b ?? 0, bidSize: bs ?? 0, ask: a ?? 0, askSize: as ?? 0 };
}

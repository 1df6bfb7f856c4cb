import type { Tick } from '@papergate/service-kit';
import type { StrategyTick } from '../plugins/plugin.ts';

/** A tick, and what strategies see of it: made when the first one looks, frozen, and the same for all. */
export class TickView {
  readonly tick: Tick;
  #shown: StrategyTick | undefined;

  constructor(tick: Tick) {
    this.tick = tick;
  }

  get shown(): StrategyTick {
    this.#shown ??= Object.freeze(show(this.tick));
    return this.#shown;
  }
}

function show({ s: symbol, k, t: time, p, v, b, bs, a, as }: Tick): StrategyTick {
  if (k === 't') return { kind: 'trade', symbol, time, price: p ?? 0, size: v ?? 0 };
  return { kind: 'quote', symbol, time, bid: b ?? 0, bidSize: bs ?? 0, ask: a ?? 0, askSize: as ?? 0 };
}

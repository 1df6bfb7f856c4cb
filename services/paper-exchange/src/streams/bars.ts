import { DAY, MINUTE, newYorkOffset, type Micros } from '../clock/new-york.ts';
import type { MarketTick } from '../market/tick.ts';

interface Bar {
  start: Micros;
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
  value: number;
  trades: number;
}

/** Minute and day bars of one symbol, from its trades. A bar is out when the first tick of a later minute comes. */
export class BarMaker {
  #minute: Bar | undefined;
  #day: Bar | undefined;

  /** The messages that a tick finishes: the minute's `b` and the day so far, `d`. */
  push(tick: MarketTick): { minute: Record<string, unknown>; day: Record<string, unknown> } | undefined {
    const start = tick.time - (tick.time % MINUTE);
    let finished: ReturnType<BarMaker['push']>;
    if (this.#minute !== undefined && start > this.#minute.start) {
      finished = {
        minute: barMessage('b', tick.symbol, this.#minute),
        day: barMessage('d', tick.symbol, this.#day ?? this.#minute),
      };
      this.#minute = undefined;
    }
    if (tick.kind === 't') {
      const offset = newYorkOffset(start);
      const day = start + offset - ((start + offset) % DAY) - offset;
      if (this.#day !== undefined && this.#day.start !== day) this.#day = undefined;
      this.#minute = extend(this.#minute, start, tick.price, tick.size);
      this.#day = extend(this.#day, day, tick.price, tick.size);
    }
    return finished;
  }
}

function extend(bar: Bar | undefined, start: Micros, price: number, size: number): Bar {
  if (bar === undefined) {
    return { start, open: price, high: price, low: price, close: price, volume: size, value: price * size, trades: 1 };
  }
  bar.high = Math.max(bar.high, price);
  bar.low = Math.min(bar.low, price);
  bar.close = price;
  bar.volume += size;
  bar.value += price * size;
  bar.trades += 1;
  return bar;
}

function barMessage(type: 'b' | 'd', symbol: string, bar: Bar): Record<string, unknown> {
  const vwap = bar.volume === 0 ? bar.close : Math.round(bar.value / bar.volume);
  return {
    T: type,
    S: symbol,
    o: bar.open / 1e6,
    h: bar.high / 1e6,
    l: bar.low / 1e6,
    c: bar.close / 1e6,
    v: bar.volume,
    t: new Date(bar.start / 1000),
    n: bar.trades,
    vw: vwap / 1e6,
  };
}

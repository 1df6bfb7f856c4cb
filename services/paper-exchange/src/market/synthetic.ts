import { seededRandom } from '../units/random.ts';
import type { PriceMicros } from '../units/amounts.ts';
import type { Micros } from '../clock/new-york.ts';
import type { MarketSource, SourceStatus } from './source.ts';
import type { MarketTick } from './tick.ts';

const CENT = 10_000;

/** One symbol of the synthetic market. */
interface Walk {
  symbol: string;
  /** Where the walk is drawn back to. */
  anchor: PriceMicros;
  middle: PriceMicros;
  halfSpread: PriceMicros;
  bidSize: number;
  askSize: number;
  trades: number;
}

/**
 * A seeded market: each symbol's middle price walks at random, drawn gently back to where it began so that a
 * long run stays in the same region; spreads are one to five cents, sizes round lots, trades happen at bid or
 * ask. The same seed and symbols give the same sequence of ticks; only their times follow the clock.
 */
export class SyntheticMarket {
  readonly #random: () => number;
  readonly #walks: Walk[];

  constructor(symbols: readonly string[], seed: number) {
    this.#random = seededRandom(seed);
    this.#walks = symbols.map((symbol) => {
      const anchor = (2000 + Math.floor(this.#random() * 38_000)) * CENT;
      return { symbol, anchor, middle: anchor, halfSpread: CENT, bidSize: 0, askSize: 0, trades: 0 };
    });
  }

  /** A first quote and trade of every symbol, so that there is a market from the first moment on. */
  open(at: Micros): MarketTick[] {
    return this.#walks.flatMap((walk) => [this.#quote(walk, at), this.#trade(walk, at)]);
  }

  next(at: Micros): MarketTick {
    const walk = this.#walks[Math.floor(this.#random() * this.#walks.length)] as Walk;
    return this.#random() < 0.7 ? this.#quote(walk, at) : this.#trade(walk, at);
  }

  #quote(walk: Walk, at: Micros): MarketTick {
    const random = this.#random;
    const shock = (random() + random() + random() - 1.5) * 0.0006;
    const pull = ((walk.anchor - walk.middle) / walk.anchor) * 0.002;
    walk.middle = Math.max(CENT * 100, Math.round((walk.middle * (1 + shock + pull)) / CENT) * CENT);
    walk.halfSpread = CENT * (1 + Math.floor(random() * random() * 2.5));
    walk.bidSize = 100 * (1 + Math.floor(random() * 20));
    walk.askSize = 100 * (1 + Math.floor(random() * 20));
    const { symbol, bidSize, askSize } = walk;
    const { bid, ask } = pricesOf(walk);
    return { kind: 'q', symbol, time: at, bid, bidSize, ask, askSize, exchange: 'V' };
  }

  #trade(walk: Walk, at: Micros): MarketTick {
    const { bid, ask } = pricesOf(walk);
    const price = this.#random() < 0.5 ? bid : ask;
    const size =
      this.#random() < 0.2 ? 1 + Math.floor(this.#random() * 99) : 100 * (1 + Math.floor(this.#random() * 5));
    walk.trades += 1;
    return { kind: 't', symbol: walk.symbol, time: at, price, size, exchange: 'V', id: walk.trades };
  }
}

function pricesOf({ middle, halfSpread }: Walk): { bid: PriceMicros; ask: PriceMicros } {
  return { bid: middle - halfSpread, ask: middle + halfSpread };
}

export interface SyntheticSourceOptions {
  symbols: readonly string[];
  seed: number;
  ticksPerSecond: number;
  now: () => Micros;
  publish: (ticks: MarketTick[]) => void;
  /** How often ticks are due, ms. */
  intervalMs?: number;
}

/** Lets the synthetic market run at a steady rate by the clock, in small bundles. */
export function syntheticSource(options: SyntheticSourceOptions): MarketSource {
  const { ticksPerSecond, now, publish, intervalMs = 10 } = options;
  const market = new SyntheticMarket(options.symbols, options.seed);
  let timer: NodeJS.Timeout | undefined;
  let made = 0;
  let startedAt = 0;

  function beat(): void {
    const at = now();
    const due = Math.floor(((at - startedAt) / 1e6) * ticksPerSecond);
    // After a long pause (a suspended machine) the market goes on, it does not make up for lost time.
    const count = Math.min(due - made, Math.max(1, ticksPerSecond));
    made = due;
    if (count <= 0) return;
    const ticks: MarketTick[] = [];
    for (let i = 0; i < count; i += 1) ticks.push(market.next(at));
    publish(ticks);
  }

  return {
    kind: 'synthetic',
    start() {
      startedAt = now();
      publish(market.open(startedAt));
      timer = setInterval(beat, intervalMs);
      return Promise.resolve();
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
      return Promise.resolve();
    },
    status: (): SourceStatus => ({
      running: timer !== undefined,
      finished: false,
      seed: options.seed,
      ticks_per_second: ticksPerSecond,
    }),
  };
}

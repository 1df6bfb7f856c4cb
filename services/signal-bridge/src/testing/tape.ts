import type { StrategyConfig } from '@papergate/config';
import type { Tick } from '@papergate/service-kit';

/** 2013-10-07 13:30 UTC, in µs. */
export const START = 1_381_152_600_000_000;

/** A small generator with good bits (mulberry32): the same seed, the same tape. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function trade(n: number, t: number, price: number, symbol = 'AAPL', size = 100): Tick {
  return { n, s: symbol, k: 't', t, r: t + 500, p: Math.round(price * 1e6), v: size };
}

export function quote(n: number, t: number, symbol = 'AAPL'): Tick {
  return { n, s: symbol, k: 'q', t, r: t + 500, b: 1_000_000, bs: 1, a: 1_010_000, as: 1 };
}

/** One trade a second per close, from {@link START} on. */
export function closes(prices: readonly number[], symbol = 'AAPL', stepUs = 1_000_000): Tick[] {
  return prices.map((price, index) => trade(index + 1, START + index * stepUs, price, symbol));
}

export interface TapeShape {
  seed: number;
  count: number;
  symbols?: readonly string[];
}

/** A random walk per symbol with quotes between, stragglers whose time goes back, and now and then a long silence. */
export function randomTape({ seed, count, symbols = ['AAPL', 'MSFT'] }: TapeShape): Tick[] {
  const random = randomOf(seed);
  const prices = new Map(symbols.map((symbol) => [symbol, 50 + random() * 100]));
  const ticks: Tick[] = [];
  let time = START;
  for (let n = 1; n <= count; n += 1) {
    time += Math.floor(random() * 400_000);
    if (random() < 0.002) time += 120_000_000;
    const symbol = symbols[Math.floor(random() * symbols.length)] ?? 'AAPL';
    const price = (prices.get(symbol) ?? 100) * (1 + (random() - 0.5) * 0.01);
    prices.set(symbol, price);
    const at = random() < 0.05 ? time - Math.floor(random() * 3_000_000) : time;
    ticks.push(random() < 0.6 ? trade(n, at, price, symbol) : quote(n, at, symbol));
  }
  return ticks;
}

export function strategyConfig(over: Partial<StrategyConfig> = {}): StrategyConfig {
  return {
    name: 'reverter',
    kind: 'mean_reversion',
    symbols: ['AAPL', 'MSFT'],
    quantity: '5',
    bar_ms: 1000,
    window: 5,
    threshold: 1.2,
    cooldown_ms: 0,
    ...over,
  };
}

/** A strategy that is a plug-in. */
export function pluginConfig(over: Partial<StrategyConfig> = {}): StrategyConfig {
  return {
    name: 'own',
    plugin: './own',
    symbols: ['AAPL', 'MSFT'],
    quantity: '5',
    bar_ms: 1000,
    parameters: {},
    cooldown_ms: 0,
    ...over,
  };
}

import { Secret } from '@papergate/config';
import {
  accountJson,
  AlpacaError,
  buildExchange,
  EventClock,
  formatMoney,
  hoursOf,
  parseScaled,
  valueOf,
  type LedgerEntry,
  type MarketTick,
} from '@papergate/paper-exchange/backtest';
import type { BacktestOptions } from '../types.ts';

type News = Extract<LedgerEntry, { kind: 'event' | 'fill' }>;

/** The exchange simulator in this process, on the clock of the ticks: its books, its desk, its account, and no sockets. */
export class Market {
  readonly clock: EventClock;
  readonly #exchange;
  readonly #onExchange: BacktestOptions['onExchange'];
  #seen = 0;

  constructor(options: {
    symbols: readonly string[];
    /** Femtos. */
    startingCash: bigint;
    seed: number;
    partialFills: number;
    start: number;
    onExchange: BacktestOptions['onExchange'];
  }) {
    this.clock = new EventClock(options.start);
    this.#onExchange = options.onExchange;
    let ids = 0;
    this.#exchange = buildExchange({
      key: new Secret('nobody connects'),
      secret: new Secret('nobody connects'),
      clock: this.clock,
      hours: hoursOf('regular'),
      symbols: options.symbols,
      startingCash: options.startingCash,
      seed: options.seed,
      newId: () => String((ids += 1)).padStart(12, '0'),
    });
    if (options.partialFills > 0) {
      const { partialFills: probability } = options;
      this.#exchange.faults.add({ kind: 'partial_fill', times: null, probability, fraction: 0.5 });
    }
  }

  /** The market moves; orders that it meets are filled. */
  tick(tick: MarketTick): void {
    this.#onExchange?.({ tick });
    this.#exchange.prepare(tick);
  }

  /** Time passes: sessions and expiries. */
  advanceTo(at: number): void {
    this.clock.advanceTo(at);
    this.#exchange.floor.advance();
  }

  /** An order arrives. Undefined where it was taken, else the refusal. */
  submit(order: Readonly<Record<string, unknown>>): { code: string; message: string } | undefined {
    this.#onExchange?.({ order, at: this.clock.now() });
    try {
      this.#exchange.desk.submit(order);
      return undefined;
    } catch (error) {
      if (!(error instanceof AlpacaError)) throw error;
      return { code: String(error.code), message: error.message };
    }
  }

  get hasNews(): boolean {
    return this.#exchange.ledger.size !== this.#seen;
  }

  /** What happened to orders since the last look. */
  news(): News[] {
    const entries = this.#exchange.ledger.read(this.#seen, Infinity);
    this.#seen = this.#exchange.ledger.size;
    return entries.filter((entry) => entry.kind === 'event' || entry.kind === 'fill');
  }

  isOpen(at: number): boolean {
    return this.#exchange.hours.session(at) === 'regular';
  }

  /** Micros; 0 while nothing is known. */
  price(symbol: string): number {
    return this.#exchange.instruments.get(symbol)?.mark ?? 0;
  }

  /** Cash and positions at the market's prices, femtos. */
  equity(): bigint {
    const { account } = this.#exchange;
    let equity = account.cash;
    for (const { symbol, qty } of account.positions.values()) equity += valueOf(this.price(symbol), qty);
    return equity;
  }

  /** Femtos. */
  get cash(): bigint {
    return this.#exchange.account.cash;
  }

  /** As `GET /v2/account` shows it, what `fees` (femtos) took taken off. */
  accountView(fees: bigint): Record<string, unknown> {
    const exchange = this.#exchange;
    const view = accountJson(exchange, exchange.identity, exchange.settings, this.clock.now());
    const less = (amount: unknown): string => formatMoney((parseScaled(String(amount), 15) ?? 0n) - fees);
    return { ...view, equity: less(view['equity']), buying_power: less(view['buying_power']) };
  }
}

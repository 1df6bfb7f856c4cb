import { Secret } from '@papergate/config';
import { EventClock } from '../clock/clock.ts';
import { hoursOf } from '../clock/hours.ts';
import { SECOND, type Micros } from '../clock/new-york.ts';
import { buildExchange, type Exchange, type ExchangeOptions } from '../exchange.ts';
import { AlpacaError } from '../errors.ts';
import type { LedgerEntry } from '../ledger/ledger.ts';
import { orderJson } from '../orders/model.ts';
import { FEMTOS_PER_USD } from '../units/amounts.ts';
import { STANDING_START } from './start-exchange.ts';

export interface CoreOptions extends Partial<Pick<ExchangeOptions, 'multiplier' | 'symbols' | 'seed' | 'stateDir'>> {
  hours?: 'always' | 'regular';
  /** RFC 3339. */
  at?: string;
  startingCash?: number;
  /** Ids count on from here. */
  lastId?: number;
}

type Json = Record<string, unknown>;

/** The exchange without sockets, on a clock that the test turns: for the rules of orders and money. */
export class Core {
  readonly exchange: Exchange;
  readonly clock: EventClock;
  readonly stateDir: string | undefined;
  #trades = 0;
  #ids: number;

  constructor(options: CoreOptions = {}) {
    this.clock = new EventClock(options.at === undefined ? STANDING_START : Date.parse(options.at) * 1000);
    this.#ids = 0;
    this.stateDir = options.stateDir;
    this.exchange = buildExchange({
      key: new Secret('unused'),
      secret: new Secret('unused'),
      clock: this.clock,
      hours: hoursOf(options.hours ?? 'always'),
      symbols: options.symbols ?? ['AAPL', 'MSFT'],
      startingCash: BigInt(options.startingCash ?? 100_000) * FEMTOS_PER_USD,
      multiplier: options.multiplier ?? 2,
      seed: options.seed ?? 1,
      ...(options.stateDir === undefined ? {} : { stateDir: options.stateDir }),
      newId: () => {
        this.#ids += 1;
        return `id-${this.#ids}`;
      },
    });
    this.#ids = options.lastId ?? this.#ids;
  }

  get lastId(): number {
    return this.#ids;
  }

  /** Dollars and shares. */
  quote(bid: number, ask: number, options: { symbol?: string; bidSize?: number; askSize?: number } = {}): void {
    const { symbol = 'AAPL', bidSize = 1000, askSize = 1000 } = options;
    const micros = (price: number): number => Math.round(price * 1e6);
    this.exchange.publish([
      {
        kind: 'q',
        symbol,
        time: this.clock.now(),
        bid: micros(bid),
        bidSize,
        ask: micros(ask),
        askSize,
        exchange: 'V',
      },
    ]);
  }

  trade(price: number, options: { symbol?: string; size?: number } = {}): void {
    const { symbol = 'AAPL', size = 100 } = options;
    this.#trades += 1;
    const tick = { kind: 't' as const, symbol, time: this.clock.now(), size, exchange: 'V', id: this.#trades };
    this.exchange.publish([{ ...tick, price: Math.round(price * 1e6) }]);
  }

  /** Sends an order: a market order to buy 10 AAPL for the day, except for what is given. Gives back its id. */
  submit(order: Json = {}): string {
    const base = { symbol: 'AAPL', side: 'buy', type: 'market', time_in_force: 'day' };
    const amount = order['notional'] === undefined ? { qty: '10' } : {};
    return String(this.exchange.desk.submit({ ...base, ...amount, ...order })['id']);
  }

  /** The refusal that an order meets. */
  refusal(order: Json = {}): Json & { status: number } {
    return refusalOf(() => this.submit(order));
  }

  order(id: string): Json {
    const order = this.exchange.store.get(id);
    if (order === undefined) throw new Error(`no order ${id}`);
    return orderJson(order, true);
  }

  status(id: string): unknown {
    return this.order(id)['status'];
  }

  cancel(id: string): void {
    const order = this.exchange.store.get(id);
    if (order === undefined) throw new Error(`no order ${id}`);
    this.exchange.desk.cancel(order);
  }

  /** Gives back the new order's id. */
  replace(id: string, change: Json): string {
    const order = this.exchange.store.get(id);
    if (order === undefined) throw new Error(`no order ${id}`);
    return String(this.exchange.desk.replace(order, change)['id']);
  }

  /** Moves the clock and looks after sessions and expiries. */
  goTo(at: string | Micros): void {
    this.clock.advanceTo(typeof at === 'string' ? Date.parse(at) * 1000 : at);
    this.exchange.floor.advance();
  }

  wait(seconds: number): void {
    this.goTo(this.clock.now() + seconds * SECOND);
  }

  ledger(): LedgerEntry[] {
    return this.exchange.ledger.read(0, Infinity);
  }

  /** Events of one order in order. */
  events(id: string): string[] {
    return this.ledger().flatMap((entry) => {
      if (entry.kind === 'event' && entry.order_id === id) return [entry.event];
      if (entry.kind === 'fill' && entry.order_id === id)
        return [entry.order_status === 'filled' ? 'fill' : 'partial_fill'];
      return [];
    });
  }
}

/** The refusal that `act` throws, as its answer's body with the status. */
export function refusalOf(act: () => unknown): Json & { status: number } {
  try {
    act();
  } catch (error) {
    if (error instanceof AlpacaError) return { ...error.body(), status: error.status };
    throw error;
  }
  throw new Error('it was not refused');
}

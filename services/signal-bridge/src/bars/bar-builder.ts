import type { Tick } from '@papergate/service-kit';
import type { Bar } from '../plugins/plugin.ts';

/** What a tick did to the bars of its symbol. */
export type BarEvent =
  | { kind: 'none' }
  /** Its time lies in a bar that is already closed: ignored. */
  | { kind: 'late' }
  | {
      kind: 'closed';
      bar: Bar;
      /** More than a whole window passed without a trade before this bar. */ silence: boolean;
    }
  /** Time was set back; the open bar is thrown away. */
  | { kind: 'set_back' };

const NONE: BarEvent = { kind: 'none' };
const LATE: BarEvent = { kind: 'late' };
const SET_BACK: BarEvent = { kind: 'set_back' };

/** So many ticks in a row that all lie before the open bar: not stragglers, a clock that was set back (a replay that began again). */
const LATE_RUN = 20;

/**
 * Bars of event time out of one symbol's trades. A function of the ticks alone: no timer closes a bar, the
 * first tick of a later bar does (quotes too: they prove that time has passed).
 *
 * - A bar without trades does not exist; a silence of more than `window` bars is reported, since means and
 *   deviations from before it say nothing about now.
 * - Within the open bar order does not matter: the close is the trade with the latest event time (of equal
 *   ones the later in arrival).
 * - A trade of a closed bar is late and ignored: a closed bar never changes.
 */
export class BarBuilder {
  readonly #length: number;
  readonly #window: number;
  #bar: Bar | undefined;
  #closeTime = 0;
  /** End of the last closed bar with trades; 0 before the first. */
  #closedEnd = 0;
  #horizon = 0;
  #lateRun = 0;

  constructor(options: { barMs: number; window: number }) {
    this.#length = options.barMs * 1000;
    this.#window = options.window;
  }

  add(tick: Tick): BarEvent {
    if (tick.t < this.#horizon) return this.#late(tick);
    this.#lateRun = 0;
    const start = Math.floor(tick.t / this.#length) * this.#length;
    if (this.#bar !== undefined && start === this.#bar.start) {
      this.#extend(this.#bar, tick);
      return NONE;
    }
    const closed = this.#bar;
    this.#bar = undefined;
    // The horizon moves with quotes as well: a bar that has passed without trades stays empty.
    this.#horizon = start;
    this.#open(tick, start);
    if (closed === undefined) return NONE;
    const silence = this.#closedEnd !== 0 && closed.start - this.#closedEnd > this.#window * this.#length;
    this.#closedEnd = closed.end;
    return { kind: 'closed', bar: closed, silence };
  }

  #late(tick: Tick): BarEvent {
    this.#lateRun += 1;
    if (this.#lateRun < LATE_RUN) return LATE;
    this.#lateRun = 0;
    this.#closedEnd = 0;
    this.#bar = undefined;
    const start = Math.floor(tick.t / this.#length) * this.#length;
    this.#horizon = start;
    this.#open(tick, start);
    return SET_BACK;
  }

  #open(tick: Tick, start: number): void {
    if (tick.k !== 't' || tick.p === undefined) return;
    this.#closeTime = tick.t;
    this.#bar = {
      symbol: tick.s,
      start,
      end: start + this.#length,
      open: tick.p,
      high: tick.p,
      low: tick.p,
      close: tick.p,
      volume: tick.v ?? 0,
      trades: 1,
    };
  }

  #extend(bar: Bar, tick: Tick): void {
    if (tick.k !== 't' || tick.p === undefined) return;
    if (tick.p > bar.high) bar.high = tick.p;
    if (tick.p < bar.low) bar.low = tick.p;
    if (tick.t >= this.#closeTime) {
      bar.close = tick.p;
      this.#closeTime = tick.t;
    }
    bar.volume += tick.v ?? 0;
    bar.trades += 1;
  }
}

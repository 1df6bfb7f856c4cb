import type { Tick } from '@papergate/service-kit';
import type { TickDraft } from './admit.ts';
import { Book } from './book.ts';
import { TickRing } from './ring.ts';
import { Ledger } from './sums.ts';

export interface TapeOptions {
  epoch: string;
  symbols: readonly string[];
  /** µs since 1970. */
  now: () => number;
  /** Ticks that are kept for those who missed some. */
  capacity?: number;
}

/** How many ticks `GET /api/v1/ticks` can reach back. */
export const KEPT_TICKS = 1_000_000;

/**
 * Numbers every tick of this run, 1, 2, 3… in order of arrival, and keeps what others may ask for: the last
 * million, book and last trade, and the sums that prove that nothing is missing.
 *
 * Arrival is the only order. Nothing is sorted by event time and nothing is taken for a duplicate: Alpaca
 * replays nothing after a reconnect, and its trade ids are unique only per venue and day. What comes late is
 * numbered like everything else and counted in {@link Tape.regressions}.
 */
export class Tape {
  readonly epoch: string;
  readonly ring: TickRing;
  readonly book: Book;
  /** All ticks, and those that came from the exchange. */
  readonly all: Ledger;
  readonly upstream: Ledger;
  readonly #now: () => number;
  /** µs at which the last tick came; 0 before the first. */
  lastArrival = 0;
  /** The same of the exchange alone. */
  lastUpstreamArrival = 0;
  /** Ticks whose event time lay before that of the one before them (same symbol and kind). */
  regressions = 0;

  constructor({ epoch, symbols, now, capacity = KEPT_TICKS }: TapeOptions) {
    this.epoch = epoch;
    this.#now = now;
    this.ring = new TickRing(capacity, symbols);
    this.book = new Book(symbols);
    this.all = new Ledger(symbols);
    this.upstream = new Ledger(symbols);
  }

  /** Number of the last tick. */
  get n(): number {
    return this.ring.last;
  }

  append(draft: TickDraft): Tick {
    const r = this.#now();
    const tick: Tick = { n: this.ring.last + 1, s: draft.s, k: draft.k, t: draft.t, r };
    if (draft.p !== undefined) tick.p = draft.p;
    if (draft.v !== undefined) tick.v = draft.v;
    if (draft.b !== undefined) tick.b = draft.b;
    if (draft.bs !== undefined) tick.bs = draft.bs;
    if (draft.a !== undefined) tick.a = draft.a;
    if (draft.as !== undefined) tick.as = draft.as;
    if (draft.i !== undefined) tick.i = draft.i;
    if (draft.x === true) tick.x = true;
    this.ring.append(tick);
    if (this.book.update(tick)) this.regressions += 1;
    this.all.add(tick);
    this.lastArrival = r;
    if (draft.x !== true) {
      this.upstream.add(tick);
      this.lastUpstreamArrival = r;
    }
    return tick;
  }
}

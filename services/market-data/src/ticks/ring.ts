import type { Tick } from '@papergate/service-kit';

const TRADE = 1;
const POSTED = 2;

/**
 * The last `capacity` ticks by number, as a struct of arrays: a million ticks are some 75 MB that the
 * garbage collector never looks into. An absent number is NaN. The pages are only touched as they fill.
 */
export class TickRing {
  readonly capacity: number;
  readonly #symbolNames: string[] = [];
  readonly #symbolIndex = new Map<string, number>();
  readonly #symbol: Uint16Array;
  readonly #flags: Uint8Array;
  readonly #time: Float64Array;
  readonly #received: Float64Array;
  readonly #price: Float64Array;
  readonly #size: Float64Array;
  readonly #bid: Float64Array;
  readonly #bidSize: Float64Array;
  readonly #ask: Float64Array;
  readonly #askSize: Float64Array;
  readonly #id: Float64Array;
  /** Ids that a double cannot hold, by slot: rare. */
  readonly #longIds = new Map<number, string>();
  #last = 0;

  constructor(capacity: number, symbols: Iterable<string>) {
    this.capacity = capacity;
    for (const symbol of symbols) {
      this.#symbolIndex.set(symbol, this.#symbolNames.length);
      this.#symbolNames.push(symbol);
    }
    const column = (): Float64Array => new Float64Array(capacity);
    this.#symbol = new Uint16Array(capacity);
    this.#flags = new Uint8Array(capacity);
    this.#time = column();
    this.#received = column();
    this.#price = column();
    this.#size = column();
    this.#bid = column();
    this.#bidSize = column();
    this.#ask = column();
    this.#askSize = column();
    this.#id = column();
  }

  /** Number of the newest tick; 0 while empty. */
  get last(): number {
    return this.#last;
  }

  /** Number of the oldest tick that is still kept; 1 while empty. */
  get oldest(): number {
    return Math.max(1, this.#last - this.capacity + 1);
  }

  /** Takes the tick with the next number; any other number is a defect of the caller. */
  append(tick: Tick): void {
    if (tick.n !== this.#last + 1) throw new RangeError(`tick ${tick.n} does not follow ${this.#last}`);
    const symbol = this.#symbolIndex.get(tick.s);
    if (symbol === undefined) throw new RangeError(`the ring has no symbol ${tick.s}`);
    const slot = tick.n % this.capacity;
    this.#symbol[slot] = symbol;
    this.#flags[slot] = (tick.k === 't' ? TRADE : 0) | (tick.x === true ? POSTED : 0);
    this.#time[slot] = tick.t;
    this.#received[slot] = tick.r;
    this.#price[slot] = tick.p ?? Number.NaN;
    this.#size[slot] = tick.v ?? Number.NaN;
    this.#bid[slot] = tick.b ?? Number.NaN;
    this.#bidSize[slot] = tick.bs ?? Number.NaN;
    this.#ask[slot] = tick.a ?? Number.NaN;
    this.#askSize[slot] = tick.as ?? Number.NaN;
    this.#keepId(slot, tick.i);
    this.#last = tick.n;
  }

  #keepId(slot: number, id: number | string | undefined): void {
    if (this.#longIds.size > 0) this.#longIds.delete(slot);
    this.#id[slot] = typeof id === 'number' ? id : Number.NaN;
    if (typeof id === 'string') this.#longIds.set(slot, id);
  }

  /** Up to `limit` ticks that follow number `after`, from the oldest kept on where that is later. */
  read(after: number, limit: number): Tick[] {
    const from = Math.max(after + 1, this.oldest);
    const to = Math.min(this.#last, from + limit - 1);
    const ticks: Tick[] = [];
    for (let n = from; n <= to; n += 1) ticks.push(this.#tick(n));
    return ticks;
  }

  #tick(n: number): Tick {
    const slot = n % this.capacity;
    const flags = this.#flags[slot] ?? 0;
    const tick: Tick = {
      n,
      s: this.#symbolNames[this.#symbol[slot] ?? 0] ?? '',
      k: (flags & TRADE) === 0 ? 'q' : 't',
      t: this.#time[slot] ?? 0,
      r: this.#received[slot] ?? 0,
    };
    const set = (key: 'p' | 'v' | 'b' | 'bs' | 'a' | 'as' | 'i', value: number | undefined): void => {
      if (value !== undefined && !Number.isNaN(value)) tick[key] = value;
    };
    set('p', this.#price[slot]);
    set('v', this.#size[slot]);
    set('b', this.#bid[slot]);
    set('bs', this.#bidSize[slot]);
    set('a', this.#ask[slot]);
    set('as', this.#askSize[slot]);
    set('i', this.#id[slot]);
    const longId = this.#longIds.get(slot);
    if (longId !== undefined) tick.i = longId;
    if ((flags & POSTED) !== 0) tick.x = true;
    return tick;
  }
}

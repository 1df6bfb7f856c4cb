/** Marks when a strategy's code has the thread. */
export interface Beat {
  enter(): void;
  leave(): void;
}

const HOLDER = 0;
const CALLS = 1;

/** Who has the thread: two numbers in memory that the watchdog's thread reads while this one is busy. */
export class Beats {
  readonly shared: SharedArrayBuffer;
  readonly #cells: Int32Array;
  #calls = 0;

  constructor(shared = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.shared = shared;
    this.#cells = new Int32Array(shared);
  }

  /** For the strategy at `index` of the configuration. Costs two writes a call. */
  of(index: number): Beat {
    const cells = this.#cells;
    return {
      enter: () => {
        this.#calls = (this.#calls + 1) | 0;
        Atomics.store(cells, CALLS, this.#calls);
        Atomics.store(cells, HOLDER, index + 1);
      },
      leave: () => void Atomics.store(cells, HOLDER, 0),
    };
  }

  /** The strategy that has the thread now, and which call of all that is; undefined where none has. */
  look(): { index: number; call: number } | undefined {
    const holder = Atomics.load(this.#cells, HOLDER);
    return holder === 0 ? undefined : { index: holder - 1, call: Atomics.load(this.#cells, CALLS) };
  }
}

/**
 * Tells a call that never ends from one that is slow: it was seen at so many looks in a row. Looks are counted, and not time:
 * a process that was stopped as a whole, or a machine that slept, has had none.
 */
export class Patrol {
  readonly #beats: Beats;
  readonly #looks: number;
  #call: number | undefined;
  #seen = 0;

  constructor(beats: Beats, looks: number) {
    this.#beats = beats;
    this.#looks = looks;
  }

  /** @returns the strategy that holds the thread for too long */
  look(): number | undefined {
    const now = this.#beats.look();
    this.#seen = now !== undefined && now.call === this.#call ? this.#seen + 1 : now === undefined ? 0 : 1;
    this.#call = now?.call;
    return this.#seen >= this.#looks ? now?.index : undefined;
  }
}

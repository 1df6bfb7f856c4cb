import type { Tick } from '@papergate/service-kit';

export interface BatcherOptions {
  /** Sends a batch; resolves once it is with every subscriber's pipe. Never rejects. */
  publish: (ticks: Tick[]) => Promise<void>;
  /** Called with `true` when too much is under way and with `false` when it has gone: stop and start reading. */
  onPressure: (high: boolean) => void;
  /** Ticks a message. */
  maxSize?: number;
  /** Between two messages that are not full, ms: how long a tick may wait for company. */
  maxWaitMs?: number;
  /** Batches under way at which the source is held, and at which it goes on. */
  highBatches?: number;
  lowBatches?: number;
}

/**
 * Gathers ticks into messages: a full message goes at once, and so does a lone tick (with what the same turn of the event
 * loop brings) after a pause; what follows on its heels gathers for `maxWaitMs`. While
 * the bus is busy a part-filled message waits for it, so that pressure makes messages larger, not more.
 * The queue is bounded by holding the source: {@link BatcherOptions.onPressure}.
 */
export class Batcher {
  readonly #publish: BatcherOptions['publish'];
  readonly #onPressure: BatcherOptions['onPressure'];
  readonly #maxSize: number;
  readonly #maxWaitMs: number;
  readonly #high: number;
  readonly #low: number;
  #open: Tick[] = [];
  /** Until it expires, ticks gather. */
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Immediate | undefined;
  #inFlight = 0;
  #held = false;
  #due = false;
  readonly #idle: (() => void)[] = [];

  constructor(options: BatcherOptions) {
    this.#publish = options.publish;
    this.#onPressure = options.onPressure;
    this.#maxSize = options.maxSize ?? 1000;
    this.#maxWaitMs = options.maxWaitMs ?? 2;
    this.#high = options.highBatches ?? 16;
    this.#low = options.lowBatches ?? 4;
  }

  /** Messages that the bus has not taken yet. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** True while the source should not hand over any more. */
  get held(): boolean {
    return this.#held;
  }

  push(tick: Tick): void {
    this.#open.push(tick);
    if (this.#open.length >= this.#maxSize) this.flush();
    else if (this.#timer === undefined) this.#soon ??= setImmediate(() => this.#expire());
  }

  #expire(): void {
    this.#timer = undefined;
    this.#soon = undefined;
    if (this.#open.length === 0) return;
    if (this.#inFlight > 0) this.#due = true;
    else this.flush();
  }

  /** Sends what is gathered now. */
  flush(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#soon);
    this.#timer = undefined;
    this.#soon = undefined;
    this.#due = false;
    if (this.#open.length === 0) return;
    this.#timer = setTimeout(() => this.#expire(), this.#maxWaitMs);
    const batch = this.#open;
    this.#open = [];
    this.#inFlight += 1;
    if (!this.#held && this.#inFlight >= this.#high) {
      this.#held = true;
      this.#onPressure(true);
    }
    void this.#publish(batch).then(() => this.#done());
  }

  #done(): void {
    this.#inFlight -= 1;
    if (this.#held && this.#inFlight <= this.#low) {
      this.#held = false;
      this.#onPressure(false);
    }
    if (this.#inFlight > 0) return;
    if (this.#due) this.flush();
    if (this.#inFlight === 0 && this.#open.length === 0) for (const wake of this.#idle.splice(0)) wake();
  }

  /** Sends the rest and resolves when the bus has all of it. */
  async drain(): Promise<void> {
    this.flush();
    if (this.#inFlight === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }
}

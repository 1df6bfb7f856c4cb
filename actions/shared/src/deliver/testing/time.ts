/** What a simulated world needs of time. */
export interface SimTime {
  readonly now: number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  every(ms: number, act: () => void): () => void;
}

/**
 * Time that passes only when nothing else can happen. Everything that waits waits here, so that a run of many
 * deployers is decided by the seed alone and takes no time.
 */
export class VirtualTime implements SimTime {
  /** The host's clock, ms since 1970. */
  now = Date.UTC(2026, 0, 5, 12);
  #waiting: { at: number; turn: number; wake: () => void }[] = [];
  #turn = 0;

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) return resolve();
      this.at(this.now + ms, resolve);
      signal?.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  at(when: number, wake: () => void): void {
    if (!Number.isFinite(when)) return;
    this.#turn += 1;
    this.#waiting.push({ at: Math.max(when, this.now), turn: this.#turn, wake });
  }

  every(ms: number, act: () => void): () => void {
    let stopped = false;
    const next = (): void =>
      this.at(this.now + ms, () => {
        if (stopped) return;
        act();
        next();
      });
    next();
    return () => {
      stopped = true;
    };
  }

  /** Lets time pass until the work is over; the wall clock of the machine has no part in it. */
  async run<T>(work: Promise<T>, limitMs = 24 * 3_600_000): Promise<T> {
    const end = this.now + limitMs;
    let over = false;
    const settle = (): void => void (over = true);
    work.then(settle, settle);
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (over) return work;
      const next = this.#pop();
      if (next === undefined) throw new Error('everybody waits and nothing can happen any more');
      if (next.at > end) throw new Error(`the work was not over after ${limitMs / 1000} s`);
      this.now = next.at;
      next.wake();
    }
  }

  #pop(): { at: number; wake: () => void } | undefined {
    let best = 0;
    for (let index = 1; index < this.#waiting.length; index += 1) {
      const [a, b] = [this.#waiting[index], this.#waiting[best]];
      if (a !== undefined && b !== undefined && (a.at < b.at || (a.at === b.at && a.turn < b.turn))) best = index;
    }
    return this.#waiting.splice(best, 1)[0];
  }
}

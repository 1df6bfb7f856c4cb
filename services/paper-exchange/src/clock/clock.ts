import type { Micros } from './new-york.ts';

/** The simulation's time. It never goes back, whatever the source does. */
export interface SimClock {
  now(): Micros;
}

/** Follows a wall clock (ms), for the synthetic market and the bus. */
export function wallClock(nowMs: () => number = Date.now): SimClock {
  let last = 0;
  return {
    now() {
      last = Math.max(last, Math.round(nowMs() * 1000));
      return last;
    },
  };
}

/** Stands still until it is told the time of an event: a replay's clock, and that of tests. */
export class EventClock implements SimClock {
  #now: Micros;

  constructor(start: Micros) {
    this.#now = start;
  }

  now(): Micros {
    return this.#now;
  }

  advanceTo(at: Micros): void {
    if (at > this.#now) this.#now = at;
  }

  /** Only before anything happened: a replay learns its first instant when its files are opened. */
  restartAt(at: Micros): void {
    this.#now = at;
  }
}

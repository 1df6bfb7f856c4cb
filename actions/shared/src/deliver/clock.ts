import { setTimeout as delay } from 'node:timers/promises';

/** Time, as the engine sees it; tests put a simulated one in its place. */
export interface Clock {
  /** Wall clock of this machine, ms since 1970. */
  now(): number;
  /** For durations and deadlines: never steps back. */
  monotonic(): number;
  /** Ends early, without an error, when the signal is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `act` again and again until the returned function is called; keeps no process alive. */
  every(ms: number, act: () => void): () => void;
}

/** What a timer of the system can hold. */
const LONGEST_MS = 2 ** 31 - 1;

export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    await delay(Math.min(ms, LONGEST_MS), undefined, signal === undefined ? {} : { signal }).catch(() => {});
  },
  every: (ms, act) => {
    const timer = setInterval(act, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
};

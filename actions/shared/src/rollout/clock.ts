import { setTimeout as delay } from 'node:timers/promises';

/** Time as the roll-out sees it; tests bring their own. */
export interface RolloutClock {
  /** ms, of a clock that is never set. */
  now(): number;
  /** Rejects with the reason of the signal where that is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const monotonic: RolloutClock = {
  now: () => performance.now(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, { signal }).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    });
  },
};

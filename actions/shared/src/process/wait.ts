import { setTimeout as delay } from 'node:timers/promises';

/**
 * Polls until `condition` gives a value other than undefined and false, or the time is over.
 * @returns the value, or undefined when `timeoutMs` went by or the signal was aborted.
 */
export async function waitFor<T>(
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  { timeoutMs, everyMs = 25, signal }: { timeoutMs: number; everyMs?: number; signal?: AbortSignal | undefined },
): Promise<T | undefined> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (performance.now() >= end || signal?.aborted === true) return undefined;
    await delay(everyMs);
  }
}

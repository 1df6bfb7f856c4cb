import { setTimeout as delay } from 'node:timers/promises';

/** Polls until `condition` gives something other than undefined or false, and returns it; after `timeoutMs` it throws and says what it waited for. */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  timeoutMs = 30_000,
): Promise<Exclude<T, undefined | false | null>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await condition();
    if (found !== undefined && found !== false && found !== null) return found as Exclude<T, undefined | false | null>;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await delay(10);
  }
}

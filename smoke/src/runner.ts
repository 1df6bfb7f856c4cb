import { messageOf } from '@papergate/config';

export interface Result {
  name: string;
  status: 'passed' | 'failed';
  duration_ms: number;
  expected: string;
  found: string;
}

/** A check did not see what it expected. The message is what it found instead. */
export class NotAsExpected extends Error {}

export interface Runner {
  /** Runs one check; `run` gives what it found, or throws {@link NotAsExpected} or anything else. */
  check<T>(name: string, expected: string, run: () => Promise<Found<T>>): Promise<T | undefined>;
  /** A check that cannot be tried counts as failed: what was not seen to work does not. */
  notTried(name: string, expected: string, reason: string): void;
  readonly results: readonly Result[];
}

export interface Found<T> {
  found: string;
  value: T;
}

export function createRunner(onResult: (result: Result) => void): Runner {
  const results: Result[] = [];
  const add = (result: Result) => {
    results.push(result);
    onResult(result);
  };
  return {
    results,
    async check(name, expected, run) {
      const started = performance.now();
      const duration = () => Math.round(performance.now() - started);
      try {
        const { found, value } = await run();
        add({ name, status: 'passed', duration_ms: duration(), expected, found });
        return value;
      } catch (error) {
        add({ name, status: 'failed', duration_ms: duration(), expected, found: messageOf(error) });
        return undefined;
      }
    },
    notTried(name, expected, reason) {
      add({ name, status: 'failed', duration_ms: 0, expected, found: `not tried: ${reason}` });
    },
  };
}

/**
 * Asks again and again until the answer is there.
 * @throws NotAsExpected with the last thing that was seen
 */
export async function eventually<T>(
  { patienceMs, signal, everyMs = 50 }: { patienceMs: number; signal: AbortSignal; everyMs?: number },
  look: () => Promise<{ done: T } | { seen: string }>,
): Promise<T> {
  const until = performance.now() + patienceMs;
  for (;;) {
    signal.throwIfAborted();
    const outcome = await look().catch((error: unknown) => ({ seen: messageOf(error) }));
    if ('done' in outcome) return outcome.done;
    if (performance.now() >= until)
      throw new NotAsExpected(`${outcome.seen}, after ${Math.round(patienceMs / 1000)} s`);
    await new Promise((resolve) => {
      setTimeout(resolve, everyMs);
    });
  }
}

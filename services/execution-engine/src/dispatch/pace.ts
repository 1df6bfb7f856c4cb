import type { EngineSettings } from '../settings.ts';

/** Requests to the broker that may be under way, at least one, and ms from the beginning of one to that of the next. */
export interface Pace {
  concurrency: number;
  intervalMs: number;
}

/**
 * While the intake is busy, who waits for an answer goes before what waits to be sent. Asked whenever an order could go.
 * A commit that answers all at once empties the intake, and the next orders are on their way: it stays busy for a moment.
 */
export function createPacer(options: {
  settings: Pick<EngineSettings, 'dispatchConcurrency' | 'dispatchBusyIntervalMs' | 'intakeBusy' | 'intakeBusyForMs'>;
  /** Orders under way in the intake. */
  underWay: () => number;
  /** Monotonic ms. */
  ticks?: () => number;
}): () => Pace {
  const { settings, underWay, ticks = () => performance.now() } = options;
  let busyUntil = -Infinity;
  return () => {
    const now = ticks();
    if (underWay() >= settings.intakeBusy) busyUntil = now + settings.intakeBusyForMs;
    return now < busyUntil
      ? { concurrency: 1, intervalMs: settings.dispatchBusyIntervalMs }
      : { concurrency: settings.dispatchConcurrency, intervalMs: 0 };
  };
}

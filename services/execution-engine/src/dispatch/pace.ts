import type { EngineSettings } from '../settings.ts';

/** Requests to the broker that may be under way, at least one, and ms from the beginning of one to that of the next. */
export interface Pace {
  concurrency: number;
  intervalMs: number;
}

/** While the intake is busy, who waits for an answer goes before what waits to be sent. */
export function paceOf(
  inIntake: number,
  settings: Pick<EngineSettings, 'dispatchConcurrency' | 'dispatchBusyIntervalMs' | 'intakeBusy'>,
): Pace {
  return inIntake < settings.intakeBusy
    ? { concurrency: settings.dispatchConcurrency, intervalMs: 0 }
    : { concurrency: 1, intervalMs: settings.dispatchBusyIntervalMs };
}

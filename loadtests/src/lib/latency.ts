import exec from 'k6/execution';
import { Gauge } from 'k6/metrics';

const startedAt = new Gauge('main_started_at');

/** Notes when the main phase began, ms since 1970, so that the time series can be counted from there. */
export function noteStart(offsetMs = 0): void {
  if (exec.scenario.iterationInTest === 0) startedAt.add(exec.scenario.startTime + offsetMs);
}

/**
 * When this iteration was due, in ms since 1970. A constant-arrival-rate scenario starts its iteration
 * number i at i/rate after its own start; one that starts late because no VU was free, or because the
 * generator itself was slow, is late all the same for the client who wanted it, so that the wait counts.
 * (Where iterations were dropped, later ones have lower numbers than their places and look later than they
 * were: the error is on the strict side.)
 */
export function scheduledAt(perSecond: number): number {
  return exec.scenario.startTime + (exec.scenario.iterationInTest * 1000) / perSecond;
}

/**
 * Milliseconds from `scheduled` until now. `Date.now()` has whole milliseconds; where the request's own time
 * says more than that, it wins.
 */
export function since(scheduled: number, requestMs: number): number {
  return Math.max(Date.now() - scheduled, requestMs);
}

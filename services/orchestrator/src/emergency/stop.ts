import type { ActingRequest } from '@papergate/service-kit';
import { whyOf, type Upstream, type UpstreamAnswer } from '../upstream/upstream.ts';

export interface StopStep {
  step: 'halt' | 'cancel_orders';
  service: 'risk-manager' | 'execution-engine';
  ok: boolean;
  /** What the service said, or why it said nothing. */
  detail: string;
  answer?: unknown;
}

export interface StopReport {
  /** The breaker is HALTED: no new order is taken. */
  halted: boolean;
  /** The broker confirmed that no order is open. */
  none_open: boolean;
  steps: StopStep[];
}

export interface EmergencyStopOptions {
  risk: Pick<Upstream, 'call'>;
  engine: Pick<Upstream, 'call'>;
  haltTimeoutMs?: number;
  cancelTimeoutMs?: number;
  /** Who stops. */
  acting: ActingRequest;
}

/**
 * Halts first, so that nothing new comes in behind the cancels; then has every open order cancelled.
 * A failed halt does not keep the cancels from being tried. Both steps may be repeated: halting twice is
 * halting, and cancelling what is gone is nothing.
 */
export async function emergencyStop(reason: string, options: EmergencyStopOptions): Promise<StopReport> {
  const { acting, risk, engine, haltTimeoutMs = 3_000, cancelTimeoutMs = 30_000 } = options;
  const trip = (): Promise<UpstreamAnswer> =>
    risk.call({
      method: 'POST',
      path: '/api/v1/circuit-breaker/trip',
      body: JSON.stringify({ reason, state: 'HALTED' }),
      timeoutMs: haltTimeoutMs,
      acting,
    });
  const halt = await take('halt', 'risk-manager', async () => {
    const answer = await trip().catch(trip);
    const { state } = (answer.json ?? {}) as { state?: unknown };
    return { answer, ok: answer.status === 200 && (state === undefined || state === 'HALTED') };
  });
  const cancel = await take('cancel_orders', 'execution-engine', async () => {
    const answer = await engine.call({
      method: 'POST',
      path: '/emergency-stop',
      body: JSON.stringify({ reason }),
      timeoutMs: cancelTimeoutMs,
      acting,
    });
    return { answer, ok: answer.status === 200 && answer.json !== undefined };
  });
  return { halted: halt.ok, none_open: cancel.ok, steps: [halt, cancel] };
}

async function take(
  step: StopStep['step'],
  service: StopStep['service'],
  act: () => Promise<{ answer: UpstreamAnswer; ok: boolean }>,
): Promise<StopStep> {
  try {
    const { answer, ok } = await act();
    const { message } = (answer.json ?? {}) as { message?: unknown };
    const said = typeof message === 'string' ? `: ${message}` : '';
    return {
      step,
      service,
      ok,
      detail: ok ? 'confirmed' : `${service} answered ${answer.status}${said}`,
      ...(answer.json === undefined ? {} : { answer: answer.json }),
    };
  } catch (error) {
    return { step, service, ok: false, detail: whyOf(error) };
  }
}

/** What is known after a stop that did not go through, and what is not; for the operator who reads it in a hurry. */
export function describeStop(report: StopReport): string {
  const halt = report.steps.find(({ step }) => step === 'halt');
  const cancel = report.steps.find(({ step }) => step === 'cancel_orders');
  const first = report.halted
    ? 'trading is halted'
    : `trading may NOT be halted (${halt?.detail ?? 'the breaker was not asked'})`;
  const second = report.none_open
    ? 'the broker confirms that no order is open'
    : `orders may still be OPEN (${cancel?.detail ?? 'the order writer was not asked'})`;
  return `${first}; ${second}`;
}

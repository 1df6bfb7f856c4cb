import { EXIT } from '@papergate/config';
import { DeliverError, leaseLost, StepFailed } from './errors.ts';
import type { Session } from './session.ts';

/** What a call that was told to end may still take before it is left alone, ms. */
const GRACE_MS = 10_000;

export interface StepOptions {
  run: string;
  step: string;
  service?: string;
  detail?: Record<string, unknown>;
  /** Left out where the act bounds itself. */
  limitMs?: number;
  /** Whether the caller's wish to stop ends it; after the first stop of a service it must not. */
  interruptible?: boolean;
}

/**
 * Takes one step: on disk first, bounded in time, told as it happens.
 * @throws StepFailed with the step and why; ExternalError LEASE_LOST as it is
 */
export async function takeStep<T>(
  session: Session,
  { run, step, service, detail, limitMs, interruptible = false }: StepOptions,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (interruptible) refuseInterrupted(session);
  const steps = [{ step, ...(service !== undefined && { service }) }];
  return takeSteps(session, { run, steps, ...(detail !== undefined && { detail }) }, () =>
    limitMs === undefined ? act(new AbortController().signal) : bounded(session, { step, limitMs, interruptible }, act),
  );
}

/** Takes steps of several services at once: all of them are on disk before the act, which bounds itself. */
export async function takeSteps<T>(
  session: Session,
  {
    run,
    steps,
    detail,
  }: { run: string; steps: readonly { step: string; service?: string }[]; detail?: Record<string, unknown> },
  act: () => Promise<T>,
): Promise<T> {
  const names = steps.map(({ step }) => step);
  await session.journal.begin(run, names, detail);
  for (const step of names) session.emit({ type: 'step', step, state: 'begin' });
  const began = session.clock.monotonic();
  try {
    const result = await act();
    for (const step of names) {
      session.journal.done(run, step);
      end(session, step, 'done', began);
    }
    return result;
  } catch (error) {
    if (session.lease.lost.aborted) throw leaseLostAs(error);
    for (const step of names) end(session, step, 'failed', began);
    await session.journal.failed(run, names, error);
    throw error instanceof StepFailed ? error : new StepFailed(names[0] ?? '', error, { service: steps[0]?.service });
  }
}

function end(session: Session, step: string, state: 'done' | 'failed', began: number): void {
  const ms = Math.round(session.clock.monotonic() - began);
  session.timings.push({ step, ms });
  session.emit({ type: 'step', step, state, ms });
}

const leaseLostAs = (error: unknown): unknown =>
  (error as { code?: unknown } | null)?.code === 'LEASE_LOST' ? error : leaseLost(undefined);

export function refuseInterrupted(session: Session): void {
  if (session.lease.lost.aborted) throw leaseLost(undefined);
  if (session.interrupted.aborted) throw interrupted();
}

const interrupted = (): DeliverError =>
  new DeliverError({
    code: 'INTERRUPTED',
    exitCode: EXIT.external,
    message: 'stopped by the caller',
    fix: 'deploy again when you want it',
  });

const tooLong = (step: string, limitMs: number): DeliverError =>
  new DeliverError({
    code: 'STEP_TOO_LONG',
    exitCode: EXIT.external,
    message: `${step} was not over after ${Math.round(limitMs / 1000)} s, which is all that it may take`,
    fix: 'look at the machine (load, disk, network) and at the logs, then deploy again',
  });

/** Waits for an act no longer than it may take; tells it to end where that is over, and gives it time to do so. */
export async function bounded<T>(
  session: Session,
  { step, limitMs, interruptible = false }: { step: string; limitMs: number; interruptible?: boolean },
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { clock, lease } = session;
  const ending = new AbortController();
  const over = new AbortController();
  const wishes = [lease.lost, ...(interruptible ? [session.interrupted] : [])];
  const wished = AbortSignal.any([...wishes, over.signal]);
  const acting = act(ending.signal);
  acting.catch(() => {});
  const end = async (): Promise<never> => {
    await sleepOr(clock.sleep(limitMs, wished), wished);
    // The act itself was over first, and its own outcome counts.
    if (over.signal.aborted) return new Promise<never>(() => {});
    const why = lease.lost.aborted ? leaseLost(undefined) : wished.aborted ? interrupted() : tooLong(step, limitMs);
    ending.abort(why);
    await Promise.race([acting.catch(() => {}), clock.sleep(GRACE_MS, over.signal)]);
    throw why;
  };
  try {
    const ended = end();
    ended.catch(() => {});
    return await Promise.race([acting, ended]);
  } finally {
    over.abort();
  }
}

// A simulated clock need not know signals.
async function sleepOr(sleeping: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  let wake: (() => void) | undefined;
  const woken = new Promise<void>((resolve) => {
    wake = resolve;
    signal.addEventListener('abort', wake, { once: true });
  });
  await Promise.race([sleeping, woken]);
  if (wake !== undefined) signal.removeEventListener('abort', wake);
}

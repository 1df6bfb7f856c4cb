import { messageOf } from '@papergate/config';
import type { Manifest } from '../release/manifest.ts';
import { appendAudit, type AuditHead, type AuditRelease } from './audit.ts';
import { SYSTEM_CLOCK, type Clock } from './clock.ts';
import type { DeliverEvent } from './events.ts';
import { PlaceJournal, type PlaceEntry } from './journal.ts';
import { leasePlace, type LeaseWorld, type PlaceLease } from './lease.ts';
import { PATIENCE, type Patience, type PlaceOptions } from './options.ts';
import { redactorOf, type Redactor } from './redactor.ts';
import type { DeliveryTarget, Fence, Place } from './types.ts';

/** A place that we hold, with all that the steps need. */
export interface Session {
  readonly options: PlaceOptions;
  readonly target: DeliveryTarget;
  readonly place: Place;
  readonly lease: PlaceLease;
  readonly fence: Fence;
  readonly journal: PlaceJournal;
  /** The journal as it was when we took the place. */
  readonly entries: readonly PlaceEntry[];
  readonly clock: Clock;
  readonly patience: Patience;
  readonly redactor: Redactor;
  readonly timings: { step: string; ms: number }[];
  readonly warnings: string[];
  /** Services that the present move began to stop or start. */
  readonly touched: Set<string>;
  /** When order intake went away, and when it was back; by the monotonic clock. */
  readonly intake: { awayFrom?: number; backAt?: number };
  /** Aborted when the caller wants to stop. */
  readonly interrupted: AbortSignal;
  emit(event: DeliverEvent): void;
  warn(message: string): void;
  /** Time for the record: the host's, so that two deployers with wrong clocks write in order. */
  at(): Date;
}

/**
 * Takes a place for more than one call of the engine, which are then given it as `held`: nobody else gets in between them. It
 * is renewed by itself until it is released.
 * @throws ExternalError PLACE_TAKEN
 */
export async function holdPlace(
  { target, command, secrets = [], clock }: Pick<PlaceOptions, 'target' | 'command' | 'secrets' | 'clock'>,
  world: Omit<LeaseWorld, 'clock'> = {},
): Promise<PlaceLease> {
  const redactor = redactorOf(target.place, secrets);
  await redactor.refresh();
  return leasePlace(target.place, redactor.clean(command), { clock: { ...SYSTEM_CLOCK, ...clock }, ...world });
}

/**
 * Holds a place while something is done to it.
 * @throws ExternalError PLACE_TAKEN
 */
export async function withPlace<T>(
  options: PlaceOptions,
  world: Omit<LeaseWorld, 'clock'>,
  act: (session: Session) => Promise<T>,
): Promise<T> {
  const { target, command, secrets = [] } = options;
  const { place } = target;
  const clock: Clock = { ...SYSTEM_CLOCK, ...options.clock };
  const redactor = redactorOf(place, secrets);
  await redactor.refresh();
  const cleanCommand = redactor.clean(command);
  const { held } = options;
  const lease = held ?? (await leasePlace(place, cleanCommand, { clock, ...world }));
  let journal: PlaceJournal | undefined;
  try {
    const ahead = (await place.host.now()) - clock.now();
    const at = (): Date => new Date(clock.now() + ahead);
    journal = new PlaceJournal(place, lease.fence, at, (text) => redactor.clean(text));
    const entries = await journal.open({ command: cleanCommand, actor: { ...options.actor } });
    const warnings: string[] = [];
    const emit = (event: DeliverEvent): void => options.onEvent?.(event);
    return await act({
      options: { ...options, command: cleanCommand },
      target,
      place,
      lease,
      fence: lease.fence,
      journal,
      entries,
      clock,
      patience: { ...PATIENCE, ...options.patience },
      redactor,
      timings: [],
      touched: new Set(),
      intake: {},
      warnings,
      interrupted: options.signal ?? new AbortController().signal,
      emit,
      warn: (message) => {
        const clean = redactor.clean(message);
        warnings.push(clean);
        emit({ type: 'warning', message: clean });
      },
      at,
    });
  } finally {
    // What still waits says nothing that the next one would have to know.
    if (!lease.lost.aborted) await journal?.flush().catch(() => {});
    if (held === undefined) await lease.release();
  }
}

export const auditRelease = (manifest: Manifest | undefined): AuditRelease | null =>
  manifest === undefined ? null : { commit: manifest.commit, manifest: manifest.digest };

/** Writes down in the audit log what came of an act. */
export function audit(
  session: Session,
  action: string,
  outcome: string,
  {
    from,
    to,
    detail,
  }: { from: Manifest | undefined; to: Manifest | undefined; detail: Record<string, string | number | undefined> },
): Promise<AuditHead> {
  const clean = Object.fromEntries(
    Object.entries(detail).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, typeof value === 'string' ? session.redactor.clean(value) : value]],
    ),
  );
  return appendAudit(
    session.place,
    {
      at: session.at().toISOString(),
      actor: session.options.actor,
      command: session.options.command,
      action,
      from: auditRelease(from),
      to: auditRelease(to),
      outcome,
      detail: clean,
    },
    session.fence,
  );
}

/** Name of a run: when it began and under which lease, and the how many-th of that second, so that no two are alike. */
export function newRun(session: Session): string {
  const name = `${session.at().toISOString().replace(/[-:]/g, '').slice(0, 15)}-${session.lease.generation}`;
  const taken = new Set(session.entries.map(({ run }) => run).filter((run) => run.startsWith(name)));
  return taken.size === 0 ? name : `${name}-${taken.size + 1}`;
}

/** Where what was to be tidied up stays, that is worth a word and no failure. */
export async function tolerate<T>(session: Session, what: string, act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    if (session.lease.lost.aborted) throw error;
    session.warn(`${what}: ${messageOf(error)}`);
    return undefined;
  }
}

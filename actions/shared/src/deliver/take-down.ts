import { EXIT } from '@papergate/config';
import { appendAudit, type AuditHead } from './audit.ts';
import { currentManifest, readHistory, without, writeHistory } from './history.ts';
import type { LeaseWorld } from './lease.ts';
import type { PlaceOptions, RecoverOutcome } from './options.ts';
import { recoverHeld } from './recover.ts';
import { redactorOf } from './redactor.ts';
import { audit, auditRelease, newRun, withPlace } from './session.ts';
import { takeStep } from './step.ts';
import { SYSTEM_CLOCK } from './clock.ts';

export interface TakeDownOptions extends PlaceOptions {
  /** The database and everything else that is kept, too; confirmed by the caller. */
  volumes: boolean;
  /** What runs was found wanting after it was delivered: it is no good release any more. */
  condemn?: boolean;
}

export interface TakeDownOutcome {
  status: 'down';
  exitCode: number;
  run: string;
  recovered?: RecoverOutcome;
  warnings: string[];
}

/**
 * Takes everything of a place down. Good releases stay on record, so that each can be deployed or gone back to. It is also
 * the way out where an undo does not succeed: it ends every run that was begun.
 * @throws ExternalError PLACE_TAKEN
 */
export function takeDown(options: TakeDownOptions, world: Omit<LeaseWorld, 'clock'> = {}): Promise<TakeDownOutcome> {
  return withPlace(options, world, async (session) => {
    const recovered = await recoverHeld(session);
    const run = newRun(session);
    const history = await readHistory(session.place);
    const from = currentManifest(history);
    const condemned = options.condemn === true ? from?.digest : undefined;
    await session.journal.begin(run, ['down'], {
      from: from ?? null,
      volumes: options.volumes,
      actor: { ...options.actor },
      command: session.options.command,
    });
    session.emit({ type: 'run', run, action: 'down', generation: session.lease.generation });
    const { target, fence, patience } = session;
    await takeStep(session, { run, step: 'stop', limitMs: patience.stopMs * target.order.length }, () =>
      target.down({ volumes: options.volumes }, fence),
    );
    const head = await audit(session, 'down', options.volumes ? 'down-with-volumes' : 'down', {
      from,
      to: undefined,
      detail: { run, condemned },
    });
    await writeHistory(session.place, { ...without(history, condemned), current: null, audit: head }, fence);
    await session.journal.end(run, 'down', 'done', {
      outcome: 'down',
      audit: head,
      ...(condemned !== undefined && { condemned }),
    });
    return {
      status: 'down',
      exitCode: EXIT.ok,
      run,
      ...(recovered.status === 'nothing' ? {} : { recovered }),
      warnings: session.warnings,
    };
  });
}

/**
 * Writes an act into the audit log that is no deploy: an emergency stop, a restore, a rotated key. It takes no lease, so
 * that it never has to wait for a deploy.
 */
export async function recordAct(
  options: Pick<PlaceOptions, 'target' | 'actor' | 'command' | 'secrets'>,
  { action, outcome, detail = {} }: { action: string; outcome: string; detail?: Record<string, string | number> },
): Promise<AuditHead> {
  const { place } = options.target;
  const redactor = redactorOf(place, options.secrets ?? []);
  await redactor.refresh();
  const manifest = auditRelease(currentManifest(await readHistory(place)));
  return appendAudit(place, {
    at: new Date(await place.host.now().catch(() => SYSTEM_CLOCK.now())).toISOString(),
    actor: options.actor,
    command: redactor.clean(options.command),
    action,
    from: manifest,
    to: manifest,
    outcome,
    detail: Object.fromEntries(
      Object.entries(detail).map(([key, value]) => [key, typeof value === 'string' ? redactor.clean(value) : value]),
    ),
  });
}

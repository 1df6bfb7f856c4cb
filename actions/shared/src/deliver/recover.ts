import { EXIT } from '@papergate/config';
import { Value } from 'typebox/value';
import { ManifestSchema, type Manifest } from '../release/manifest.ts';
import { describeActor, type Actor } from './actor.ts';
import { recordRelease } from './commit.ts';
import { advise, diagnosisOf, findOut } from './diagnosis.ts';
import { codeOf, wordsOf } from './errors.ts';
import { committed, condemnedIn, readHistory, writeHistory } from './history.ts';
import { hasBegun, openRun, touchedServices, type OpenRun } from './journal.ts';
import type { PlaceOptions, RecoverOutcome } from './options.ts';
import { audit, tolerate, withPlace, type Session } from './session.ts';
import { takeStep } from './step.ts';
import { tidy, undo, undoneWords } from './undo.ts';
import type { LeaseWorld } from './lease.ts';
import { whatIsWhere } from './move.ts';

/**
 * Puts right what a deployer left that was killed: undone where it was cut off before `commit`, finished where after.
 * @throws ExternalError PLACE_TAKEN while somebody is at work
 */
export function recover(options: PlaceOptions, world: Omit<LeaseWorld, 'clock'> = {}): Promise<RecoverOutcome> {
  return withPlace(options, world, recoverHeld);
}

/** The same, for who holds the place. Every call that changes a place begins with it. */
export async function recoverHeld(session: Session): Promise<RecoverOutcome> {
  const open = openRun(session.entries);
  if (open === undefined) return { status: 'nothing', exitCode: EXIT.ok, warnings: [] };
  const { run, action, begun, entries } = open;
  const step = entries.findLast(({ state }) => state === 'begin')?.step ?? action;
  const by = actorIn(begun.detail);
  session.emit({
    type: 'recovering',
    run,
    action,
    step,
    by: by === undefined ? 'a deployer' : describeActor(by),
  });
  const outcome: RecoverOutcome = {
    status: 'undone',
    exitCode: EXIT.ok,
    run,
    action,
    step,
    ...(by === undefined ? {} : { by }),
    from: manifestIn(begun.detail, 'from'),
    to: manifestIn(begun.detail, 'to'),
    warnings: session.warnings,
  };
  if (action === 'down') await finishDown(session, outcome);
  else if (hasBegun(entries, 'commit')) await finish(session, open, outcome);
  else await undoCutOff(session, open, outcome);
  session.emit({ type: 'recovered', outcome });
  return outcome;
}

async function finish(session: Session, { run, action, entries }: OpenRun, outcome: RecoverOutcome): Promise<void> {
  outcome.status = 'finished';
  const line = entries.find(({ step, state }) => step === 'commit' && state === 'begin');
  const release = line && committed(line);
  if (release === undefined) throw new Error(`the journal's commit line of run ${run} carries no release`);
  const { history, head } = await recordRelease(session, {
    run,
    action,
    from: outcome.from,
    release,
    condemned: line && condemnedIn(line),
  });
  session.journal.done(run, 'commit', { audit: head });
  await tolerate(session, 'old releases could not be removed', () => tidy(session, run, history, release.manifest));
  await audit(session, 'recover', 'finished', {
    from: outcome.from,
    to: outcome.to,
    detail: { run, step: outcome.step },
  });
  await session.journal.end(run, action, 'done', { outcome: 'delivered', audit: head });
}

async function undoCutOff(
  session: Session,
  { run, action, begun, entries }: OpenRun,
  outcome: RecoverOutcome,
): Promise<void> {
  const { from, to } = outcome;
  const restore = begun.detail?.['restore'];
  try {
    const nothingBefore = from === undefined;
    if (!nothingBefore || hasBegun(entries, 'infrastructure')) {
      await undo(session, {
        run,
        from,
        touched: touchedServices(entries),
        restored: typeof restore === 'string' && hasBegun(entries, 'restore') ? restore : undefined,
      });
    }
  } catch (error) {
    if (session.lease.lost.aborted) throw error;
    await undoFailed(session, outcome, error);
    return;
  }
  if (hasBegun(entries, 'prepare')) {
    const history = await readHistory(session.place);
    await tolerate(session, 'what was prepared could not be removed', () => tidy(session, run, history, from));
  }
  const head = await audit(session, 'recover', 'undone', {
    from,
    to,
    detail: { run, step: outcome.step, by: outcome.by && describeActor(outcome.by) },
  });
  await session.journal.end(run, action, 'failed', { outcome: 'undone', audit: head, reason: 'cut off' });
}

async function undoFailed(session: Session, outcome: RecoverOutcome, error: unknown): Promise<void> {
  const { from, to, run, step } = outcome;
  outcome.status = 'undo-failed';
  outcome.exitCode = EXIT.external;
  const findings = from === undefined ? undefined : await findOut(session, error, from);
  outcome.diagnosis = diagnosisOf(
    session,
    error,
    findings ?? { step: step ?? 'undo', service: undefined, image: undefined, probe: undefined, logs: [], tookMs: 0 },
    {
      rolledBack: `NOT brought back to ${undoneWords(session.target, from)}. ${await whatIsWhere(session)}`,
      next: `try: ${advise(session, 'recover')} once that is mended, or ${advise(session, 'stop')} (keeps the data) and deploy a good release`,
    },
  );
  await tolerate(session, 'the record of it could not be written', () =>
    audit(session, 'recover', 'undo-failed', {
      from,
      to,
      detail: { run, step, code: codeOf(error), reason: wordsOf(error) },
    }),
  );
}

// Volumes are not removed by a call that was not asked to: who wanted that asks again.
async function finishDown(session: Session, outcome: RecoverOutcome): Promise<void> {
  const { target, fence, patience } = session;
  const run = outcome.run ?? '';
  outcome.status = 'finished';
  await takeStep(session, { run, step: 'undo:down', limitMs: patience.stopMs * target.order.length }, () =>
    target.down({ volumes: false }, fence),
  );
  const head = await audit(session, 'recover', 'finished', {
    from: outcome.from,
    to: undefined,
    detail: { run, step: outcome.step },
  });
  await writeHistory(session.place, { ...(await readHistory(session.place)), current: null, audit: head }, fence);
  await session.journal.end(run, 'down', 'done', { outcome: 'down', audit: head });
}

export function manifestIn(detail: Record<string, unknown> | undefined, key: 'from' | 'to'): Manifest | undefined {
  const value = detail?.[key];
  return Value.Check(ManifestSchema, value) ? value : undefined;
}

function actorIn(detail: Record<string, unknown> | undefined): Actor | undefined {
  const actor = detail?.['actor'] as Partial<Actor> | undefined;
  return typeof actor?.user === 'string' && typeof actor.host === 'string' ? (actor as Actor) : undefined;
}

import { EXIT } from '@papergate/config';
import type { Manifest } from '../release/manifest.ts';
import { DeliverError } from './errors.ts';
import { currentManifest, type History } from './history.ts';
import type { RestoreHooks } from './options.ts';
import type { Session } from './session.ts';
import { takeStep } from './step.ts';
import type { DeliveryTarget, Observed } from './types.ts';
import { demandExactly, demandGone, digestOf, startServices, stopServices } from './waves.ts';

export interface UndoOptions {
  run: string;
  /** What ran before; undefined: nothing. */
  from: Manifest | undefined;
  /** Services that were stopped or started, or begun to be. */
  touched: ReadonlySet<string>;
  /** The checkpoint that was, or was about to be, put in place of the database. */
  restored: string | undefined;
}

/**
 * Brings back what ran before, and looks whether that is so. Does the same again, whatever of it was done already.
 * @throws StepFailed where it does not come back
 */
export async function undo(session: Session, options: UndoOptions): Promise<void> {
  const { from, run, touched, restored } = options;
  if (from === undefined) return takeAllDown(session, run);
  // Services that nobody touched are as they were, ill or well.
  if (touched.size === 0 && restored === undefined) return;
  const { target } = session;
  const all = new Set(target.order);
  const observed = await target.observe();
  const wanted = new Set(
    target.order.filter((service) => touched.has(service) || !runsAs(observed, service, digestOf(from, service))),
  );
  // The database is put back while nothing uses it.
  const moved = restored === undefined ? wanted : all;
  await stopServices(session, run, moved, 'undo:');
  await demandGone(session, moved, 'undo:verify');
  if (restored !== undefined) await revert(session, run, restored);
  await startServices(session, run, from, moved, 'undo:');
  await takeStep(session, { run, step: 'undo:verify' }, () =>
    demandExactly(session, from, { step: 'undo:verify', limitMs: session.patience.backReadyMs }),
  );
}

function runsAs({ services }: Observed, service: string, digest: string | undefined): boolean {
  const seen = services.find((found) => found.service === service);
  return seen?.state === 'running' && (digest === undefined || seen.digest === digest);
}

async function takeAllDown(session: Session, run: string): Promise<void> {
  const { target, fence, patience } = session;
  await takeStep(session, { run, step: 'undo:down', limitMs: patience.stopMs * target.order.length }, () =>
    target.down({ volumes: false }, fence),
  );
  await takeStep(session, { run, step: 'undo:verify' }, async () => {
    await demandGone(session, new Set(target.order), 'undo:verify');
  });
}

async function revert(session: Session, run: string, id: string): Promise<void> {
  const hooks = restoreHooks(session.options.restore, id);
  await takeStep(session, { run, step: 'undo:restore', limitMs: session.patience.checkpointMs }, async () => {
    const database = await session.target.database();
    try {
      await hooks.revert(database, id, run);
    } finally {
      await database.close();
    }
  });
}

export function restoreHooks(hooks: RestoreHooks | undefined, id: string): RestoreHooks {
  if (hooks !== undefined) return hooks;
  throw new DeliverError({
    code: 'RESTORE_UNAVAILABLE',
    exitCode: EXIT.external,
    message: `the database was to be set to checkpoint ${id}, and this command cannot restore databases`,
    fix: 'call "npx papergate recover", which can',
  });
}

/** Removes what a release left that did not get through; the good ones stay. */
export async function tidy(
  session: Session,
  run: string,
  history: History,
  from: Manifest | undefined,
): Promise<Awaited<ReturnType<DeliveryTarget['prune']>>> {
  const current = from ?? currentManifest(history);
  const kept = history.releases.map(({ manifest }) => manifest);
  const keep =
    current === undefined || kept.some(({ digest }) => digest === current.digest) ? kept : [current, ...kept];
  return takeStep(session, { run, step: 'prune', limitMs: session.patience.pruneMs }, () =>
    session.target.prune(keep, session.fence),
  );
}

/** What became of an undo, in one sentence. */
export const undoneWords = (target: DeliveryTarget, from: Manifest | undefined): string =>
  from === undefined
    ? 'nothing ran before: everything of this release was taken down again, volumes and data were kept'
    : `rolled back: all ${target.order.length} services run release ${from.commit.slice(0, 12)} again, digests and readiness verified`;

import { posix } from 'node:path';
import { EXIT, messageOf, UserError } from '@papergate/config';
import { checkManifest, type Manifest } from '../release/manifest.ts';
import { currentManifest, readHistory, type History } from './history.ts';
import type { LeaseWorld } from './lease.ts';
import { move, type Move } from './move.ts';
import type { DeliverOptions, DeliverOutcome, RecoverOutcome } from './options.ts';
import { pathsOf, shortDigest } from './place.ts';
import { recoverHeld } from './recover.ts';
import { withPlace, type Session } from './session.ts';
import { differences } from './waves.ts';

/**
 * Moves a place to a manifest, all of it or nothing. What went wrong is in the outcome; thrown is only what kept it from
 * beginning or from being written down.
 * @throws ExternalError PLACE_TAKEN, LEASE_LOST, COMMIT_UNFINISHED; UserError HISTORY_UNREADABLE, RELEASE_UNRECORDED
 */
export function deliver(options: DeliverOptions, world: Omit<LeaseWorld, 'clock'> = {}): Promise<DeliverOutcome> {
  const to = checkManifest(options.next, 'the manifest to deploy');
  return withPlace(options, world, (session) =>
    afterRecovery(session, to, 'deploy', async () => {
      const { history, from } = await whatRuns(session);
      return {
        action: 'deploy',
        options,
        from,
        to,
        history,
        restart: options.restart === true,
        checkMigrations: (request) => options.checkMigrations(request),
      };
    }),
  );
}

/** Puts right what an earlier call left, then moves, unless what is wanted runs already. */
export async function afterRecovery(
  session: Session,
  wanted: Manifest | undefined,
  action: Move['action'],
  plan: () => Promise<Move>,
): Promise<DeliverOutcome> {
  const recovered = await recoverHeld(session);
  if (recovered.status === 'undo-failed') return stuck(session, wanted ?? recovered.to, action, recovered);
  const next = await plan();
  const outcome = (await runsAlready(session, next)) ? unchanged(session, next) : await move(session, next);
  return recovered.status === 'nothing' ? outcome : { ...outcome, recovered };
}

/**
 * The manifest that the place is at, by its record.
 * @throws UserError RELEASE_UNRECORDED where something runs that neither the record nor the place's files know
 */
export async function whatRuns(session: Session): Promise<{ history: History; from: Manifest | undefined }> {
  const history = await readHistory(session.place);
  const from = currentManifest(history);
  if (from !== undefined) return { history, from };
  const { services, manifestDigest } = await session.target.observe();
  const running = services.filter(({ state }) => state === 'running');
  if (running.length === 0) return { history, from: undefined };
  return {
    history,
    from: await laidOut(
      session,
      manifestDigest,
      running.map(({ service }) => service),
    ),
  };
}

// The record may have been lost while what it told of still runs; each release's folder holds its manifest.
async function laidOut(session: Session, digest: string | undefined, running: string[]): Promise<Manifest> {
  const { place } = session;
  const unrecorded = (why: string): UserError =>
    new UserError({
      code: 'RELEASE_UNRECORDED',
      message: `${running.join(', ')} of ${place.project} run on ${place.host.name}, but the record in ${place.dir} does not know of which release: ${why}`,
      fix: 'use the PAPERGATE_HOME that it was deployed with, or take it down ("npx papergate stop" keeps the data) and deploy again',
    });
  if (digest === undefined) throw unrecorded('they carry different manifests');
  const path = posix.join(pathsOf(place).releases, shortDigest(digest), 'manifest.json');
  const text = await place.host.files.read(path);
  if (text === undefined) throw unrecorded(`there is no ${path}`);
  try {
    const manifest = checkManifest(JSON.parse(text), path);
    if (manifest.digest === digest) return manifest;
  } catch (error) {
    throw unrecorded(messageOf(error));
  }
  throw unrecorded(`${path} is another release's`);
}

async function runsAlready({ target }: Session, { from, to, restoreDb, restart }: Move): Promise<boolean> {
  if (from?.digest !== to.digest || restoreDb !== undefined || restart === true) return false;
  return differences(await target.observe(), to, target.order).length === 0;
}

const unchanged = (session: Session, { action, from, to }: Move): DeliverOutcome => ({
  status: 'unchanged',
  action,
  exitCode: EXIT.ok,
  run: '',
  generation: session.lease.generation,
  from,
  to,
  interrupted: false,
  checks: [],
  migrations: [],
  timings: session.timings,
  warnings: session.warnings,
});

function stuck(
  session: Session,
  to: Manifest | undefined,
  action: Move['action'],
  recovered: RecoverOutcome,
): DeliverOutcome {
  if (to === undefined) throw new Error('a run that was cut off names no release');
  return {
    status: 'undo-failed',
    action,
    exitCode: EXIT.external,
    run: recovered.run ?? '',
    generation: session.lease.generation,
    from: recovered.from,
    to,
    interrupted: false,
    checks: [],
    migrations: [],
    timings: session.timings,
    ...(recovered.diagnosis === undefined ? {} : { diagnosis: recovered.diagnosis }),
    recovered,
    warnings: session.warnings,
  };
}

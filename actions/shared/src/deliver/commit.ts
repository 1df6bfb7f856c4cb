import type { Manifest } from '../release/manifest.ts';
import { readAudit, type AuditHead } from './audit.ts';
import { readHistory, withRelease, writeHistory, type GoodRelease, type History } from './history.ts';
import { audit, type Session } from './session.ts';

/**
 * Puts a release on record: audit log, then history. Called again after a kill it adds nothing twice. The line in the
 * journal that comes before it carries the release, and decides: from there on it is finished, not undone.
 */
export async function recordRelease(
  session: Session,
  {
    run,
    action,
    from,
    release,
    condemned,
  }: {
    run: string;
    action: string;
    from: Manifest | undefined;
    release: GoodRelease;
    /** Digest of one that is a good release no more. */
    condemned: string | undefined;
  },
): Promise<{ history: History; head: AuditHead }> {
  const known = (await readAudit(session.place)).find(
    ({ detail, outcome }) => detail['run'] === run && outcome === 'delivered',
  );
  const head =
    known === undefined
      ? await audit(session, action, 'delivered', {
          from,
          to: release.manifest,
          detail: { run, schema_version: release.schema_version, checkpoint: release.checkpoint, condemned },
        })
      : { seq: known.seq, hash: known.hash };
  const history: History = { ...withRelease(await readHistory(session.place), release, condemned), audit: head };
  await writeHistory(session.place, history, session.fence);
  return { history, head };
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EnvSource } from '@papergate/config';
import { actorOf } from '../../deliver/actor.ts';
import { appendAudit } from '../../deliver/audit.ts';
import { readHistory, withRelease, writeHistory } from '../../deliver/history.ts';
import { leasePlace, openRun, readPlaceJournal, takeDown } from '../../deliver/index.ts';
import { auditRelease } from '../../deliver/session.ts';
import type { DeliveryTarget, Place } from '../../deliver/types.ts';
import type { Home } from '../../home/index.ts';
import type { Manifest } from '../../release/index.ts';
import type { DeployPlan } from '../../supervisor/plan.ts';
import { writeRecord } from './release.ts';

/**
 * Puts a staging on its place's record that was shipped afresh: it was smoke-tested, load-tested and gated by its
 * own ship, and from now on it can be delivered over and gone back to.
 */
export async function adoptStaging(options: {
  place: Place;
  home: Home;
  manifest: Manifest;
  runId: string;
  env: EnvSource;
  command: string;
}): Promise<void> {
  const { place, home, manifest, runId, env, command } = options;
  const plan = JSON.parse(readFileSync(join(home.runs, runId, 'plan.json'), 'utf8')) as DeployPlan;
  const lease = await leasePlace(place, command);
  try {
    writeRecord(place, manifest, plan);
    const at = new Date(await place.host.now()).toISOString();
    const history = await readHistory(place);
    const head = await appendAudit(
      place,
      {
        at,
        actor: actorOf(env),
        command,
        action: 'deploy',
        from: null,
        to: auditRelease(manifest),
        outcome: 'delivered',
        detail: { run: runId, schema_version: manifest.schema_version },
      },
      lease.fence,
    );
    const release = {
      manifest,
      delivered_at: at,
      how: 'deploy' as const,
      run: runId,
      schema_version: manifest.schema_version,
    };
    await writeHistory(place, { ...withRelease(history, release), audit: head }, lease.fence);
  } finally {
    await lease.release();
  }
}

/**
 * Closes the record of a staging that ended without being stopped by us: its supervisor was killed, or the machine
 * went down. What it had begun can be neither undone nor finished any more, and what comes next begins afresh.
 */
export async function closeRecord(target: DeliveryTarget, env: EnvSource, command: string): Promise<void> {
  const { place } = target;
  const { current } = await readHistory(place);
  if (current === null && openRun(await readPlaceJournal(place)) === undefined) return;
  await takeDown({ target, actor: actorOf(env), command, volumes: false });
}

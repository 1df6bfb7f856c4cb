import { UserError } from '@papergate/config';
import { imageName } from '../release/manifest.ts';
import { afterRecovery, whatRuns } from './deliver.ts';
import { currentManifest, readHistory, type GoodRelease, type History } from './history.ts';
import type { LeaseWorld } from './lease.ts';
import type { DeliverOutcome, RestoreHooks, RollbackOptions, RollbackPlan } from './options.ts';
import { shortCommit } from './place.ts';
import { withPlace } from './session.ts';
import type { DeliveryTarget } from './types.ts';
import { digestOf } from './waves.ts';

/**
 * Goes back to a good release: its images, by digest, on the schema and the data that are there. With `restoreDb` the
 * database too goes back, to a checkpoint, after a new one was taken.
 * @throws UserError RELEASE_UNKNOWN; and what {@link deliver} throws
 */
export async function rollback(
  options: RollbackOptions,
  world: Omit<LeaseWorld, 'clock'> = {},
): Promise<DeliverOutcome> {
  // Before anything is taken, and once more under the lease: a mistyped name should not wait for a deploy to end.
  const asked = findRelease(await readHistory(options.target.place), options.sha);
  return withPlace(options, world, (session) =>
    afterRecovery(session, asked.manifest, 'rollback', async () => {
      const { history, from } = await whatRuns(session);
      const { manifest } = findRelease(history, options.sha);
      const { restoreDb } = options;
      return {
        action: 'rollback',
        options,
        from,
        to: manifest,
        history,
        ...(restoreDb === undefined ? {} : { restoreDb }),
        condemn: options.condemn === true,
      };
    }),
  );
}

/** What a rollback will do, looked up and not done. */
export async function planRollback({
  target,
  sha,
  restoreDb,
  restore,
}: {
  target: DeliveryTarget;
  sha: string;
  restoreDb?: string | undefined;
  restore?: Pick<RestoreHooks, 'plan'> | undefined;
}): Promise<RollbackPlan> {
  const history = await readHistory(target.place);
  const to = findRelease(history, sha);
  const from = currentManifest(history);
  const database = history.releases[0]?.schema_version;
  const services = target.order.map((service) => {
    const image = to.manifest.images?.[service];
    const wanted = digestOf(to.manifest, service);
    const same = from !== undefined && digestOf(from, service) === wanted;
    return {
      service,
      image: image === undefined ? (wanted ?? 'unknown') : imageName(image),
      change: same ? ('same image' as const) : ('changes' as const),
    };
  });
  return {
    to,
    from,
    services,
    schema: {
      database,
      release: to.manifest.schema_version,
      stays: restoreDb === undefined,
    },
    data: await dataOf(target, restoreDb, restore),
    nothingToDo: from?.digest === to.manifest.digest && restoreDb === undefined,
  };
}

async function dataOf(
  target: DeliveryTarget,
  id: string | undefined,
  restore: Pick<RestoreHooks, 'plan'> | undefined,
): Promise<RollbackPlan['data']> {
  if (id === undefined || restore === undefined) return { lost: [] };
  const database = await target.database();
  try {
    const { lost, takenAt } = await restore.plan(database, id);
    return { lost: lost.filter(({ rows }) => rows > 0), checkpoint: id, takenAt };
  } finally {
    await database.close();
  }
}

/** For a terminal, before it is asked whether to go on. */
export function renderRollbackPlan({ to, from, services, schema, data, nothingToDo }: RollbackPlan): string {
  const name = `${shortCommit(to.manifest.commit)} (delivered ${to.delivered_at})`;
  if (nothingToDo) return `release ${name} is what the place is at: it is only looked at whether all of it is well`;
  const changing = services.filter(({ change }) => change === 'changes').map(({ service }) => service);
  const lines = [
    `rollback from ${from === undefined ? 'nothing' : shortCommit(from.commit)} to ${name}`,
    `  services  all ${services.length} are stopped and started; other images: ${changing.length === 0 ? 'none' : changing.join(', ')}`,
    `  schema    ${schemaWords(schema)}`,
    `  data lost ${lostWords(data)}`,
  ];
  for (const { service, image } of services) lines.push(`  ${service.padEnd(18)} ${image}`);
  return lines.join('\n');
}

function schemaWords({ database, release, stays }: RollbackPlan['schema']): string {
  if (!stays) return `that of the checkpoint, brought to ${release} where it is older`;
  return database === undefined || database === release
    ? `stays at ${release}`
    : `stays at ${database}; the release was made for ${release}, and later migrations only added to it`;
}

function lostWords({ lost, checkpoint, takenAt }: RollbackPlan['data']): string {
  if (checkpoint === undefined) return 'none';
  const rows = lost.map(({ table, rows: count }) => `${count} rows of ${table}`).join(', ');
  return `what came after checkpoint ${checkpoint} (${takenAt ?? 'unknown time'}): ${rows === '' ? 'no rows' : rows}; a new checkpoint is taken before`;
}

/** @throws UserError RELEASE_UNKNOWN, listing what there is */
export function findRelease({ releases }: History, sha: string): GoodRelease {
  const wanted = sha.toLowerCase();
  const found = releases.filter(({ manifest }) =>
    /^sha256:[0-9a-f]{64}$/.test(wanted)
      ? manifest.digest === wanted
      : /^[0-9a-f]{7,64}$/.test(wanted) && manifest.commit.startsWith(wanted),
  );
  const commits = new Set(found.map(({ manifest }) => manifest.commit));
  if (found[0] !== undefined && commits.size === 1) return found[0];
  const known = releases.map(({ manifest, delivered_at }) => `${shortCommit(manifest.commit)} (${delivered_at})`);
  throw new UserError({
    code: 'RELEASE_UNKNOWN',
    message:
      commits.size > 1
        ? `"${sha}" is the beginning of several good releases: ${[...commits].map(shortCommit).join(', ')}`
        : `"${sha}" is none of the last good releases of this place; there ${known.length === 0 ? 'are none' : `are: ${known.join(', ')}`}`,
    fix:
      known.length === 0
        ? 'deploy a release first: npx papergate ship'
        : 'name one of them by its commit, seven digits or more; an older one is deployed anew: npx papergate deploy --sha SHA',
  });
}

import { Option, type Command } from 'commander';
import { EXIT, UserError } from '@papergate/config';
import {
  checkpoint,
  goodReleases,
  listCheckpoints,
  planRollback,
  recordAct,
  rollback,
  runDue,
  runningManifest,
  schedule,
  verifyCheckpoint,
  type Checkpoint,
  type Manifest,
  type OpenPlace,
} from '@papergate/delivery';
import { confirmed } from '../confirm.ts';
import type { CommandContext } from '../context.ts';
import { table } from '../output.ts';
import { nonEmpty } from '../values.ts';
import { outcomeText, showDelivery } from '../view/delivery-view.ts';
import { addPlaceFlags, type PlaceFlags } from './place-flags.ts';
import { lossText } from './rollback.ts';
import { withPlace } from './with-place.ts';

type Flags = PlaceFlags & { json: boolean };

/** `db`: backups that were restored before they count, going back to one, and what keeps both up by itself. */
export function addDb(program: Command, context: CommandContext): void {
  const db = program.command('db').description('checkpoints of a place’s database: take, list, prove, go back to');
  const sub = (name: string, description: string): Command =>
    addPlaceFlags(db.command(name).description(description)).option('--json', 'one JSON object', false);
  const at = (flags: Flags, act: (open: OpenPlace) => Promise<void>): Promise<void> => withPlace(flags, context, act);

  sub('checkpoint', 'dump the database, restore the dump aside and compare; only then it counts').action(
    (flags: Flags) => at(flags, (open) => take(open, flags, context)),
  );
  sub('list', 'all checkpoints, newest first').action((flags: Flags) =>
    at(flags, (open) => list(open, flags, context)),
  );
  sub('verify', 'restore a stored checkpoint aside and compare: the newest, or the one that is named')
    .argument('[id]', 'of a checkpoint')
    .action((id: string | undefined, flags: Flags) => at(flags, (open) => verify(open, id, flags, context)));
  sub('restore', 'go back to a checkpoint: services stop, the database is swapped, services start and are smoke-tested')
    .argument('<id>', 'of a checkpoint')
    .option('--yes', 'do not ask', false)
    .action((id: string, flags: Flags & { yes: boolean }) => at(flags, (open) => restoreTo(open, id, flags, context)));
  sub('run-due', 'what is due now: a backup every day, a restore drill every week, nothing older than 30 days').action(
    (flags: Flags) => at(flags, (open) => due(open, flags, context)),
  );
  sub('schedule', 'what to install so that run-due happens by itself: a systemd timer, or a line for cron')
    .addOption(new Option('--user <name>', 'whom it runs as').argParser(nonEmpty('a user')))
    .action((flags: Flags & { user?: string }) => at(flags, (open) => printSchedule(open, flags, context)));
}

const onProgress =
  ({ output }: CommandContext, { json }: Flags) =>
  (message: string): void => {
    if (!json) output.err(`  ${message}`);
  };

async function needRelease(open: OpenPlace): Promise<Manifest> {
  const running = await runningManifest(open);
  if (running !== undefined) return running;
  throw new UserError({
    code: 'NOTHING_DELIVERED',
    message: `nothing that is on record runs in ${open.place.project} on ${open.place.host.name}`,
    fix: 'deliver a commit first: npx papergate ship --detach, or ship --target compose',
  });
}

/** Work on the place's database, with a connection that is let go of however it ends. */
async function withDatabase<T>(
  { target }: OpenPlace,
  act: (database: Awaited<ReturnType<OpenPlace['target']['database']>>) => Promise<T>,
): Promise<T> {
  const database = await target.database();
  try {
    return await act(database);
  } finally {
    await database.close();
  }
}

async function take(open: OpenPlace, flags: Flags, context: CommandContext): Promise<void> {
  const { commit, digest: manifestDigest } = await needRelease(open);
  const { store } = open;
  const taken = await withDatabase(open, (database) =>
    checkpoint({
      database,
      store,
      commit,
      manifestDigest,
      reason: 'manual',
      onProgress: onProgress(context, flags),
      signal: context.interrupts.stop,
    }),
  );
  const acting = open.acting('papergate db checkpoint', () => {}, context.interrupts.stop);
  await recordAct(acting, { action: 'checkpoint', outcome: 'done', detail: { checkpoint: taken.id } });
  context.output.out(
    flags.json ? JSON.stringify(taken) : `checkpoint ${taken.id}: ${sizeOf(taken)}, restored and equal`,
  );
  context.setExitCode(EXIT.ok);
}

const rowsOf = ({ tables }: Checkpoint): number => tables.reduce((sum, { rows }) => sum + rows, 0);
const sizeOf = (found: Checkpoint): string =>
  `${rowsOf(found)} rows in ${found.tables.length} tables, ${Math.round(found.bytes / 1000)} kB`;

async function list({ store }: OpenPlace, { json }: Flags, { output, setExitCode }: CommandContext): Promise<void> {
  const { checkpoints, broken, unfinished } = await listCheckpoints(store);
  if (json) output.out(JSON.stringify({ checkpoints, broken, unfinished }));
  else if (checkpoints.length === 0 && broken.length === 0) output.out('there are no checkpoints yet');
  else {
    const rows = checkpoints.map((found) => [
      found.id,
      found.taken_at,
      found.commit.slice(0, 12),
      found.schema_version,
      sizeOf(found),
      drilled(found),
      found.reason,
    ]);
    output.out(table([['CHECKPOINT', 'TAKEN', 'COMMIT', 'SCHEMA', 'CONTENT', 'LAST DRILL', 'WHY'], ...rows]));
    for (const { id, why } of broken) output.out(`✖ ${id}: ${why}`);
  }
  setExitCode(EXIT.ok);
}

function drilled({ drills, verified_at: verifiedAt }: Checkpoint): string {
  const last = drills.at(-1);
  if (last === undefined) return `good (${verifiedAt.slice(0, 10)})`;
  return `${last.ok ? 'good' : 'BAD'} (${last.at.slice(0, 10)})`;
}

async function verify(open: OpenPlace, id: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const { store } = open;
  const outcome = await withDatabase(open, (database) =>
    verifyCheckpoint({
      database,
      store,
      onProgress: onProgress(context, flags),
      signal: context.interrupts.stop,
      ...(id === undefined ? {} : { id }),
    }),
  );
  const { drill, checkpoint: found } = outcome;
  const text = drill.ok
    ? `checkpoint ${found.id} is good: restored and compared in ${(drill.duration_ms / 1000).toFixed(1)} s`
    : `checkpoint ${found.id} is NOT good:\n${drill.problems.map((problem) => `  - ${problem}`).join('\n')}`;
  context.output.out(flags.json ? JSON.stringify({ id: found.id, ...drill }) : text);
  context.setExitCode(drill.ok ? EXIT.ok : EXIT.blocked);
}

/** A rollback of the data alone: to the release that runs, with the engine's own care and its way back. */
async function restoreTo(
  open: OpenPlace,
  id: string,
  flags: Flags & { yes: boolean },
  context: CommandContext,
): Promise<void> {
  const { output, interrupts } = context;
  const { commit } = await needRelease(open);
  const wanted = { sha: commit, restoreDb: id };
  const command = `papergate db restore ${id}`;
  const show = showDelivery(output, flags.json);
  const plan = await planRollback({ ...open.acting(command, show, interrupts.stop), ...wanted });
  const { takenAt, lost } = plan.data;
  await confirmed(
    `the database goes back to checkpoint ${id}${takenAt === undefined ? '' : ` of ${takenAt}`} and loses what came after it: ${lossText(lost)}`,
    flags.yes,
    context,
  );
  const outcome = await rollback({ ...open.moving(command, show, interrupts.stop), ...wanted });
  output.out(flags.json ? JSON.stringify({ plan, outcome }) : outcomeText(outcome));
  context.setExitCode(outcome.exitCode);
}

async function due(open: OpenPlace, flags: Flags, context: CommandContext): Promise<void> {
  const { commit, digest: manifestDigest } = await needRelease(open);
  const { store } = open;
  const keep = (await goodReleases(open.place)).flatMap(({ checkpoint: id }) => (id === undefined ? [] : [id]));
  const actions = await withDatabase(open, (database) =>
    runDue({
      database,
      store,
      commit,
      manifestDigest,
      keep,
      onProgress: onProgress(context, flags),
      signal: context.interrupts.stop,
    }),
  );
  const lines = actions.map(
    ({ action, ok, id, detail }) => `${ok ? '✔' : '✖'} ${action}${id === undefined ? '' : ` ${id}`}: ${detail}`,
  );
  context.output.out(flags.json ? JSON.stringify({ actions }) : lines.join('\n') || 'nothing is due');
  context.setExitCode(actions.every(({ ok }) => ok) ? EXIT.ok : EXIT.external);
}

function printSchedule(
  open: OpenPlace,
  { json, user }: Flags & { user?: string },
  { output, setExitCode, repository }: CommandContext,
): Promise<void> {
  const command = ['/usr/bin/env', 'npx', 'papergate', 'db', 'run-due', ...open.flags.split(' ').filter(Boolean)];
  const made = schedule({
    command,
    directory: repository,
    name: `papergate-db-${open.place.project.replace(/^papergate-/, '')}`,
    ...(user === undefined ? {} : { user }),
  });
  const { service, timer } = made.systemd;
  const text = [
    `# /etc/systemd/system/${service.file}`,
    service.text.trimEnd(),
    '',
    `# /etc/systemd/system/${timer.file}; then: systemctl enable --now ${timer.file}`,
    timer.text.trimEnd(),
    '',
    '# or, without systemd, in crontab -e:',
    made.crontab,
  ].join('\n');
  output.out(json ? JSON.stringify(made) : text);
  setExitCode(EXIT.ok);
  return Promise.resolve();
}

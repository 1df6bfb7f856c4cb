import { Option, type Command } from 'commander';
import { EXIT } from '@papergate/config';
import { planRollback, renderRollbackPlan, rollback, type RollbackPlan } from '@papergate/delivery';
import { confirmed } from '../confirm.ts';
import type { CommandContext } from '../context.ts';
import { nonEmpty } from '../values.ts';
import { outcomeText, showDelivery } from '../view/delivery-view.ts';
import { keptMove } from './kept-move.ts';
import { addPlaceFlags, type PlaceFlags } from './place-flags.ts';
import { withPlace } from './with-place.ts';

interface Flags extends PlaceFlags {
  restoreDb?: string;
  yes: boolean;
  plan: boolean;
  json: boolean;
}

export function addRollback(program: Command, context: CommandContext): void {
  const command = program
    .command('rollback')
    .description('go back to one of the last five good releases; the data stay unless --restore-db says otherwise')
    .argument('<sha>', 'its commit, or the first seven digits and more of it')
    .addOption(
      new Option('--restore-db <checkpoint>', 'the database goes back to it as well').argParser(
        nonEmpty('the id of a checkpoint'),
      ),
    )
    .option('--plan', 'say what it would do, and do nothing', false)
    .option('--yes', 'do not ask', false);
  addPlaceFlags(command)
    .option('--json', 'one JSON object', false)
    .action((sha: string, flags: Flags) => runRollback(sha, flags, context));
}

async function runRollback(sha: string, flags: Flags, context: CommandContext): Promise<void> {
  const { output, interrupts, ask } = context;
  const { restoreDb, json } = flags;
  await withPlace(flags, context, async (place) => {
    const wanted = { sha, ...(restoreDb === undefined ? {} : { restoreDb }) };
    const command = `papergate rollback ${sha}${restoreDb === undefined ? '' : ` --restore-db ${restoreDb}`}`;
    const acting = place.acting(command, showDelivery(output, json), interrupts.stop);
    const plan = await planRollback({ ...acting, ...wanted });
    if (flags.plan) {
      output.out(json ? JSON.stringify({ plan }) : renderRollbackPlan(plan));
      context.setExitCode(EXIT.ok);
      return;
    }
    if (!json) output.err(renderRollbackPlan(plan));
    if (restoreDb !== undefined) await confirmed(lossOf(plan, restoreDb), flags.yes, context);
    else if (ask !== undefined && !plan.nothingToDo) await confirmed(`roll back to ${short(plan)}`, flags.yes, context);
    const { outcome, evidence } = await keptMove(place, plan.to.manifest, { json, context }, (onEvent) =>
      rollback({ ...place.moving(command, onEvent, interrupts.stop), ...wanted }),
    );
    output.out(json ? JSON.stringify({ plan, outcome, evidence }) : `${outcomeText(outcome)}\nevidence: ${evidence}`);
    context.setExitCode(outcome.exitCode);
  });
}

const short = ({ to }: RollbackPlan): string => to.manifest.commit.slice(0, 12);

export function lossText(lost: RollbackPlan['data']['lost']): string {
  const some = lost.filter(({ rows }) => rows > 0);
  return some.length === 0 ? 'no rows' : some.map(({ table: name, rows }) => `${rows} rows of ${name}`).join(', ');
}

const lossOf = ({ data }: RollbackPlan, id: string): string =>
  `the database goes back to checkpoint ${id}${data.takenAt === undefined ? '' : ` of ${data.takenAt}`} and loses what came after it: ${lossText(data.lost)}`;

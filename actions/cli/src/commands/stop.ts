import type { Command } from 'commander';
import { EXIT, ExternalError } from '@papergate/config';
import {
  acquireLease,
  askStop,
  endOrphans,
  endProcess,
  leaseHolder,
  placeHolder,
  readHistory,
  takeDown,
  type Holder,
  type OpenPlace,
} from '@papergate/delivery';
import { confirmed } from '../confirm.ts';
import type { CommandContext } from '../context.ts';
import { showDelivery } from '../view/delivery-view.ts';
import { addPlaceFlags, type PlaceFlags } from './place-flags.ts';
import { withPlace } from './with-place.ts';

const PATIENCE_MS = 120_000;

interface Flags extends PlaceFlags {
  volumes: boolean;
  yes: boolean;
  json: boolean;
}

export function addStop(program: Command, context: CommandContext): void {
  const command = program
    .command('stop')
    .description('take staging down, whoever started it; the data stay unless --volumes says otherwise')
    .option('--volumes', 'the database and what the exchange kept go as well; asks first', false)
    .option('--yes', 'do not ask', false);
  addPlaceFlags(command)
    .option('--json', 'one JSON object', false)
    .action(async (flags: Flags) => {
      const { stopped, exitCode } = await withPlace(flags, context, (place) => stop(place, flags, context));
      const text = stopped.length === 0 ? 'nothing runs here' : `stopped: ${stopped.join(', ')}`;
      context.output.out(flags.json ? JSON.stringify({ stopped }) : text);
      context.setExitCode(exitCode);
    });
}

async function stop(
  open: OpenPlace,
  { volumes, yes, json }: Flags,
  context: CommandContext,
): Promise<{ stopped: string[]; exitCode: number }> {
  const { place, target } = open;
  if (volumes) await confirmed(await lossOf(open), yes, context);
  const stopped = place.kind === 'process' ? await stopProcesses(open, context) : [];
  const history = await readHistory(place);
  const running = (await target.observe()).services.filter(({ state }) => state !== 'absent');
  if (history.current === null && running.length === 0 && !volumes) return { stopped, exitCode: EXIT.ok };
  const command = `papergate stop${volumes ? ' --volumes' : ''}`;
  const outcome = await takeDown({
    ...open.acting(command, showDelivery(context.output, json), context.interrupts.stop),
    volumes,
  });
  if (stopped.length === 0 && (running.length > 0 || history.current !== null)) stopped.push(place.project);
  if (volumes) stopped.push('volumes');
  return { stopped, exitCode: outcome.exitCode };
}

async function lossOf({ place, target }: OpenPlace): Promise<string> {
  const running = (await target.observe()).services.filter(({ state }) => state === 'running').length;
  const where = place.host.name === 'local' ? '' : ` on ${place.host.name}`;
  return `${place.project}${where} (${place.environment}) is taken down with its ${running} running services, and these are lost for good: the database with all orders, fills, positions, signals and ticks, and what its exchange kept; checkpoints stay`;
}

/** Ends what holds the place: a deploy that is at work, its supervisor, a run that has not got so far, or what a killed one left. */
async function stopProcesses({ place: record }: OpenPlace, { home, output }: CommandContext): Promise<string[]> {
  const place = home();
  const deployer = await placeHolder(record);
  if (deployer !== undefined) await end(deployer, output);
  if (await askStop(place, 'papergate stop', PATIENCE_MS)) return ['staging'];
  const holder = await leaseHolder({ dir: place.lease });
  if (holder !== undefined) {
    await end(holder, output);
    return [holder.command];
  }
  const lease = await acquireLease({ dir: place.lease, command: 'papergate stop' });
  try {
    return await endOrphans(place.supervisor);
  } finally {
    await lease.release();
  }
}

async function end(holder: Holder, output: CommandContext['output']): Promise<void> {
  output.err(`ending process ${holder.pid} (${holder.command})`);
  if ((await endProcess(holder, { patienceMs: PATIENCE_MS })) !== 'gone') return;
  throw new ExternalError({
    code: 'HOLDER_ELSEWHERE',
    message: `process ${holder.pid} on ${holder.host} holds this place and cannot be reached from here`,
    fix: `run "npx papergate stop" on ${holder.host}`,
  });
}

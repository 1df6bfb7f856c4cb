import type { Command } from 'commander';
import { EXIT, ExternalError } from '@papergate/config';
import { acquireLease, askStop, endOrphans, endProcess, leaseHolder } from '@papergate/delivery';
import type { CommandContext } from '../context.ts';

const PATIENCE_MS = 120_000;

export function addStop(program: Command, context: CommandContext): void {
  program
    .command('stop')
    .description('take staging down, whoever started it')
    .option('--json', 'one JSON object', false)
    .action(async ({ json }: { json: boolean }) => {
      const stopped = await stop(context);
      const text = stopped.length === 0 ? 'nothing runs here' : `stopped: ${stopped.join(', ')}`;
      context.output.out(json ? JSON.stringify({ stopped }) : text);
      context.setExitCode(EXIT.ok);
    });
}

/** Ends what holds the place: its supervisor, or a run that has not got so far, or what a killed one left. */
async function stop({ home, output }: CommandContext): Promise<string[]> {
  const place = home();
  if (await askStop(place, 'papergate stop', PATIENCE_MS)) return ['staging'];
  const holder = await leaseHolder({ dir: place.lease });
  if (holder !== undefined) {
    output.err(`ending process ${holder.pid} (${holder.command})`);
    if ((await endProcess(holder, { patienceMs: PATIENCE_MS })) === 'gone') {
      throw new ExternalError({
        code: 'HOLDER_ELSEWHERE',
        message: `process ${holder.pid} on ${holder.host} holds this place and cannot be reached from here`,
        fix: `run "npx papergate stop" on ${holder.host}`,
      });
    }
    return [holder.command];
  }
  const lease = await acquireLease({ dir: place.lease, command: 'papergate stop' });
  try {
    return await endOrphans(place.supervisor);
  } finally {
    await lease.release();
  }
}

import { Command, CommanderError } from 'commander';
import { EXIT, UserError } from '@papergate/config';
import { addAct } from './commands/act.ts';
import { addAudit } from './commands/audit.ts';
import { addBacktest } from './commands/backtest.ts';
import { addBench } from './commands/bench.ts';
import { addBusKeys } from './commands/bus-keys.ts';
import { addChaos } from './commands/chaos.ts';
import { addDb } from './commands/db.ts';
import { addDeploy } from './commands/deploy.ts';
import { addEmergencyStop } from './commands/emergency-stop.ts';
import { addExchange } from './commands/exchange.ts';
import { addGitHub } from './commands/github.ts';
import { addLogs } from './commands/logs.ts';
import { addMetrics } from './commands/metrics.ts';
import { addRecover } from './commands/recover.ts';
import { addRollback } from './commands/rollback.ts';
import { addSetup } from './commands/setup.ts';
import { addShip } from './commands/ship.ts';
import { addStages } from './commands/stages.ts';
import { addStatus } from './commands/status.ts';
import { addStop } from './commands/stop.ts';
import { addTest } from './commands/test.ts';
import { addToken } from './commands/token.ts';
import { addValidate } from './commands/validate.ts';
import { addWorkflow } from './commands/workflow.ts';
import type { CommandContext } from './context.ts';

/** The whole command line. Parsing throws for every mistake; see {@link runProgram}. */
export function buildProgram(context: CommandContext, version: string): Command {
  const program = new Command('papergate')
    .description('takes a commit to a staging that is smoke-tested, load-tested and gated')
    .version(version, '--version')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.output.out(text.trimEnd()),
      // Mistakes are told once, by runProgram, in the form that every error has.
      writeErr: () => {},
    });
  for (const add of [addShip, addExchange, addValidate, addStatus, addLogs, addStop, addStages, addEmergencyStop]) {
    add(program, context);
  }
  for (const add of [addDeploy, addRollback, addRecover, addDb, addAudit, addToken, addBusKeys, addMetrics])
    add(program, context);
  for (const add of [addTest, addBench, addBacktest, addChaos, addSetup, addAct, addWorkflow, addGitHub])
    add(program, context);
  return program;
}

/** Runs one command line. @throws UserError USAGE for a mistake in it, and whatever the command throws */
export async function runProgram(program: Command, args: string[], context: CommandContext): Promise<void> {
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return;
    if (error.code === 'commander.help') {
      context.output.err(program.helpInformation().trimEnd());
      context.setExitCode(EXIT.usage);
      return;
    }
    const command = program.commands.find((known) => args.includes(known.name()));
    throw new UserError({
      code: 'USAGE',
      message: error.message.replace(/^error: /, '').replace(/\n\((.*)\)$/, ' ($1)'),
      fix: `see papergate ${command === undefined ? '' : `${command.name()} `}--help`,
      cause: error,
    });
  }
}

import { randomInt } from 'node:crypto';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { EXIT } from '@papergate/config';
import { describeReport, runChaos } from '../chaos/chaos.ts';
import { TREATMENTS, type Treatment } from '../chaos/plan.ts';
import type { CommandContext } from '../context.ts';

const SEEDS = 1_000_000_000;

function whole(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= low && value <= high) return value;
    throw new InvalidArgumentError(`allowed: a whole number from ${low} to ${high}`);
  };
}

export function addChaos(program: Command, context: CommandContext): void {
  program
    .command('chaos')
    .description(
      'kills and stops the order path at every step of an order’s life, and holds the books against each other',
    )
    .option('--runs <n>', 'how many runs', whole(1, 100_000), 20)
    .option('--seed <s>', 'what the plan follows from; without one it is drawn and printed', whole(0, SEEDS))
    .option('--first <n>', 'number of the first run, to replay a later one', whole(0, 100_000), 0)
    .addOption(
      new Option('--only <kind>', 'main blows of one kind alone, to look for what it brings about').choices(TREATMENTS),
    )
    .option('--json', 'one JSON object', false)
    .action(async (flags: { runs: number; seed?: number; first: number; only?: Treatment; json: boolean }) => {
      const { repository, env, output, interrupts } = context;
      const report = await runChaos({
        root: repository,
        env: { ...env },
        seed: flags.seed ?? randomInt(SEEDS),
        runs: flags.runs,
        first: flags.first,
        only: flags.only,
        signal: interrupts.stop,
        print: (line) => (flags.json ? output.err(line) : output.out(line)),
      });
      if (flags.json) output.out(JSON.stringify(report));
      else output.out(describeReport(report));
      context.setExitCode(report.failed_runs.length === 0 && report.runs === flags.runs ? EXIT.ok : EXIT.blocked);
    });
}

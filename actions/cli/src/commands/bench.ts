import { join } from 'node:path';
import type { Command } from 'commander';
import { runBenchmarks } from '../bench/run.ts';
import type { CommandContext } from '../context.ts';

export function addBench(program: Command, context: CommandContext): void {
  program
    .command('bench')
    .description('the benchmark table: each figure beside its ceiling, measured in the same run')
    .argument('[name...]', 'only benchmarks whose names begin like this')
    .option('--json', 'one JSON object', false)
    .action(async (only: string[], { json }: { json: boolean }) => {
      const { repository, output, interrupts, home } = context;
      const code = await runBenchmarks({
        root: repository,
        out: join(home().dir, 'bench'),
        only,
        json,
        signal: interrupts.stop,
        print: (line) => output.out(line),
        progress: (line) => output.err(line),
      });
      context.setExitCode(code);
    });
}

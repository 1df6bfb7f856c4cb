import type { Command } from 'commander';
import type { CommandContext } from '../context.ts';
import { runTests } from '../test-run/run.ts';

export function addTest(program: Command, context: CommandContext): void {
  program
    .command('test')
    .description('format, lint, types, import boundaries, and every test that this machine can run')
    .argument('[path...]', 'only tests whose paths contain this; the other checks are left out then')
    .action(async (paths: string[]) => {
      const { repository, env, output, interrupts } = context;
      context.setExitCode(await runTests({ repository, env, output, paths, signal: interrupts.stop }));
    });
}

import type { Command } from 'commander';
import { ExternalError } from '@papergate/config';
import { findTool } from '@papergate/delivery';
import type { CommandContext } from '../context.ts';
import { runTests } from '../test-run/run.ts';

export function addTest(program: Command, context: CommandContext): void {
  program
    .command('test')
    .description('format, lint, types, import boundaries, and every test that this machine can run')
    .argument('[path...]', 'only tests whose paths contain this; the other checks are left out then')
    .action(async (paths: string[]) => {
      const { repository, env, output, interrupts } = context;
      if (paths.length === 0) await prepareK6(context);
      context.setExitCode(await runTests({ repository, env, output, paths, signal: interrupts.stop }));
    });
}

/** Before the tests and not beside them: a build of k6 takes both cores for minutes. Without it the tests that need it say so. */
async function prepareK6({ env, repository, output, interrupts }: CommandContext): Promise<void> {
  const onProgress = ({ message }: { message: string }): void => output.out(`  ${message}`);
  try {
    await findTool('k6', { env, root: repository, onProgress, signal: interrupts.stop });
  } catch (error) {
    if (!(error instanceof ExternalError)) throw error;
    output.out(`note: ${error.message}`);
  }
}

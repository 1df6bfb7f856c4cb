import type { Command } from 'commander';
import { ExternalError } from '@papergate/config';
import { ensureContainers, findTool } from '@papergate/delivery';
import type { CommandContext } from '../context.ts';
import { runTests, type ContainerTests } from '../test-run/run.ts';

export function addTest(program: Command, context: CommandContext): void {
  program
    .command('test')
    .description('format, lint, types, import boundaries, and every test that this machine can run')
    .argument('[path...]', 'only tests whose paths contain this; the other checks are left out then')
    .option('--containers', 'only the tests that need a Docker Engine')
    .option('--require-containers', 'fail where no Docker Engine can be had, instead of saying so')
    .action(async (paths: string[], options: { containers?: true; requireContainers?: true }) => {
      const { repository, env, output, interrupts } = context;
      if (paths.length === 0) await prepareK6(context);
      const containers = containerTests(paths, options);
      const signal = interrupts.stop;
      context.setExitCode(await runTests({ repository, env, output, paths, containers, ensureContainers, signal }));
    });
}

function containerTests(paths: string[], options: { containers?: true; requireContainers?: true }): ContainerTests {
  if (options.containers === true) return 'only';
  if (options.requireContainers === true) return 'required';
  return paths.length === 0 ? 'possible' : 'none';
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

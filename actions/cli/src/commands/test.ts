import type { Command } from 'commander';
import { ExternalError } from '@papergate/config';
import { ensureContainers, findTool, TOOLS } from '@papergate/delivery';
import type { CommandContext } from '../context.ts';
import { runTests, type ContainerTests } from '../test-run/run.ts';
import { TOOLS_REQUIRED_VARIABLE } from '../test-run/tools.ts';

export function addTest(program: Command, context: CommandContext): void {
  program
    .command('test')
    .description('format, lint, types, import boundaries, and every test that this machine can run')
    .argument('[path...]', 'only tests whose paths contain this; the other checks are left out then')
    .option('--containers', 'only the tests that need a Docker Engine')
    .option('--require-containers', 'fail where no Docker Engine can be had, instead of saying so')
    .action(async (paths: string[], options: { containers?: true; requireContainers?: true }) => {
      const { repository, output, interrupts } = context;
      if (paths.length === 0) await prepareTools(context);
      const containers = containerTests(paths, options);
      // Where an engine has to be there, nothing else may be missing either.
      const env = containers === 'required' ? { ...context.env, [TOOLS_REQUIRED_VARIABLE]: 'true' } : context.env;
      const signal = interrupts.stop;
      context.setExitCode(await runTests({ repository, env, output, paths, containers, ensureContainers, signal }));
    });
}

function containerTests(paths: string[], options: { containers?: true; requireContainers?: true }): ContainerTests {
  if (options.containers === true) return 'only';
  if (options.requireContainers === true) return 'required';
  return paths.length === 0 ? 'possible' : 'none';
}

/** Before the tests and not beside them: a build of k6 takes both cores for minutes. Without one the tests that need it say so. */
async function prepareTools({ env, repository, output, interrupts }: CommandContext): Promise<void> {
  const onProgress = ({ message }: { message: string }): void => output.out(`  ${message}`);
  for (const name of Object.keys(TOOLS) as (keyof typeof TOOLS)[]) {
    try {
      await findTool(name, { env, root: repository, onProgress, signal: interrupts.stop });
    } catch (error) {
      if (!(error instanceof ExternalError)) throw error;
      output.out(`note: ${error.message}`);
    }
  }
}

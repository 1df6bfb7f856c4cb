import type { Command } from 'commander';
import { EXIT, ExternalError } from '@papergate/config';
import { findPostgres, findTool } from '@papergate/delivery';
import type { CommandContext } from '../context.ts';
import { table } from '../output.ts';

/** The bootstrap has installed the packages by the time this runs; here comes what is no package. */
export function addSetup(program: Command, context: CommandContext): void {
  program
    .command('setup')
    .description('everything that a run needs: packages, Node 24, PostgreSQL, k6')
    .option('--json', 'one JSON object', false)
    .action(async ({ json }: { json: boolean }) => {
      const { env, repository, interrupts, output } = context;
      const postgres = findPostgres();
      const onProgress = ({ message }: { message: string }): void => (json ? undefined : output.err(`  ${message}`));
      const k6 = await findTool('k6', { env, root: repository, onProgress, signal: interrupts.stop }).catch(
        (error: unknown) => {
          if (error instanceof ExternalError) return error;
          throw error;
        },
      );
      const facts = {
        node: process.versions.node,
        postgres: `${postgres.version} (${postgres.root})`,
        k6: k6 instanceof ExternalError ? null : `${k6.version} (${k6.path})`,
      };
      output.out(
        json ? JSON.stringify(facts) : table(Object.entries(facts).map(([name, fact]) => [name, fact ?? 'missing'])),
      );
      if (k6 instanceof ExternalError) throw k6;
      context.setExitCode(EXIT.ok);
    });
}

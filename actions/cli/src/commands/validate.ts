import { Option, type Command } from 'commander';
import { ENVIRONMENTS, EXIT, type Environment } from '@papergate/config';
import { validateCheckout, type ValidateOutcome } from '@papergate/delivery';
import type { CommandContext } from '../context.ts';
import { choice } from '../values.ts';

interface Flags {
  environment: Environment;
  offline: boolean;
  json: boolean;
}

export function addValidate(program: Command, context: CommandContext): void {
  program
    .command('validate')
    .description('configuration and credentials of the working tree as it stands')
    .addOption(
      new Option('--environment <name>', 'whose configuration').argParser(choice(ENVIRONMENTS)).default('development'),
    )
    .option('--offline', 'ask no host about the key', false)
    .option('--json', 'one JSON object', false)
    .action(async ({ environment, offline, json }: Flags) => {
      const { repository, env, interrupts, output } = context;
      const options = { repository, environment, env, probe: !offline, signal: interrupts.stop };
      const outcome = await validateCheckout(options);
      output.out(json ? JSON.stringify(outcome) : describe(outcome));
      context.setExitCode(outcome.ok ? EXIT.ok : EXIT.usage);
    });
}

function describe({ ok, environment, problems, findings, checked, notes }: ValidateOutcome): string {
  const lines = [
    ...problems.map(({ code, message, fix }) => `✖ ${code}: ${message}\n  fix: ${fix}`),
    ...findings.map(({ rule, message, fix }) => `✖ [${rule}] ${message}\n  fix: ${fix}`),
    ...notes.map((note) => `note: ${note}`),
  ];
  const count = problems.length + findings.length;
  const verdict = ok
    ? `${environment} is valid: ${checked.length} rules hold`
    : `${environment} is not valid: ${count} ${count === 1 ? 'problem' : 'problems'}`;
  return [...lines, verdict].join('\n');
}

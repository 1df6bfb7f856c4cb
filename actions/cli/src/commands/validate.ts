import { join } from 'node:path';
import { Option, type Command } from 'commander';
import { ENVIRONMENTS, EXIT, type Environment } from '@papergate/config';
import { validateCheckout, type ValidateOutcome } from '@papergate/delivery';
import type { CommandContext } from '../context.ts';
import { strategyProblems } from '../backtest/check/index.ts';
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
      const outcome = await validated(options);
      output.out(json ? JSON.stringify(outcome) : describe(outcome));
      context.setExitCode(outcome.ok ? EXIT.ok : EXIT.usage);
    });
}

/** What the checkout says of itself, and, once that is sound, what its strategies say of their parameters. */
async function validated(options: Parameters<typeof validateCheckout>[0]): Promise<ValidateOutcome> {
  const { repository, environment, signal } = options;
  const outcome = await validateCheckout(options);
  // A configuration that cannot be read has no strategies to ask.
  if (outcome.problems.length > 0) return outcome;
  const where = join(repository, 'config', `system.${environment}.json`);
  const unsound = await strategyProblems({ repository, environment, signal });
  outcome.problems.push(...unsound.map((problem) => ({ ...problem, where })));
  outcome.ok &&= unsound.length === 0;
  return outcome;
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

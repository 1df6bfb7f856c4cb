import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { EXIT, UserError } from '@papergate/config';
import { ship, type ShipOptions, type ShipOutcome } from '@papergate/delivery';
import type { CommandContext } from '../context.ts';
import { choice, nonEmpty } from '../values.ts';
import { makeShipView, type ShipView } from '../view/ship-view.ts';
import { duration } from '../view/format.ts';

const TARGETS = ['process', 'compose', 'kubernetes', 'systemd'] as const;
const MAX_EVIDENCE_AGE_MS = 60 * 60 * 1000;

interface Flags {
  target: (typeof TARGETS)[number];
  environment: ShipOptions['environment'];
  sha: string;
  load: ShipOptions['load'];
  ports: ShipOptions['ports'];
  detach: boolean;
  report?: string;
  json: boolean;
}

export function addShip(program: Command, context: CommandContext): void {
  program
    .command('ship')
    .description('deliver a commit: validate, build, deploy, smoke, load, gate; then staging stays up until Ctrl-C')
    .addOption(new Option('--target <target>', 'where it runs').argParser(choice(TARGETS)).default('process'))
    .addOption(
      new Option(
        '--environment <name>',
        'development: the simulator and keys made for the run; staging: real paper keys',
      )
        .argParser(choice(['development', 'staging']))
        .default('development'),
    )
    .addOption(new Option('--sha <commit>', 'what is delivered').argParser(nonEmpty('a commit')).default('HEAD'))
    .addOption(
      new Option('--load <profile>', 'full: 5 minutes').argParser(choice(['full', 'quick', 'none'])).default('quick'),
    )
    .addOption(
      new Option('--ports <which>', 'default: those of the configuration; free: any that nobody uses')
        .argParser(choice(['default', 'free']))
        .default('default'),
    )
    .option('--detach', 'return when the gate has passed, and leave staging up', false)
    .addOption(new Option('--report <folder>', 'copy the report there as well').argParser(nonEmpty('a folder')))
    .option('--json', 'one JSON object a line', false)
    .action((flags: Flags) => runShip(flags, context));
}

async function runShip(flags: Flags, context: CommandContext): Promise<void> {
  if (flags.target !== 'process') {
    throw new UserError({
      code: 'TARGET_NOT_DELIVERED',
      message: `the target "${flags.target}" is not delivered in this version, allowed: process`,
      fix: 'leave --target out',
    });
  }
  const view = makeShipView(context.output, flags.json);
  try {
    const outcome = await ship(optionsOf(flags, context), context.stages, (event) => view.show(event));
    view.close();
    tellEnd(outcome, flags, context);
    context.setExitCode(await untilOver(outcome, context, view));
  } finally {
    view.close();
  }
}

function optionsOf(flags: Flags, { repository, home, env, interrupts }: CommandContext): ShipOptions {
  const options: ShipOptions = {
    repository,
    home: home(),
    environment: flags.environment,
    sha: flags.sha,
    load: flags.load,
    ports: flags.ports,
    detach: flags.detach,
    env,
    signal: interrupts.stop,
    hurry: interrupts.hurry,
    command: `papergate ship --sha ${flags.sha}`,
    maxEvidenceAgeMs: MAX_EVIDENCE_AGE_MS,
  };
  if (flags.report !== undefined) options.report = resolve(flags.report);
  return options;
}

function tellEnd(
  { run, exitCode, report }: ShipOutcome,
  { json }: Flags,
  { output, interrupts }: CommandContext,
): void {
  if (json) {
    output.out(
      JSON.stringify({
        type: 'result',
        exit_code: exitCode,
        run_id: run.run_id,
        commit: run.commit,
        gate: run.gate ?? null,
        error: run.error ?? null,
        report: report ?? null,
      }),
    );
    return;
  }
  if (run.error !== undefined) {
    output.err(
      `${run.error.code}: ${run.error.message}${run.error.fix === undefined ? '' : `\n  fix: ${run.error.fix}`}`,
    );
  } else if (exitCode !== EXIT.ok && interrupts.stop.aborted) {
    output.err('interrupted; nothing is left running');
  } else if (exitCode === EXIT.ok) {
    output.out(`done in ${duration(Date.parse(run.finished_at) - Date.parse(run.started_at))}`);
  }
}

/** Stays while staging does. Ctrl-C is its ordinary end: exit 0. */
async function untilOver(
  outcome: ShipOutcome,
  { interrupts, output }: CommandContext,
  view: ShipView,
): Promise<number> {
  const { staging } = outcome;
  if (staging === undefined) return outcome.exitCode;
  const asked = new Promise<undefined>((done) => {
    if (interrupts.stop.aborted) done(undefined);
    interrupts.stop.addEventListener('abort', () => done(undefined), { once: true });
  });
  // Nothing else may keep this process alive, so that something has to.
  const alive = setInterval(() => {}, 60_000);
  const reason = await Promise.race([asked, staging.ended]);
  clearInterval(alive);
  if (reason === undefined) {
    await staging.stop('Ctrl-C');
    return EXIT.ok;
  }
  view.show({ type: 'staging', state: 'stopped' });
  const asExpected = reason.startsWith('papergate stop');
  if (!asExpected) output.err(`staging ended: ${reason}`);
  return asExpected ? EXIT.ok : EXIT.external;
}

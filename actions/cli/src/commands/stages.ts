import { Option, type Command } from 'commander';
import { EXIT } from '@papergate/config';
import {
  rerunAtPlace,
  rerunGate,
  rerunStage,
  STAGES,
  type Check,
  type Progress,
  type Rerun,
  type StageName,
} from '@papergate/delivery';
import type { CommandContext } from '../context.ts';
import { table } from '../output.ts';
import { choice, nonEmpty, wholeNumber } from '../values.ts';
import { addPlaceFlags, placeChoice, type PlaceFlags } from './place-flags.ts';
import { withPlace } from './with-place.ts';

/** `smoke`, `load` and `gate`: one stage again, on the staging that is up, its evidence replaced. */
export function addStages(program: Command, context: CommandContext): void {
  addPlaceFlags(program.command('smoke').description('look at the staging that is up from outside'))
    .option('--json', 'one JSON object', false)
    .action((flags: StageFlags) => stage('smoke', flags, context));

  addPlaceFlags(program.command('load').description('load the staging that is up with k6'))
    .addOption(new Option('--profile <name>', 'full: 5 minutes').argParser(choice(['full', 'quick'])).default('quick'))
    .option('--json', 'one JSON object', false)
    .action((flags: StageFlags & { profile: 'full' | 'quick' }) => stage({ load: flags.profile }, flags, context));

  program
    .command('gate')
    .description('read the evidence of a run again and say pass or block')
    .addOption(new Option('--run <id>', 'the last one, if not named').argParser(nonEmpty('the id of a run')))
    .addOption(
      new Option('--require <stage...>', 'stages without whose evidence nothing passes').argParser(
        (value: string, before: StageName[] | undefined) => [...(before ?? []), choice(STAGES)(value)],
      ),
    )
    .addOption(
      new Option('--max-age <minutes>', 'evidence older than this does not count')
        .argParser(wholeNumber(1, 100_000))
        .default(60),
    )
    .option('--json', 'one JSON object', false)
    .action((flags: GateFlags) => gate(flags, context));
}

type StageFlags = PlaceFlags & { json: boolean };

async function stage(
  which: 'smoke' | { load: 'full' | 'quick' },
  flags: StageFlags,
  context: CommandContext,
): Promise<void> {
  const { json } = flags;
  const { home, env, stages, interrupts, output } = context;
  let told = '';
  const onProgress = ({ message }: Progress): void => {
    // Without the seconds in it, so that a pipe gets a line a step and not one every half second.
    const step = message.replace(/\d+ s of .*/, '');
    if (json || step === told) return;
    told = step;
    output.err(`  ${step.replace(/[: ]+$/, '')}`);
  };
  const options = { home: home(), env, stages, onProgress, signal: interrupts.stop };
  const again =
    placeChoice(flags).kind === 'process'
      ? await rerunStage(which, options)
      : await withPlace(flags, context, (place) => rerunAtPlace(which, place, options));
  output.out(json ? JSON.stringify({ ...again.result, run_dir: again.runDir }) : describe(again));
  context.setExitCode(again.result.status === 'passed' ? EXIT.ok : EXIT.blocked);
}

function describe({ result, report }: Rerun): string {
  const failed = result.checks.filter(({ status }) => status === 'failed').length;
  return [
    table(result.checks.map(row)),
    '',
    failed === 0 ? `${result.checks.length} checks passed` : `${failed} of ${result.checks.length} checks failed`,
    ...(report === undefined ? [] : [`report: ${report.html}`]),
  ].join('\n');
}

function row({ name, status, observed, limit, unit, detail }: Check): string[] {
  const seen =
    observed === undefined ? '' : `${typeof observed === 'number' ? Math.round(observed * 100) / 100 : observed}`;
  return [
    status === 'passed' ? '✔' : '✖',
    name,
    `${seen}${unit === undefined ? '' : ` ${unit}`}`,
    limit ?? '',
    detail ?? '',
  ];
}

interface GateFlags {
  run?: string;
  require?: StageName[];
  maxAge: number;
  json: boolean;
}

const REQUIRED: StageName[] = ['validate', 'build', 'deploy', 'smoke', 'load'];

async function gate(flags: GateFlags, context: CommandContext): Promise<void> {
  const { home, stages, output } = context;
  const { decision, runDir, report } = await rerunGate(flags.run, flags.require ?? REQUIRED, flags.maxAge * 60_000, {
    home: home(),
    stages,
  });
  if (flags.json) output.out(JSON.stringify({ ...decision, run_dir: runDir }));
  else {
    output.out([`gate: ${decision.decision}`, ...decision.reasons.map((reason) => `  - ${reason}`)].join('\n'));
    if (report !== undefined) output.out(`report: ${report.html}`);
  }
  context.setExitCode(decision.decision === 'pass' ? EXIT.ok : EXIT.blocked);
}

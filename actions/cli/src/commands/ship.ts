import { accessSync, constants } from 'node:fs';
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { EXIT, messageOf, UserError } from '@papergate/config';
import {
  parseImage,
  parseNamespace,
  ship,
  type ShipOptions,
  type ShipOutcome,
  type ShipPlaceOptions,
} from '@papergate/delivery';
import type { CommandContext } from '../context.ts';
import { choice, nonEmpty } from '../values.ts';
import { makeShipView, type ShipView } from '../view/ship-view.ts';
import { duration } from '../view/format.ts';
import { addPlaceFlags, placeChoice, type PlaceFlags } from './place-flags.ts';

const MAX_EVIDENCE_AGE_MS = 60 * 60 * 1000;

interface Flags extends PlaceFlags {
  environment?: ShipOptions['environment'];
  sha: string;
  load: ShipOptions['load'];
  ports: ShipOptions['ports'];
  detach: boolean;
  report?: string;
  registry?: string;
  nodeImage?: string;
  postgresImage?: string;
  monitoring: boolean;
  signKey?: string;
  requireSignature?: string;
  json: boolean;
}

export function addShip(program: Command, context: CommandContext): void {
  const command = program
    .command('ship')
    .description(
      'deliver a commit: validate, build, push, deploy, smoke, load, gate; a process staging then stays up until Ctrl-C',
    );
  addPlaceFlags(command, 'development: the simulator and keys made for the run; staging: real paper keys')
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
    .addOption(
      new Option(
        '--registry <place>',
        'compose: HOST/NAMESPACE for images; PAPERGATE_REGISTRY, else ghcr.io',
      ).argParser(nonEmpty('HOST/NAMESPACE')),
    )
    .addOption(
      new Option('--node-image <ref>', 'compose: base image by digest; PAPERGATE_NODE_IMAGE').argParser(
        nonEmpty('repository@sha256:…'),
      ),
    )
    .addOption(
      new Option('--postgres-image <ref>', 'compose: database image by digest; PAPERGATE_POSTGRES_IMAGE').argParser(
        nonEmpty('repository@sha256:…'),
      ),
    )
    .option('--monitoring', 'compose: Prometheus, Alertmanager, Grafana and Loki beside it', false)
    .addOption(
      new Option('--sign-key <file>', 'compose: cosign key; COSIGN_PASSWORD opens it').argParser(nonEmpty('a file')),
    )
    .addOption(
      new Option(
        '--require-signature <file>',
        'compose: refuse from now on what this public key does not open',
      ).argParser(nonEmpty('a file')),
    )
    .option('--json', 'one JSON object a line', false)
    .action((flags: Flags) => runShip(flags, context));
}

async function runShip(flags: Flags, context: CommandContext): Promise<void> {
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
    environment: flags.environment ?? 'development',
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
  const place = placeOptions(flags);
  if (place.choice.kind !== 'process') options.place = place;
  return options;
}

/** Flags that only a Docker Engine has a use for. */
const FOR_COMPOSE = ['registry', 'nodeImage', 'postgresImage', 'signKey', 'requireSignature'] as const;

/** @throws UserError FLAG_NOT_FOR_TARGET */
function placeOptions(flags: Flags): ShipPlaceOptions {
  const choice = placeChoice({ ...flags, environment: flags.environment ?? 'development' });
  const options: ShipPlaceOptions = { choice, monitoring: flags.monitoring };
  for (const key of FOR_COMPOSE) if (flags[key] !== undefined) options[key] = flags[key];
  const stray = FOR_COMPOSE.find((key) => options[key] !== undefined) ?? (flags.monitoring ? 'monitoring' : undefined);
  if (choice.kind !== 'process') return checkComposeOptions(options);
  if (stray === undefined) return options;
  const flag = `--${stray.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new UserError({
    code: 'FLAG_NOT_FOR_TARGET',
    message: `${flag} is for a Docker Engine, and the target is process`,
    fix: `add --target compose, or leave ${flag} out`,
  });
}

/** What can be told to be wrong is told before anything is built. @throws UserError IMAGE_INVALID, REGISTRY_INVALID, NO_SUCH_FILE */
function checkComposeOptions(options: ShipPlaceOptions): ShipPlaceOptions {
  const { registry, nodeImage, postgresImage, signKey, requireSignature } = options;
  if (registry !== undefined) parseNamespace(registry);
  for (const image of [nodeImage, postgresImage]) if (image !== undefined) parseImage(image);
  // An address of a key service is no file.
  if (signKey !== undefined && !signKey.includes('://')) checkFile('--sign-key', signKey);
  if (requireSignature !== undefined) checkFile('--require-signature', requireSignature);
  return options;
}

function checkFile(flag: string, path: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    throw new UserError({
      code: 'NO_SUCH_FILE',
      message: `${flag} ${path} cannot be read: ${messageOf(error)}`,
      fix: `give ${flag} a file that is there, or leave it out`,
      cause: error,
    });
  }
}

function tellEnd({ run, exitCode, report }: ShipOutcome, flags: Flags, { output, interrupts }: CommandContext): void {
  const { json } = flags;
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
    output.err(
      flags.target === 'process' ? 'interrupted; nothing is left running' : 'interrupted; what ran before runs on',
    );
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

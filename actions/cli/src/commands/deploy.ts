import { Option, type Command } from 'commander';
import { UserError } from '@papergate/config';
import {
  deliver,
  manifestOf,
  placeSettings,
  type Manifest,
  type OpenPlace,
  type PlaceRecord,
} from '@papergate/delivery';
import type { CommandContext } from '../context.ts';
import { choice, nonEmpty } from '../values.ts';
import { outcomeText } from '../view/delivery-view.ts';
import { keptMove } from './kept-move.ts';
import { addPlaceFlags, type PlaceFlags } from './place-flags.ts';
import { withPlace } from './with-place.ts';

interface Flags extends PlaceFlags {
  sha?: string;
  manifest?: string;
  registry?: string;
  ports?: 'default' | 'free';
  monitoring: boolean;
  requireSignature?: string;
  json: boolean;
}

export function addDeploy(program: Command, context: CommandContext): void {
  const command = program
    .command('deploy')
    .description('move a place to a release that was built and pushed before; on any failure back to what ran')
    .addOption(
      new Option('--sha <commit>', 'its manifest is fetched from the registry').argParser(nonEmpty('a commit')),
    )
    .addOption(
      new Option('--manifest <file>', 'a manifest’s file, or its reference HOST/NAMESPACE/release:COMMIT').argParser(
        nonEmpty('a file or a reference'),
      ),
    )
    .addOption(
      new Option('--registry <place>', 'HOST/NAMESPACE that holds the release; PAPERGATE_REGISTRY').argParser(
        nonEmpty('HOST/NAMESPACE'),
      ),
    )
    .addOption(
      new Option('--ports <which>', 'of a place that is new: free, or those of the configuration').argParser(
        choice(['default', 'free']),
      ),
    )
    .option('--monitoring', 'compose: Prometheus, Alertmanager, Grafana and Loki beside it', false)
    .addOption(
      new Option(
        '--require-signature <file>',
        'compose: refuse from now on what this public key does not open',
      ).argParser(nonEmpty('a file')),
    );
  addPlaceFlags(command)
    .option('--json', 'one JSON object', false)
    .action((flags: Flags) => runDeploy(flags, context));
}

async function runDeploy(flags: Flags, context: CommandContext): Promise<void> {
  const { sha, manifest, registry } = flags;
  if ((sha === undefined) === (manifest === undefined)) {
    throw new UserError({
      code: 'USAGE',
      message: `deploy needs exactly one of --sha and --manifest, found: ${sha === undefined ? 'none' : 'both'}`,
      fix: 'see papergate deploy --help',
    });
  }
  const { interrupts, repository, home, env } = context;
  const wanted = {
    ...(sha === undefined ? {} : { sha }),
    ...(manifest === undefined ? {} : { manifest }),
    ...(registry === undefined ? {} : { registry }),
  };
  const caller = { repository, home: home(), env, signal: interrupts.stop };
  const next = (record: PlaceRecord): Promise<Manifest> => manifestOf(record, caller, wanted);
  const settings = placeSettings(flags);
  await withPlace(flags, context, (place) => deployTo(place, flags, context), { next, settings });
}

async function deployTo(place: OpenPlace, flags: Flags, context: CommandContext): Promise<void> {
  const { output, interrupts } = context;
  const { next } = place;
  if (next === undefined) throw new Error('there is no manifest to deploy');
  const name = flags.sha === undefined ? `--manifest ${flags.manifest ?? ''}` : `--sha ${flags.sha}`;
  const { outcome, evidence } = await keptMove(place, next, { json: flags.json, context }, async (onEvent) => {
    await place.keepSettings('before');
    return deliver({ ...place.moving(`papergate deploy ${name}`, onEvent, interrupts.stop), next });
  });
  if (outcome.status === 'delivered' || outcome.status === 'unchanged') await place.keepSettings('delivered');
  output.out(flags.json ? JSON.stringify({ ...outcome, evidence }) : `${outcomeText(outcome)}\nevidence: ${evidence}`);
  context.setExitCode(outcome.exitCode);
}

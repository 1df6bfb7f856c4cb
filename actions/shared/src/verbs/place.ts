import { join, resolve } from 'node:path';
import { EXIT, PapergateError, UserError, type EnvSource } from '@papergate/config';
import type { ActionContext } from '../action/context.ts';
import type { ActionLog } from '../action/output/log.ts';
import { homeOf, makeHome, type Home } from '../home/index.ts';
import { checkChoice, openPlace, type OpenOptions, type OpenPlace, type PlaceChoice } from '../ship/place/index.ts';
import { INSTALLED_STAGES } from '../ship/stages/installed.ts';
import type { ShipStages } from '../ship/types.ts';
import { SECRET_VARIABLES, type PlaceInputs, type SecretInputs } from './inputs.ts';
import { sshKeyText, type PrivateFolder } from './private.ts';

/** What every action over the engine has from its job. */
export interface VerbJob {
  context: ActionContext;
  env: EnvSource;
  /** Where state lies. */
  home: string;
  signal: AbortSignal;
  /** Injected by tests. */
  stages?: ShipStages;
}

export const stagesOf = ({ stages }: Pick<VerbJob, 'stages'>): ShipStages => stages ?? INSTALLED_STAGES;

export const openHome = ({ home }: Pick<VerbJob, 'home'>): Home => makeHome(homeOf('', home));

/** The home of a place: processes of production share theirs, its database and its supervisor, with no other environment. */
export const openHomeOf = (
  { home }: Pick<VerbJob, 'home'>,
  { target, environment }: Pick<PlaceInputs, 'target' | 'environment'>,
): Home => openHome({ home: target === 'process' && environment === 'production' ? join(home, 'production') : home });

/** @throws PapergateError RUN_UNDER_ACT: nothing that act says of approvals and environments is GitHub's word */
export function refuseProductionUnderAct(
  { context }: Pick<VerbJob, 'context'>,
  { environment }: Pick<PlaceInputs, 'environment'>,
): void {
  if (environment !== 'production' || !context.act) return;
  throw new PapergateError({
    code: 'RUN_UNDER_ACT',
    exitCode: EXIT.blocked,
    message: 'the workflow runs under act, where nothing is GitHub’s word: production is never touched from there',
    fix: 'run the workflow on GitHub',
  });
}

/** Says it where the record of what runs would go with the job: what comes next could not be undone to anything. */
export function warnOfPassing(
  { home, context, log }: Pick<VerbJob, 'home' | 'context'> & { log: Pick<ActionLog, 'warning'> },
  { target, host }: Pick<PlaceInputs, 'target' | 'host'>,
): void {
  if (target !== 'compose' || host !== undefined || !resolve(home).startsWith(resolve(context.tempDir))) return;
  log.warning(
    `the record of this place lies in ${home}, which the runner empties after the job; set home, or PAPERGATE_HOME, to a folder that stays`,
  );
}

/**
 * The place that the inputs mean; the key of its host goes into a folder that only we can read.
 * @throws UserError INPUT_INVALID, SSH_KEY_INVALID, PROJECT_INVALID, HOST_ADDRESS_INVALID
 */
export function placeOf(inputs: PlaceInputs, folder: PrivateFolder): PlaceChoice {
  const { target, environment, project, host, 'ssh-key': key, 'known-hosts': knownHosts } = inputs;
  demandFits(inputs);
  return inInputs(() =>
    checkChoice({
      kind: target,
      environment,
      ...(project === undefined ? {} : { project }),
      ...(host === undefined ? {} : { host }),
      ...(key === undefined ? {} : { identity: folder.write('ssh-key', sshKeyText(key)) }),
      ...(knownHosts === undefined ? {} : { knownHosts: folder.write('known_hosts', `${knownHosts}\n`) }),
    }),
  );
}

function demandFits(inputs: PlaceInputs): void {
  for (const name of ['ssh-key', 'known-hosts'] as const) {
    if (inputs[name] === undefined || inputs.host !== undefined) continue;
    throw stray(name, 'a machine behind SSH, and there is no input host', 'add host: ssh://user@host');
  }
  for (const name of ['project', 'host'] as const) {
    if (inputs[name] === undefined || inputs.target !== 'process') continue;
    throw stray(name, 'a Docker Engine, and the target is process', 'set target: compose');
  }
}

export const stray = (name: string, forWhat: string, instead: string): UserError =>
  new UserError({
    code: 'INPUT_INVALID',
    message: `input ${name} is for ${forWhat}`,
    fix: `${instead}, or leave ${name} out`,
  });

/** The engine speaks of the command's flags; who has set inputs is told of those. */
const FLAGS = /--(project|host|known-hosts|registry|manifest|require-signature|node-image|postgres-image)\b/g;
const OF_FLAGS = new Set([
  'PROJECT_INVALID',
  'HOST_ADDRESS_INVALID',
  'REGISTRY_INVALID',
  'REGISTRY_UNKNOWN',
  'IMAGE_INVALID',
  'MANIFEST_UNREADABLE',
  'MANIFEST_INVALID',
  'NO_SUCH_FILE',
]);

/** Runs what checks inputs, and tells its refusals in the words of inputs. */
export function inInputs<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw inputWords(error);
  }
}

export function inputWords(error: unknown): unknown {
  if (!(error instanceof UserError) || !OF_FLAGS.has(error.code)) return error;
  const { code, message, fix, cause } = error;
  const told = (text: string): string => text.replace(FLAGS, 'input $1');
  return new UserError({ code, message: told(message), ...(fix === undefined ? {} : { fix: told(fix) }), cause });
}

/** The job's environment with the secrets that were given as inputs, under the names that the engine knows them by. */
export function withSecrets(env: EnvSource, inputs: SecretInputs): EnvSource {
  const all: Record<string, string | undefined> = { ...env };
  for (const [name, variable] of Object.entries(SECRET_VARIABLES) as [keyof typeof SECRET_VARIABLES, string][]) {
    const given = inputs[name];
    if (given === undefined) continue;
    // Said twice would be a mistake anywhere else; here the input is the nearer one.
    delete all[`${variable}_FILE`];
    all[variable] = given.reveal().trim();
  }
  return all;
}

/** Opens the place for one act, and lets go of it however that ends. */
export async function withOpenPlace<T>(
  options: Omit<OpenOptions, 'stages'> & Pick<VerbJob, 'stages'>,
  act: (place: OpenPlace) => Promise<T>,
): Promise<T> {
  const { stages, ...rest } = options;
  const open = await openPlace({ ...rest, stages: stagesOf({ ...(stages && { stages }) }) }).catch((error: unknown) => {
    throw inputWords(error);
  });
  try {
    return await act(open);
  } finally {
    await open.close();
  }
}

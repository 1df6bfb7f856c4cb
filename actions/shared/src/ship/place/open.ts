import { join, posix } from 'node:path';
import {
  readAccessTokens,
  readSecret,
  UserError,
  type EnvSource,
  type GateEvidence,
  type Secret,
} from '@papergate/config';
import { databaseHooks, type CheckpointStore } from '../../database/index.ts';
import { actorOf } from '../../deliver/actor.ts';
import type { DeliverEvent } from '../../deliver/events.ts';
import type { DeliverOptions, PlaceOptions } from '../../deliver/options.ts';
import { pathsOf } from '../../deliver/place.ts';
import type { DeliveryTarget, Place } from '../../deliver/types.ts';
import type { Home } from '../../home/index.ts';
import { localHost, sshHost, type Host } from '../../host/index.ts';
import { verifySignatures } from '../../registry/index.ts';
import type { Manifest } from '../../release/index.ts';
import { askStatus } from '../../supervisor/client.ts';
import { SECRET_NAMES, type SecretName } from '../../supervisor/plan.ts';
import { processTarget } from '../../targets/process/index.ts';
import { newRunId } from '../run-store.ts';
import type { ShipStages } from '../types.ts';
import { PROCESS_PROJECT, projectOf, type PlaceChoice } from './choice.ts';
import { openCompose } from './compose.ts';
import { migrationsCheck } from './migrations.ts';
import { readSettings, writeSettings, type PlaceSettings } from './settings.ts';

export interface OpenOptions {
  choice: PlaceChoice;
  /** The checkout that holds the commits. */
  repository: string;
  home: Home;
  /** The caller's environment, raw. */
  env: EnvSource;
  stages: Pick<ShipStages, 'runSmoke'>;
  signal: AbortSignal;
  /** What this call wants of the place; the rest is as the place was made. */
  settings?: Partial<Pick<PlaceSettings, 'ports' | 'monitoring' | 'registry' | 'signed_with'>>;
  /** Named in what this call lays out. */
  runId?: string;
  /** The release that this call is about, where it knows one: its configuration says what secrets and ports the place needs. */
  next?: (record: PlaceRecord) => Promise<Manifest>;
  /** Production: what its gate left for {@link next}. A release that was there before has its own with it. */
  gate?: GateEvidence;
}

/** What is known of a place before its target is opened. */
export interface PlaceRecord {
  place: Place;
  settings: PlaceSettings;
}

/** What the engine is told beside what shall be done. */
export type Moving = Omit<DeliverOptions, 'next'>;

/** A place with all that a command needs to act on it. */
export interface OpenPlace {
  place: Place;
  target: DeliveryTarget;
  settings: PlaceSettings;
  store: CheckpointStore;
  options: OpenOptions;
  /** What {@link OpenOptions.next} named. */
  next: Manifest | undefined;
  /** What a command needs to mean this place: `--target compose …`; empty for the staging of processes. */
  flags: string;
  /** Options of every call of the engine. */
  acting(command: string, onEvent: (event: DeliverEvent) => void, signal: AbortSignal): PlaceOptions;
  /** Options of a call that moves the place to a release. */
  moving(command: string, onEvent: (event: DeliverEvent) => void, signal: AbortSignal): Moving;
  /**
   * Writes down what later commands have to know of this place. Of a new one before anything is done, so that a
   * deployer that is killed leaves a place that can be told; of a known one once it runs as it was asked for.
   */
  keepSettings(when: 'before' | 'delivered'): Promise<void>;
  close(): Promise<void>;
}

/**
 * Finds the place that was meant. Nothing is changed, and a place that nothing was delivered to yet is no error.
 * @throws those of the host (HOST_UNREACHABLE, …), PLACE_UNREADABLE and OTHER_ENVIRONMENT
 */
export async function openPlace(options: OpenOptions): Promise<OpenPlace> {
  const { choice } = options;
  const host = hostOf(options);
  try {
    const project = projectOf(choice);
    const dir = await folderOf(host, options, project);
    const kept = await readSettings({ dir, host });
    demandSameWorld(choice, kept);
    const environment = choice.environment ?? kept?.environment ?? (await runningEnvironment(options)) ?? 'development';
    const settings: PlaceSettings = {
      schema: 1,
      ports: 'default',
      monitoring: false,
      ...kept,
      ...options.settings,
      kind: choice.kind,
      environment,
      project,
    };
    const place: Place = { kind: choice.kind, environment, project, host, dir };
    const next = await options.next?.({ place, settings });
    const target =
      choice.kind === 'process'
        ? processOf(place, settings, options)
        : await openCompose({ ...options, place, settings, next });
    return opened({ place, target, settings, next }, options);
  } catch (error) {
    await host.close();
    throw error;
  }
}

function hostOf({ choice, env }: OpenOptions): Host {
  if (choice.host === undefined) return localHost({ env });
  return sshHost({ url: choice.host, identity: choice.identity, knownHosts: choice.knownHosts, env });
}

async function folderOf(host: Host, { choice, home }: OpenOptions, project: string): Promise<string> {
  if (choice.host === undefined) return join(home.dir, 'places', project);
  return posix.join(await host.home(), '.papergate', 'places', project);
}

async function runningEnvironment({ choice, home }: OpenOptions): Promise<PlaceSettings['environment'] | undefined> {
  if (choice.kind !== 'process') return undefined;
  const environment = (await askStatus(home))?.environment;
  return environment === 'development' || environment === 'staging' || environment === 'production'
    ? environment
    : undefined;
}

/** What holds live keys is never made a staging of, nor the other way round: not by a name that was given twice. */
function demandSameWorld(choice: PlaceChoice, kept: PlaceSettings | undefined): void {
  if (kept === undefined || choice.environment === undefined || choice.environment === kept.environment) return;
  if (choice.environment !== 'production' && kept.environment !== 'production') return;
  throw new UserError({
    code: 'OTHER_ENVIRONMENT',
    message: `the place ${kept.project} is of the environment ${kept.environment}, and ${choice.environment} was asked for`,
    fix: 'give each environment a project and a home of its own',
  });
}

function processOf(place: Place, settings: PlaceSettings, options: OpenOptions): DeliveryTarget {
  const { home, repository, env, stages, runId = newRunId(new Date()) } = options;
  return processTarget({
    place,
    home,
    repository,
    env,
    secrets: givenSecrets(place, env),
    ports: settings.ports,
    runId,
    gate: options.gate,
    runSmoke: (call) => stages.runSmoke(call),
  });
}

/** Those that the caller brings, an ill-made list of tokens refused here and not by a service. In development a staging keeps the keys that were made for it. */
function givenSecrets({ environment }: Place, env: EnvSource): Map<SecretName, Secret> {
  readAccessTokens(env);
  const keys: readonly SecretName[] = ['ALPACA_API_KEY', 'ALPACA_SECRET_KEY'];
  const names = SECRET_NAMES.filter((name) => environment !== 'development' || !keys.includes(name));
  return new Map(
    names.flatMap((name) => {
      const found = readSecret(env, name);
      return found === undefined ? [] : [[name, found] as const];
    }),
  );
}

function opened(
  { place, target, settings, next }: Pick<OpenPlace, 'place' | 'target' | 'settings' | 'next'>,
  options: OpenOptions,
): OpenPlace {
  const { env, choice, repository, home } = options;
  const store: CheckpointStore = { files: place.host.files, dir: pathsOf(place).checkpoints };
  const hooks = databaseHooks(store);
  const flags = flagsOf(choice, settings);
  const acting: OpenPlace['acting'] = (command, onEvent, signal) => ({
    target,
    actor: actorOf(env),
    command,
    flags,
    restore: hooks.restore,
    onEvent,
    signal,
  });
  const { signed_with: publicKey } = settings;
  return {
    place,
    target,
    settings,
    store,
    options,
    next,
    flags,
    acting,
    moving: (command, onEvent, signal) => ({
      ...acting(command, onEvent, signal),
      checkpoint: hooks.checkpoint,
      checkMigrations: migrationsCheck({ repository, home, target, signal }),
      ...(publicKey === undefined
        ? {}
        : {
            requireSignature: (manifest) =>
              verifySignatures({ manifest, policy: { required: true, publicKey }, env, signal }),
          }),
    }),
    keepSettings: async (when) => {
      if (when === 'delivered' || (await readSettings(place)) === undefined) await writeSettings(place, settings);
    },
    close: async () => {
      await target.close();
      await place.host.close();
    },
  };
}

/** What a command needs to mean the same place, for advice to people. */
function flagsOf(choice: PlaceChoice, { environment, project }: PlaceSettings): string {
  if (project === PROCESS_PROJECT) return '';
  const flags = ['--target compose'];
  flags.push(project === `papergate-${environment}` ? `--environment ${environment}` : `--project ${project}`);
  if (choice.host !== undefined) flags.push(`--host ${choice.host}`);
  if (choice.identity !== undefined) flags.push(`--identity ${choice.identity}`);
  if (choice.knownHosts !== undefined) flags.push(`--known-hosts ${choice.knownHosts}`);
  return flags.join(' ');
}

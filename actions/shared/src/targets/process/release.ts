import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { loadSystemConfig, UserError, type EnvSource, type GateEvidence, type SystemConfig } from '@papergate/config';
import { renderConfig, samePorts } from '../../deploy/config.ts';
import { digestsOf, exchangeState, planDeploy, settingsOf } from '../../deploy/plan.ts';
import { writeAtomic, type Home } from '../../home/index.ts';
import { makeRelease, programsOf, type Manifest, type Release } from '../../release/index.ts';
import type { DeployPlan } from '../../supervisor/plan.ts';
import type { StagingStatus } from '../../supervisor/status.ts';
import type { Place } from '../../deliver/types.ts';
import { layBusKeys } from '../../bus-keys/index.ts';
import { pathsOf } from '../../deliver/place.ts';
import { GATE_FILE, layGate } from '../gate.ts';

/** Folder of a release's record at a place. */
export const releaseFolder = (place: Pick<Place, 'dir'>, digest: string): string =>
  join(place.dir, 'releases', digest.replace('sha256:', '').slice(0, 12));

/** Where the evidence of a release's gate lies. */
export const gatePath = (place: Pick<Place, 'dir'>, digest: string): string =>
  join(releaseFolder(place, digest), GATE_FILE);

/** The tree of a manifest's commit, exactly as the manifest has it. @throws UserError RELEASE_CHANGED */
export async function treeOf(
  repository: string,
  home: Home,
  manifest: Manifest,
  signal?: AbortSignal,
): Promise<Release> {
  const release = await makeRelease(repository, home.releases, manifest.commit, signal);
  if (release.manifest.digest === manifest.digest) return release;
  throw new UserError({
    code: 'RELEASE_CHANGED',
    message: `commit ${manifest.commit} gives the manifest ${release.manifest.digest} here, and ${manifest.digest} is wanted`,
    fix: 'deliver the commit itself: npx papergate deploy --sha <commit>',
  });
}

export interface LayOut {
  place: Place;
  home: Home;
  release: Release;
  /** The staging that is up. */
  status: StagingStatus;
  runId: string;
  env: EnvSource;
  externalDatabase: boolean;
  gate: GateEvidence | undefined;
}

/** Writes what starting a release's services in a staging takes: manifest, configuration on the staging's ports, plan. */
export async function layOut(options: LayOut): Promise<DeployPlan> {
  const { place, home, release, status, runId, env, externalDatabase, gate } = options;
  const { environment } = place;
  const gateFile = gatePath(place, release.manifest.digest);
  const folder = releaseFolder(place, release.manifest.digest);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const configDir = join(folder, 'config');
  const from = join(release.dir, 'config');
  const { system } = await renderConfig({ from, into: configDir, environment, ports: portsFor(status, place) });
  // In development the sockets of the bus are plain.
  const busKeys = environment === 'development' ? undefined : pathsOf(place).secrets;
  if (busKeys !== undefined) await layBusKeys({ host: place.host, folder: busKeys });
  const plan = planDeploy({
    runId,
    home: home.dir,
    release: release.dir,
    commit: release.manifest.commit,
    manifestDigest: release.manifest.digest,
    environment,
    configDir,
    system,
    externalDatabase,
    busKeys,
    settings: { ...settingsOf(env), ...(environment === 'production' ? { GATE_EVIDENCE_FILE: gateFile } : {}) },
    digests: digestsOf(release.manifest),
    programs: programsOf(release),
  });
  const own = { ...plan, services: plan.services.map((service) => keepExchange(service, home, place, status)) };
  await layGate({ place, path: gateFile, manifest: release.manifest, given: gate });
  writeRecord(place, release.manifest, own);
  return own;
}

// The account at the simulator belongs to the staging, whichever run began it.
function keepExchange(
  service: DeployPlan['services'][number],
  home: Home,
  { environment }: Place,
  { home_run_id: runId }: StagingStatus,
): DeployPlan['services'][number] {
  if (service.env?.['EXCHANGE_STATE_DIR'] === undefined) return service;
  return {
    ...service,
    env: { ...service.env, EXCHANGE_STATE_DIR: exchangeState({ home: home.dir, environment, runId }) },
  };
}

/** A staging that was moved off the ports of its own configuration keeps those that it has. */
function portsFor(status: StagingStatus, { environment }: Place): 'default' | SystemConfig {
  const running = loadSystemConfig(status.config_dir, environment);
  const own = loadSystemConfig(join(status.release_dir, 'config'), environment);
  return samePorts(running, own) ? 'default' : running;
}

export function writeRecord(place: Pick<Place, 'dir'>, manifest: Manifest, plan: DeployPlan): void {
  const folder = releaseFolder(place, manifest.digest);
  writeAtomic(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  writeAtomic(join(folder, 'plan.json'), `${JSON.stringify(plan, null, 2)}\n`);
}

/** @throws UserError NOT_PREPARED */
export function readPlan(place: Pick<Place, 'dir'>, digest: string): DeployPlan {
  const path = join(releaseFolder(place, digest), 'plan.json');
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as DeployPlan;
  throw new UserError({
    code: 'NOT_PREPARED',
    message: `the release ${digest} was never laid out here (${path} is not there)`,
    fix: 'deliver its commit: npx papergate deploy --sha <commit>',
  });
}

export function removeRecord(place: Pick<Place, 'dir'>, name: string): void {
  rmSync(join(place.dir, 'releases', name), { recursive: true, force: true });
}

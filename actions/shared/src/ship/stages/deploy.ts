import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { SystemConfig } from '@papergate/config';
import { checkPorts } from '../../deploy/ports.ts';
import { renderConfig } from '../../deploy/config.ts';
import { digestsOf, planDeploy, pruneExchanges, settingsOf } from '../../deploy/plan.ts';
import { layBusKeys } from '../../bus-keys/index.ts';
import { pathsOf } from '../../deliver/place.ts';
import { localHost } from '../../host/index.ts';
import { PROCESS_PROJECT } from '../place/choice.ts';
import type { Check, StageResult } from '../../evidence/index.ts';
import type { Lease } from '../../lease/index.ts';
import { programsOf, type Release } from '../../release/index.ts';
import { startSupervisor, type SupervisorHandle } from '../../supervisor/client.ts';
import type { StagingStatus } from '../../supervisor/status.ts';
import type { RunCredentials } from './validate.ts';
import type { RunStore } from '../run-store.ts';
import type { ShipOptions } from '../types.ts';

export interface Deployed {
  supervisor: SupervisorHandle;
  system: SystemConfig;
}

/** Renders the configuration, looks at the ports and starts the supervisor; does not wait for it. */
export async function startDeploy(options: {
  ship: ShipOptions;
  runId: string;
  release: Release;
  credentials: RunCredentials;
  lease: Lease;
  store: RunStore;
  onProgress: (message: string) => void;
}): Promise<Deployed> {
  const { ship, runId, release, credentials, lease, store, onProgress } = options;
  const { environment, home, env } = ship;
  mkdirSync(store.configDir, { recursive: true });
  const from = `${release.dir}/config`;
  const { dir: configDir, system } = await renderConfig({
    from,
    into: store.configDir,
    environment,
    ports: ship.ports,
  });
  const externalDatabase = credentials.secrets.has('DATABASE_URL');
  await checkPorts(system, !externalDatabase);

  const busKeys = environment === 'development' ? undefined : await keysOf(ship);
  const settings = settingsOf(env);
  const plan = planDeploy({
    runId,
    home: home.dir,
    release: release.dir,
    commit: release.manifest.commit,
    manifestDigest: release.manifest.digest,
    environment,
    configDir,
    system,
    leaseGeneration: lease.generation,
    externalDatabase,
    busKeys,
    settings,
    digests: digestsOf(release.manifest),
    programs: programsOf(release),
  });
  pruneExchanges(plan);
  lease.handOver();
  const supervisor = startSupervisor({
    plan,
    planPath: store.planPath,
    home,
    secrets: credentials.secrets,
    env,
    onEvent: ({ service, message }) => onProgress(service === undefined ? message : `${service}: ${message}`),
  });
  return { supervisor, system };
}

/** The same keys that a delivery to the staging of this home has. */
async function keysOf({ home, env }: Pick<ShipOptions, 'home' | 'env'>): Promise<string> {
  const { secrets } = pathsOf({ dir: join(home.dir, 'places', PROCESS_PROJECT) });
  const host = localHost({ env });
  try {
    await layBusKeys({ host, folder: secrets });
  } finally {
    await host.close();
  }
  return secrets;
}

/** What the deploy has proven: each service ready, from this release, and what `more` checks say. */
export function deployResult(status: StagingStatus, more: Check[]): StageResult {
  const checks: Check[] = status.services.map(({ name, state, restarts }) => ({
    name: `${name} is ready`,
    status: state === 'ready' ? 'passed' : 'failed',
    observed: state,
    ...(restarts === 0 ? {} : { detail: `restarted ${restarts} times` }),
  }));
  checks.unshift({
    name: `database (${status.database.kind})`,
    status: 'passed',
    observed: status.database.version ?? 'none',
  });
  checks.push(...more);
  return {
    status: checks.every((check) => check.status === 'passed') ? 'passed' : 'failed',
    checks,
    data: { database: status.database, services: status.services.map(({ name, url }) => ({ name, url })) },
  };
}

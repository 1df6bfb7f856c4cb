import { join } from 'node:path';
import { mkdirSync } from 'node:fs';
import { demoPaperCredentials, type Secret } from '@papergate/config';
import { renderConfig } from '../../deploy/config.ts';
import { planDeploy, pruneExchanges, settingsOf } from '../../deploy/plan.ts';
import { checkPorts } from '../../deploy/ports.ts';
import type { OnProgress } from '../../evidence/index.ts';
import { acquireLease } from '../../lease/index.ts';
import type { Release } from '../../release/index.ts';
import { startSupervisor } from '../../supervisor/client.ts';
import type { SecretName } from '../../supervisor/plan.ts';
import { endOrphans } from '../../supervisor/processes.ts';
import type { ProcessTargetOptions } from './target.ts';

/** Starts a supervisor with its database and without services, which goes on without us. */
export async function beginStaging(
  options: ProcessTargetOptions & { release: Release; onProgress: OnProgress },
): Promise<void> {
  const { place, home, release, runId, env, ports, onProgress } = options;
  const { environment } = place;
  const lease = await acquireLease({
    dir: home.lease,
    command: `papergate staging of ${release.manifest.commit.slice(0, 12)}`,
  });
  try {
    await endOrphans(home.supervisor);
    const folder = join(home.runs, runId);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const from = join(release.dir, 'config');
    const { dir: configDir, system } = await renderConfig({ from, into: join(folder, 'config'), environment, ports });
    const secrets = withDemoKeys(options.secrets, environment);
    const externalDatabase = secrets.has('DATABASE_URL');
    await checkPorts(system, !externalDatabase);
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
      settings: settingsOf(env),
    });
    pruneExchanges(plan);
    const { migrate: _later, ...rest } = plan;
    lease.handOver();
    const supervisor = startSupervisor({
      plan: { ...rest, services: [] },
      planPath: join(folder, 'plan.json'),
      home,
      secrets,
      env,
      onEvent: ({ message }) => onProgress({ message }),
    });
    await supervisor.up;
    supervisor.detach();
  } finally {
    await lease.release();
  }
}

function withDemoKeys(given: ReadonlyMap<SecretName, Secret>, environment: string): ReadonlyMap<SecretName, Secret> {
  if (environment !== 'development') return given;
  const demo = demoPaperCredentials();
  return new Map(given).set('ALPACA_API_KEY', demo.key).set('ALPACA_SECRET_KEY', demo.secret);
}

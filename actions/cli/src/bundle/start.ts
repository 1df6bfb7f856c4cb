import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  demoPaperCredentials,
  loadSystemConfig,
  SERVICE_NAMES,
  type Secret,
  type ServiceName,
  type SystemConfig,
} from '@papergate/config';
import {
  bundlePrograms,
  homeOf,
  makeHome,
  planDeploy,
  removePrograms,
  renderConfig,
  startSupervisor,
  urlsOf,
  type StagingStatus,
} from '@papergate/delivery';

export interface StartedBundle {
  urls: Record<ServiceName, string>;
  system: SystemConfig;
  status: StagingStatus;
  /** With which the exchange lets its clients in. */
  credentials: { key: Secret; secret: Secret };
  stop(): Promise<void>;
}

/**
 * The whole bundle from a working tree, without the stages around it: real services, real PostgreSQL, free
 * ports, a state folder of its own. For benchmarks and tests that want another market than the default one.
 *
 * @param options.root the checkout whose sources run
 * @param options.home the state folder; it must be the caller's own
 * @param options.configure changes the rendered development configuration before the services read it
 */
export async function startBundle(options: {
  root: string;
  home: string;
  configure?: (system: SystemConfig) => void;
  onEvent?: (message: string) => void;
}): Promise<StartedBundle> {
  const home = makeHome(homeOf(options.root, options.home));
  const runId = 'bundle';
  const configDir = join(home.runs, runId, 'config');
  await renderConfig({
    from: join(options.root, 'config'),
    into: configDir,
    environment: 'development',
    ports: 'free',
  });
  const file = join(configDir, 'system.development.json');
  const edited = JSON.parse(readFileSync(file, 'utf8')) as SystemConfig;
  options.configure?.(edited);
  writeFileSync(file, JSON.stringify(edited, null, 2));
  const system = loadSystemConfig(configDir, 'development');

  // As a delivered release runs.
  const { programs } = await bundlePrograms(options.root, SERVICE_NAMES, randomBytes(6).toString('hex'));
  const demo = demoPaperCredentials();
  const supervisor = startSupervisor({
    plan: planDeploy({
      runId,
      home: home.dir,
      release: options.root,
      commit: '0'.repeat(40),
      manifestDigest: `sha256:${'0'.repeat(64)}`,
      environment: 'development',
      configDir,
      system,
      externalDatabase: false,
      programs,
      settings: { LOG_LEVEL: 'warn' },
    }),
    planPath: join(home.runs, runId, 'plan.json'),
    home,
    secrets: new Map<'ALPACA_API_KEY' | 'ALPACA_SECRET_KEY', Secret>([
      ['ALPACA_API_KEY', demo.key],
      ['ALPACA_SECRET_KEY', demo.secret],
    ]),
    env: process.env,
    onEvent: (event) => options.onEvent?.(event.message),
  });
  void supervisor.ended.then(() => removePrograms(options.root, programs));
  const status = await supervisor.up;
  return {
    urls: urlsOf(system),
    system,
    status,
    credentials: demo,
    async stop() {
      supervisor.stop('done');
      await supervisor.ended;
    },
  };
}

import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { busKeyFiles, loadSystemConfig, Secret, type Environment, type SystemConfig } from '@papergate/config';
import { localHost } from '../../host/index.ts';
import { run, type RunResult } from '../../process/run.ts';
import type { Manifest } from '../../release/manifest.ts';
import { renderContainerConfig } from '../container-config.ts';
import { chooseFreePorts, environmentOf, type EnvironmentOptions, type PublishedPorts } from '../environment.ts';
import { infrastructureFiles, monitoringDigest } from '../infrastructure-files.ts';
import { composeFiles } from '../names.ts';
import type { RenderOptions } from '../render.ts';
import { busKeyName } from '../../bus-keys/index.ts';
import { READERS, resolveSecrets, SECRETS } from '../secrets.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..', '..', '..');
export const COMPOSE_DIR = join(ROOT, 'compose');
export const CONFIG_DIR = join(ROOT, 'config');

export interface TestBundle {
  project: string;
  dir: string;
  system: SystemConfig;
  ports: PublishedPorts;
  secrets: ReadonlyMap<string, Secret>;
  variables: Readonly<Record<string, string>>;
  render: RenderOptions;
  /** `docker compose` over all files of the environment: the whole bundle as one project. */
  compose(...args: string[]): Promise<RunResult>;
  docker(...args: string[]): Promise<RunResult>;
  /** Takes down whatever of it there is, with its volumes, and removes its files. */
  close(): Promise<void>;
}

/** Everything of a place that Compose reads, in a folder of its own: configuration, secrets, files of the infrastructure. */
export async function layBundle(options: {
  manifest: Manifest;
  environment: Environment;
  /** Docker's programs and settings. */
  env: Readonly<Record<string, string | undefined>>;
  monitoring?: NonNullable<EnvironmentOptions['monitoring']>['images'];
  change?: (system: SystemConfig) => void;
}): Promise<TestBundle> {
  const { manifest, environment } = options;
  const dir = mkdtempSync(join(tmpdir(), 'papergate-bundle-'));
  const project = `papergate-test-${randomBytes(4).toString('hex')}`;
  const system = loadSystemConfig(CONFIG_DIR, environment);
  const ports = await chooseFreePorts(environment, system);
  const monitoring = options.monitoring !== undefined;
  const rendered = renderContainerConfig({ from: CONFIG_DIR, environment });
  lay(join(dir, 'config'), rendered.files);
  const files = infrastructureFiles({
    composeDir: COMPOSE_DIR,
    configDir: CONFIG_DIR,
    environment,
    system: rendered.system,
    monitoring,
  });
  lay(join(dir, 'infrastructure'), files);
  const given = { API_TOKEN: randomBytes(16).toString('hex'), ...(environment === 'development' ? {} : paperKeys()) };
  const secrets = resolveSecrets({ environment, env: given, existing: new Map(), system, monitoring });
  laySecrets(join(dir, 'secrets'), new Map([...secrets, ...busKeys()]));
  const variables = environmentOf({
    manifest,
    environment,
    system,
    project,
    ports,
    secretsDir: join(dir, 'secrets'),
    configDir: join(dir, 'config'),
    infrastructureDir: join(dir, 'infrastructure'),
    ...(options.monitoring === undefined
      ? {}
      : { monitoring: { images: options.monitoring, configDigest: monitoringDigest(files) } }),
  });
  const env = { ...options.env, ...variables };
  const flags = composeFiles(environment, { monitoring }).flatMap((name) => ['-f', join(COMPOSE_DIR, name)]);
  const host = localHost({ env: options.env });
  const docker = (...args: string[]): Promise<RunResult> => run('docker', args, { env });
  const compose = (...args: string[]): Promise<RunResult> =>
    docker('compose', '--env-file', '/dev/null', ...flags, ...args);
  return {
    project,
    dir,
    system,
    ports,
    secrets,
    variables,
    render: { host, composeDir: COMPOSE_DIR, environment, monitoring, variables },
    compose,
    docker,
    async close() {
      try {
        await compose('--profile', 'smoke', 'down', '--volumes', '--remove-orphans', '--timeout', '5');
      } finally {
        await host.close();
        rmSync(dir, { recursive: true, force: true });
      }
    },
  };
}

function lay(dir: string, files: ReadonlyMap<string, string>): void {
  for (const [path, text] of files) {
    const file = join(dir, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { mode: 0o644 });
  }
  // Whatever this process's umask is: containers read it as users of their own.
  chmodSync(dir, 0o755);
  chmodSync(dirname(dir), 0o755);
}

/** As a place keeps them: each readable by the one user of its containers, where that can be had, and the folder closed. */
function laySecrets(dir: string, secrets: ReadonlyMap<string, Secret>): void {
  mkdirSync(dir, { mode: 0o700 });
  const root = process.getuid?.() === 0;
  for (const [name, secret] of secrets) {
    const file = join(dir, name);
    writeFileSync(file, secret.reveal(), { mode: root ? 0o400 : 0o444 });
    const reader = SECRETS.find((spec) => spec.name === name)?.reader ?? READERS.service;
    if (root) chownSync(file, reader, reader);
  }
}

function busKeys(): [name: string, text: Secret][] {
  const files = busKeyFiles(new Secret(randomBytes(32).toString('base64url')));
  return [...files].map(([service, text]) => [busKeyName(service), text]);
}

/** Valid in form, made at run time, of nobody. */
function paperKeys(): Record<string, string> {
  const draw = (length: number): string =>
    Array.from(randomBytes(length), (byte) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[byte % 32]).join('');
  return { ALPACA_API_KEY: `PK${draw(18)}`, ALPACA_SECRET_KEY: `${draw(20)}${draw(20).toLowerCase()}` };
}

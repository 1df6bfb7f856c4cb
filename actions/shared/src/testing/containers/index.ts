import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OnProgress } from '../../evidence/index.ts';
import { Guard } from '../../guard/index.ts';
import { toolCache } from '../../tools/cache.ts';
import { debianTools } from './debian.ts';
import { runningEngine, startEngine } from './engine.ts';
import type { Environment } from './lacking.ts';
import { engineVersion, makeDockerConfig, wrongWithPrograms, type ContainerEnvironment } from './programs.ts';
import { startRegistry } from './registry.ts';
import { takeSlot } from './slot.ts';

export type { ContainerEnvironment } from './programs.ts';

export interface Containers {
  /** For Docker's programs, `docker-registry` and `cosign`; the rest of the environment is the caller's. */
  env: ContainerEnvironment;
  /** `127.0.0.1:PORT`: plain http, open to all, empty but for what earlier runs pushed. */
  registry: string;
  /** Version of the engine, and whether it was there already. */
  engine: { version: string; started: boolean };
  stop(): Promise<void>;
}

export interface EnsureOptions {
  env: Environment;
  /** Where packages, the engine's data and the registry's stay between runs; default: beside the tool cache. */
  cacheDir?: string;
  onProgress?: OnProgress;
  signal?: AbortSignal | undefined;
}

/** Of the user's cache: Debian's packages, and one slot for each test run at a time. */
export const containersCache = (env: Environment): string => join(toolCache(env), '..', 'containers');

/**
 * A Docker Engine with Compose, buildx, a registry and cosign: those that are there, else Debian's, started for the
 * caller and ended with it, however it ends.
 * @throws ExternalError CONTAINERS_MISSING: what is lacking here, in one line
 */
export async function ensureContainers(options: EnsureOptions): Promise<Containers> {
  const { env, cacheDir = containersCache(env), onProgress = () => undefined, signal } = options;
  const host = await runningEngine(env);
  const slot = await takeSlot(cacheDir);
  // Sockets need a short path, and settings must not outlast the run.
  const runDir = await mkdtemp(join(tmpdir(), 'papergate-engine-'));
  const guard = new Guard({ patienceMs: 20_000 });
  const undo: (() => Promise<void>)[] = [
    slot.release,
    () => rm(runDir, { recursive: true, force: true }),
    () => guard.close(),
  ];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    const dockerConfig = join(runDir, 'config');
    const programs = await providePrograms({ env, dockerConfig, cacheDir, onProgress, signal });
    signal?.throwIfAborted();
    let engineHost = host;
    if (engineHost === undefined) {
      onProgress({ message: 'starting a Docker Engine' });
      const engine = await startEngine({ dir: slot.dir, runDir, env: programs, guard });
      undo.push(() => engine.daemon.stop());
      engineHost = engine.host;
    }
    const registry = await startRegistry({ dir: slot.dir, runDir, env: programs, guard });
    undo.push(() => registry.daemon.stop());
    const ready = { PATH: programs.PATH, DOCKER_HOST: engineHost, DOCKER_CONFIG: dockerConfig };
    const answer = await engineVersion({ ...env, ...ready });
    return {
      env: ready,
      registry: registry.address,
      engine: { version: 'version' in answer ? answer.version : 'unknown', started: host === undefined },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function providePrograms(options: {
  env: Environment;
  dockerConfig: string;
  cacheDir: string;
  onProgress: OnProgress;
  signal: AbortSignal | undefined;
}): Promise<Environment & { PATH: string }> {
  const { env, dockerConfig } = options;
  // Where iptables and other programs of the system are, whoever's path this is.
  const path = `${env['PATH'] ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`;
  await makeDockerConfig(dockerConfig, env, []);
  const own = { ...env, PATH: path, DOCKER_CONFIG: dockerConfig };
  const wrong = await wrongWithPrograms(own);
  if (wrong === undefined) return own;
  options.onProgress({ message: `${wrong}; taking Debian 13's packages` });
  const { root } = await debianTools(options);
  await makeDockerConfig(dockerConfig, {}, [join(root, 'usr/libexec/docker/cli-plugins')]);
  return { ...own, PATH: `${join(root, 'usr/bin')}:${join(root, 'usr/sbin')}:${path}` };
}

/** What the container tests' set-up leaves for the tests: see `actions/cli/jest/containers.mjs`. */
export const CONTAINERS_VARIABLE = 'PAPERGATE_TEST_CONTAINERS';

/**
 * Engine and registry of this test run.
 * @throws Error outside `npm run test:containers`
 */
export function containers(): Pick<Containers, 'env' | 'registry'> {
  const text = process.env[CONTAINERS_VARIABLE];
  if (text === undefined)
    throw new Error('this test needs a Docker Engine: run it with npm run test:containers -- PATH');
  return JSON.parse(text) as Pick<Containers, 'env' | 'registry'>;
}

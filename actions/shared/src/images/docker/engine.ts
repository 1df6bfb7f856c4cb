import { ExternalError } from '@papergate/config';
import { docker, runDocker, type DockerEnv } from './run.ts';

export interface EngineInfo {
  /** Of the engine: `26.1.5`. */
  engine: string;
  /** Of the command line. */
  client: string;
  /** Undefined where the plugin is not installed. */
  compose: string | undefined;
  buildx: string | undefined;
  os: string;
  /** As images name it: `amd64`, `arm64`. */
  arch: string;
}

/** The oldest versions that all of this was written for: start intervals of health checks need engine 25 and Compose 2.24. */
export const OLDEST = { engine: '25.0.0', compose: '2.24.0', buildx: '0.12.0' } as const;

const VERSION = /\d+\.\d+(?:\.\d+)?/;

/** Whether version `a` is older than `b`, by their first three numbers; distributors' suffixes do not count. */
export function isOlder(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => (VERSION.exec(text)?.[0] ?? '0').split('.').map(Number));
  for (let at = 0; at < 3; at++) {
    const difference = (left?.[at] ?? 0) - (right?.[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/**
 * Versions of the engine and what belongs to it; asks in parallel, changes nothing.
 * @throws ExternalError DOCKER_MISSING, ENGINE_UNREACHABLE
 */
export async function engineInfo(env: DockerEnv, signal?: AbortSignal): Promise<EngineInfo> {
  const options = { env, signal, timeoutMs: 20_000 };
  const plugin = async (name: string, args: string[]): Promise<string | undefined> => {
    const { code, stdout } = await runDocker([name, 'version', ...args], options);
    return code === 0 ? VERSION.exec(stdout)?.[0] : undefined;
  };
  const [version, compose, buildx] = await Promise.all([
    docker(['version', '--format', '{{json .}}'], options),
    plugin('compose', ['--short']),
    plugin('buildx', []),
  ]);
  const { Client, Server } = JSON.parse(version) as {
    Client: { Version: string };
    Server: { Version: string; Os: string; Arch: string };
  };
  return { engine: Server.Version, client: Client.Version, compose, buildx, os: Server.Os, arch: Server.Arch };
}

/** @throws ExternalError ENGINE_TOO_OLD, BUILDX_MISSING, BUILDX_TOO_OLD: what a build needs */
export function requireBuilder({ engine, buildx }: EngineInfo): void {
  if (isOlder(engine, OLDEST.engine)) throw tooOld('ENGINE_TOO_OLD', 'the Docker Engine', engine, OLDEST.engine);
  if (buildx === undefined) {
    throw new ExternalError({
      code: 'BUILDX_MISSING',
      message: 'docker has no buildx plugin, and images are built with it',
      fix: `install buildx ${OLDEST.buildx} or newer (on Debian: docker-buildx; from Docker: docker-buildx-plugin)`,
    });
  }
  if (isOlder(buildx, OLDEST.buildx)) throw tooOld('BUILDX_TOO_OLD', 'docker buildx', buildx, OLDEST.buildx);
}

/** @throws ExternalError ENGINE_TOO_OLD, COMPOSE_MISSING, COMPOSE_TOO_OLD: what a compose place needs */
export function requireCompose({ engine, compose }: EngineInfo): void {
  if (isOlder(engine, OLDEST.engine)) throw tooOld('ENGINE_TOO_OLD', 'the Docker Engine', engine, OLDEST.engine);
  if (compose === undefined) {
    throw new ExternalError({
      code: 'COMPOSE_MISSING',
      message: 'docker has no compose plugin (docker-compose of version 1 does not count)',
      fix: `install Compose ${OLDEST.compose} or newer (on Debian: docker-compose; from Docker: docker-compose-plugin)`,
    });
  }
  if (isOlder(compose, OLDEST.compose)) throw tooOld('COMPOSE_TOO_OLD', 'docker compose', compose, OLDEST.compose);
}

const tooOld = (code: string, what: string, found: string, oldest: string): ExternalError =>
  new ExternalError({
    code,
    message: `${what} is version ${found}; ${oldest} is the oldest that works`,
    fix: `update it to ${oldest} or newer`,
  });

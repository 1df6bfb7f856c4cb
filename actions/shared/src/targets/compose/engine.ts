import type { Check } from '../../evidence/index.ts';
import { OLDEST, requireCompose, type EngineInfo } from '../../images/docker/engine.ts';
import type { Docker } from './docker.ts';
import { lastWords } from './docker.ts';
import { dockerFailed } from './errors.ts';

const VERSION = /\d+\.\d+(?:\.\d+)?/;

/**
 * Versions of the engine and Compose on the host.
 * @throws ExternalError DOCKER_MISSING, ENGINE_UNREACHABLE
 */
export async function hostEngine(docker: Docker, signal?: AbortSignal): Promise<EngineInfo> {
  const options = { signal, timeoutMs: 20_000 };
  const [version, compose] = await Promise.all([
    docker.text('asking the engine', ['version', '--format', '{{json .}}'], options),
    docker.run(['compose', 'version', '--short'], options),
  ]);
  const { Client, Server } = JSON.parse(version) as {
    Client: { Version: string };
    Server: { Version: string; Os: string; Arch: string } | null;
  };
  if (Server === null) throw dockerFailed('asking the engine', lastWords(version));
  return {
    engine: Server.Version,
    client: Client.Version,
    compose: compose.code === 0 ? VERSION.exec(compose.stdout)?.[0] : undefined,
    buildx: undefined,
    os: Server.Os,
    arch: Server.Arch,
  };
}

/** @throws ExternalError also ENGINE_TOO_OLD, COMPOSE_MISSING, COMPOSE_TOO_OLD */
export async function checkEngine(docker: Docker, signal?: AbortSignal): Promise<Check[]> {
  const info = await hostEngine(docker, signal);
  requireCompose(info);
  return [
    { name: 'Docker Engine', status: 'passed', observed: info.engine, limit: `>= ${OLDEST.engine}` },
    { name: 'Docker Compose', status: 'passed', observed: info.compose ?? '', limit: `>= ${OLDEST.compose}` },
  ];
}

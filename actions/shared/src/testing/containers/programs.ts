import { mkdir, rm, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../process/run.ts';
import { onPath } from '../../tools/version.ts';
import type { Environment } from './lacking.ts';

export const MIN_ENGINE = 25;
const MIN_COMPOSE = [2, 24] as const;

/** Environment for Docker's programs, in the form in which tests hand it on. */
export interface ContainerEnvironment {
  PATH: string;
  DOCKER_HOST: string;
  DOCKER_CONFIG: string;
}

const PLUGINS = ['docker-compose', 'docker-buildx'] as const;
const PLUGIN_FOLDERS = [
  '/usr/local/lib/docker/cli-plugins',
  '/usr/local/libexec/docker/cli-plugins',
  '/usr/lib/docker/cli-plugins',
  '/usr/libexec/docker/cli-plugins',
];

/** Makes a folder for Docker's settings with nothing in it but links to plug-ins: no credentials, no contexts of the user's. */
export async function makeDockerConfig(dir: string, env: Environment, first: readonly string[]): Promise<void> {
  const own = [env['DOCKER_CONFIG'], join(env['HOME'] ?? homedir(), '.docker')]
    .filter((folder) => folder !== undefined && folder !== '')
    .map((folder) => join(folder as string, 'cli-plugins'));
  const folders = [...first, ...own, ...PLUGIN_FOLDERS];
  await mkdir(join(dir, 'cli-plugins'), { recursive: true, mode: 0o700 });
  for (const plugin of PLUGINS) {
    const link = join(dir, 'cli-plugins', plugin);
    await rm(link, { force: true });
    const [found] = await onPath(plugin, folders.join(':'));
    if (found !== undefined) await symlink(found, link);
  }
}

/** Undefined where Docker's client, Compose and buildx are there and new enough; else what is wrong, in a few words. */
export async function wrongWithPrograms(
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const compose = await said('docker', ['compose', 'version', '--short'], env);
  if (compose === undefined) return 'there is no docker with Compose v2 on the path';
  if (!atLeast(compose, MIN_COMPOSE)) return `Compose is ${compose}, and ${MIN_COMPOSE.join('.')} is wanted`;
  if ((await said('docker', ['buildx', 'version'], env)) === undefined) return 'docker has no buildx';
  for (const program of ['docker-registry', 'cosign'])
    if ((await onPath(program, env['PATH'])).length === 0) return `there is no ${program} on the path`;
  return undefined;
}

/** Version of the engine that answers, or its client's words where none does. */
export async function engineVersion(
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ version: string } | { reason: string }> {
  try {
    const { code, stdout, stderr } = await run('docker', ['version', '--format', '{{.Server.Version}}'], {
      env: { ...env },
      signal: AbortSignal.timeout(15_000),
    });
    if (code === 0) return { version: stdout.trim() };
    return { reason: stderr.trim().split('\n').at(-1) ?? '' };
  } catch {
    return { reason: 'docker does not answer' };
  }
}

export const isNewEnough = (version: string): boolean => atLeast(version, [MIN_ENGINE, 0]);

function atLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [, first, second] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  if (first === undefined || second === undefined) return false;
  return Number(first) > major || (Number(first) === major && Number(second) >= minor);
}

async function said(
  command: string,
  args: string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  try {
    const { code, stdout } = await run(command, args, { env: { ...env }, signal: AbortSignal.timeout(15_000) });
    return code === 0 ? stdout.trim() : undefined;
  } catch {
    return undefined;
  }
}

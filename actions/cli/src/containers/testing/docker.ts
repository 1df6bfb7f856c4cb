import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { containers } from '@papergate/delivery';

const execute = promisify(execFile);

/** How this machine reaches package registries; without it a build fails where there is a proxy. */
const NETWORK = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];
const NPM = ['NPM_CONFIG_REGISTRY', 'NPM_CONFIG_USERCONFIG'];

/** The environment of this run's engine, with nothing of the user's but what programs need to start and to reach the network. */
export function dockerEnvironment(): NodeJS.ProcessEnv {
  const { env } = containers();
  const kept = [...NETWORK, ...NPM].flatMap((name) => [name, name.toLowerCase()]);
  const given = Object.fromEntries(
    kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
  return { ...given, ...env, HOME: process.env['HOME'], TMPDIR: process.env['TMPDIR'], LANG: 'C.UTF-8' };
}

/** Runs docker and gives its stdout; its stderr is the error's message. */
export function docker(...args: string[]): string {
  return execFileSync('docker', args, {
    env: dockerEnvironment(),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 2 ** 26,
    timeout: 300_000,
  }).trim();
}

export async function dockerAsync(...args: string[]): Promise<string> {
  const { stdout } = await execute('docker', args, {
    env: dockerEnvironment(),
    maxBuffer: 2 ** 26,
    timeout: 300_000,
  });
  return stdout.trim();
}

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

/** Ids of containers, also stopped ones, by a label of theirs. */
export const containersOf = (label: string): string[] =>
  lines(docker('ps', '-aq', '--no-trunc', '--filter', `label=${label}`));

/** A container of a place as the engine sees it. */
export interface SeenContainer {
  id: string;
  service: string;
  manifest: string;
  /** The reference that it was created with: `repository@sha256:…`. */
  image: string;
  running: boolean;
}

export function placeContainers(project: string): SeenContainer[] {
  const ids = containersOf(`com.papergate.project=${project}`);
  if (ids.length === 0) return [];
  const seen = JSON.parse(docker('inspect', ...ids)) as {
    Id: string;
    Config: { Image: string; Labels: Record<string, string> };
    State: { Running: boolean };
  }[];
  return seen.map(({ Id, Config, State }) => ({
    id: Id,
    service: Config.Labels['com.papergate.service'] ?? '',
    manifest: Config.Labels['com.papergate.manifest'] ?? '',
    image: Config.Image,
    running: State.Running,
  }));
}

/** Removes whatever is left of a place: containers, volumes and networks whose names or labels are its. */
export function removeProject(project: string): void {
  const own = (name: string): boolean =>
    name === project || name.startsWith(`${project}-`) || name.startsWith(`${project}_`);
  const format = '{{.ID}} {{.Label "com.docker.compose.project"}}';
  const listed = lines(docker('ps', '-a', '--no-trunc', '--format', format)).map((line) => line.split(' '));
  const ids = listed.filter(([, of]) => own(of ?? '')).map(([id]) => id ?? '');
  const all = [...new Set([...ids, ...containersOf(`com.papergate.project=${project}`)])];
  if (all.length > 0) docker('rm', '-fv', ...all);
  const volumes = lines(docker('volume', 'ls', '-q')).filter(own);
  if (volumes.length > 0) docker('volume', 'rm', '-f', ...volumes);
  const networks = lines(docker('network', 'ls', '--format', '{{.Name}}')).filter(own);
  if (networks.length > 0) docker('network', 'rm', ...networks);
}

/** Ids of the images that the engine holds of a repository, by tag or by digest. */
export function imagesOf(repository: string): string[] {
  const images = lines(docker('images', '--no-trunc', '--digests', '--format', '{{.Repository}} {{.ID}}'));
  const own = images.map((line) => line.split(' ')).filter(([name]) => name === repository);
  return [...new Set(own.map(([, id]) => id ?? ''))];
}

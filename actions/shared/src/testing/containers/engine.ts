import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../process/run.ts';
import { onPath } from '../../tools/version.ts';
import type { Guard } from '../../guard/index.ts';
import { startDaemon, type Daemon } from './daemon.ts';
import { lacking, type Environment } from './lacking.ts';
import { engineVersion, isNewEnough, MIN_ENGINE } from './programs.ts';
import { bound } from './slot.ts';

const DEFAULT_SOCKET = 'unix:///var/run/docker.sock';
/** Images, build cache and volumes of test runs; past this the engine starts empty. */
const MAX_BYTES = 15 * 2 ** 30;

/**
 * The engine that the user's Docker client would speak to, where one answers.
 * @throws ExternalError CONTAINERS_MISSING where it answers and is too old or not on this machine: a second engine
 *   beside it would take its firewall chains
 */
export async function runningEngine(env: Environment): Promise<string | undefined> {
  const host = await configuredHost(env);
  const answer = await engineVersion({ ...env, DOCKER_HOST: host });
  if ('reason' in answer) {
    if ((env['DOCKER_HOST'] ?? '') === '') return undefined;
    throw lacking(`DOCKER_HOST is ${host}, and there: ${answer.reason}`);
  }
  if (!isNewEnough(answer.version))
    throw lacking(`the one at ${host} is ${answer.version}, and ${MIN_ENGINE} or later is wanted`);
  if (!host.startsWith('unix://'))
    throw lacking(`the one at ${host} may be on another machine, which cannot reach this one's test registry`);
  return host;
}

async function configuredHost(env: Environment): Promise<string> {
  const given = env['DOCKER_HOST'];
  if (given !== undefined && given !== '') return given;
  try {
    const format = '{{.Endpoints.docker.Host}}';
    const { code, stdout } = await run('docker', ['context', 'inspect', '--format', format], { env: { ...env } });
    if (code === 0 && stdout.trim() !== '') return stdout.trim();
  } catch {
    // No client yet: the default socket is all that can be tried.
  }
  return DEFAULT_SOCKET;
}

/**
 * An engine of our own: its data stays in `dir` for the next run, its sockets lie in `runDir`.
 * @throws ExternalError CONTAINERS_MISSING with the engine's own words
 */
export async function startEngine(options: {
  dir: string;
  runDir: string;
  env: Environment;
  guard: Guard;
}): Promise<{ host: string; daemon: Daemon }> {
  const { dir, runDir, env, guard } = options;
  if (process.getuid?.() !== 0) throw lacking('none runs, and only root can start one');
  if ((await onPath('iptables', env['PATH'])).length === 0)
    throw lacking('none runs, and to start one iptables is missing: apt-get install iptables');
  const data = join(dir, 'engine');
  await bound(data, MAX_BYTES);
  await mkdir(join(runDir, 'exec'), { recursive: true });
  // Its own settings: what the machine's daemon.json says is for the machine's engine.
  await writeFile(join(runDir, 'daemon.json'), '{}');
  const host = `unix://${join(runDir, 'docker.sock')}`;
  const [init] = await onPath('tini-static', env['PATH']);
  const [dockerd] = await onPath('dockerd', env['PATH']);
  if (dockerd === undefined) throw lacking('none runs, and there is no dockerd on the path');
  const daemon = await startDaemon({
    command: dockerd,
    args: [
      `--config-file=${join(runDir, 'daemon.json')}`,
      `--data-root=${data}`,
      `--exec-root=${join(runDir, 'exec')}`,
      `--pidfile=${join(runDir, 'docker.pid')}`,
      `--host=${host}`,
      '--insecure-registry=127.0.0.0/8',
      '--shutdown-timeout=5',
      '--log-level=warn',
      ...(init === undefined ? [] : [`--init-path=${init}`]),
    ],
    env,
    log: join(dir, 'engine.log'),
    guard,
    ready: async () => 'version' in (await engineVersion({ ...env, DOCKER_HOST: host })),
    timeoutMs: 60_000,
    patienceMs: 20_000,
  });
  // What a run that was killed left behind would hold ports and networks.
  await emptied({ ...env, DOCKER_HOST: host });
  return { host, daemon };
}

async function emptied(env: Environment): Promise<void> {
  const docker = async (...args: string[]): Promise<string[]> =>
    (await run('docker', args, { env: { ...env } })).stdout.split('\n').filter((line) => line !== '');
  const containers = await docker('ps', '-aq');
  if (containers.length > 0) await docker('rm', '-fv', ...containers);
  await docker('network', 'prune', '-f');
  await docker('volume', 'prune', '-af');
}

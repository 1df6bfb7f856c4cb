import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Guard } from '../../guard/index.ts';
import { freePorts } from '../../net/free-port.ts';
import { onPath } from '../../tools/version.ts';
import { startDaemon, type Daemon } from './daemon.ts';
import { lacking, type Environment } from './lacking.ts';
import { bound } from './slot.ts';

const MAX_BYTES = 8 * 2 ** 30;

/** A registry on a free loopback port, http, open to all; what it holds stays for the next run. */
export async function startRegistry(options: {
  dir: string;
  runDir: string;
  env: Environment;
  guard: Guard;
}): Promise<{ address: string; daemon: Daemon }> {
  const { dir, runDir, env, guard } = options;
  const [program] = await onPath('docker-registry', env['PATH']);
  if (program === undefined) throw lacking('there is no docker-registry on the path');
  const data = join(dir, 'registry');
  await bound(data, MAX_BYTES);
  const [port] = await freePorts(1);
  const address = `127.0.0.1:${port}`;
  const config = join(runDir, 'registry.yml');
  // JSON is YAML.
  const settings = {
    version: '0.1',
    storage: { filesystem: { rootdirectory: data }, delete: { enabled: true } },
    http: { addr: address },
    log: { level: 'error', accesslog: { disabled: true } },
  };
  await writeFile(config, JSON.stringify(settings));
  const daemon = await startDaemon({
    command: program,
    args: ['serve', config],
    env,
    log: join(dir, 'registry.log'),
    guard,
    ready: async () =>
      (await fetch(`http://${address}/v2/`, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined))?.ok ===
      true,
    timeoutMs: 20_000,
    patienceMs: 5_000,
  });
  return { address, daemon };
}

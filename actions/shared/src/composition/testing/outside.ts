import { randomBytes } from 'node:crypto';
import { spawn, type ChildProcess } from 'node:child_process';
import { run } from '../../process/run.ts';
import { onPath } from '../../tools/version.ts';

/** A server that only those reach whose packets are given this machine's address: what "outside" is to a container. */
export interface Outside {
  host: string;
  port: number;
  close(): Promise<void>;
}

const PORT = 7;
const SERVE = `require('node:net').createServer((s) => s.on('error', () => s.destroy()).end('outside')).listen(${PORT}, '0.0.0.0', () => console.log('up'))`;

/**
 * A network namespace behind a pair of virtual cables, which knows no way back to the networks of containers, as a router
 * in the world does not: an answer arrives only where the request was masqueraded. Of the addresses that are reserved for
 * documentation (RFC 5737), so nothing real is in the way. It needs root and `ip`; else the npm registry is outside.
 */
export async function openOutside(): Promise<Outside> {
  const ip = (await onPath('ip', `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`))[0];
  if (ip === undefined || process.getuid?.() !== 0)
    return { host: 'registry.npmjs.org', port: 443, close: async () => undefined };
  const id = randomBytes(3).toString('hex');
  const name = `pgout-${id}`;
  const [here, there] = [`pgh${id}`, `pgt${id}`];
  const third = randomBytes(1)[0] ?? 0;
  const [near, far] = [`198.51.100.${(third & 0xfc) + 1}`, `198.51.100.${(third & 0xfc) + 2}`];
  let server: ChildProcess | undefined;
  const close = async (): Promise<void> => {
    server?.kill('SIGKILL');
    await run(ip, ['netns', 'delete', name]);
    await run(ip, ['link', 'delete', here]);
  };
  try {
    for (const args of [
      ['netns', 'add', name],
      ['link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', name],
      ['address', 'add', `${near}/30`, 'dev', here],
      ['link', 'set', here, 'up'],
      ['-n', name, 'address', 'add', `${far}/30`, 'dev', there],
      ['-n', name, 'link', 'set', there, 'up'],
    ]) {
      const { code, stderr } = await run(ip, args);
      if (code !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
    }
    const child = spawn(ip, ['netns', 'exec', name, process.execPath, '-e', SERVE], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    server = child;
    await new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve());
      child.once('exit', () => reject(new Error('the server outside did not start')));
    });
    return { host: far, port: PORT, close };
  } catch (error) {
    await close();
    throw error;
  }
}

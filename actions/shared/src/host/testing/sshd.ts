import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../net/free-port.ts';
import { waitFor } from '../../process/wait.ts';

export interface TestSshd {
  /** `ssh://user@127.0.0.1:port`. */
  url: string;
  port: number;
  /** A key that is let in, and one that is not. */
  identity: string;
  stranger: string;
  /** Files with the host's key, with another one, and with none. */
  knownHosts: string;
  changedHosts: string;
  emptyHosts: string;
  /** What the server has said. */
  log(): string;
  /** Ends every connection, as a lost network does; the server takes new ones. */
  cut(): Promise<void>;
  stop(): Promise<void>;
}

export const SSHD = ['/usr/sbin/sshd', '/usr/local/sbin/sshd', '/sbin/sshd'].find((path) => existsSync(path));

/**
 * A real OpenSSH server on a free port of this machine's loopback, with keys and configuration of its own, for the
 * present user. `env` is what commands get there beside the server's own, `keyOptions` what stands before the key in
 * `authorized_keys`.
 */
export async function startSshd(
  options: { env?: Readonly<Record<string, string>>; extra?: string[]; keyOptions?: string } = {},
): Promise<TestSshd> {
  if (SSHD === undefined) throw new Error('there is no sshd on this machine (Debian: apt-get install openssh-server)');
  // Of the place where the server separates its privileges only root has need; it must exist.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const dir = mkdtempSync(join(tmpdir(), 'papergate-sshd-'));
  const key = (name: string): string => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(dir, name)]);
    return join(dir, name);
  };
  const [host, other, identity, stranger] = [key('host'), key('other'), key('identity'), key('stranger')];
  const [port = 0] = await freePorts(1);
  const file = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text, { mode: 0o600 });
    return join(dir, name);
  };
  const publicKey = (path: string): string => readFileSync(`${path}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
  const variables = Object.entries(options.env ?? {}).map(([name, value]) => `${name}="${value}"`);
  const config = file(
    'sshd_config',
    [
      'ListenAddress 127.0.0.1',
      `Port ${port}`,
      `HostKey ${host}`,
      `AuthorizedKeysFile ${file('authorized_keys', `${options.keyOptions ?? ''} ${publicKey(identity)}\n`)}`,
      `PidFile ${join(dir, 'pid')}`,
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'UsePAM no',
      'StrictModes no',
      'PermitRootLogin yes',
      'LogLevel VERBOSE',
      ...(variables.length === 0 ? [] : [`SetEnv ${variables.join(' ')}`]),
      ...(options.extra ?? []),
      '',
    ].join('\n'),
  );
  let said = '';
  const begin = async (): Promise<ChildProcess> => {
    const child = spawn(SSHD ?? '', ['-D', '-e', '-f', config], {
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const up = await waitFor(() => answers(port), { timeoutMs: 10_000 });
    if (up !== true) throw new Error(`sshd does not answer:\n${said}`);
    return child;
  };
  let server = await begin();
  // A connection is a process group of its own only with a session; they are found as children of the server.
  const end = async (): Promise<void> => {
    const gone = once(server, 'exit');
    for (const pid of descendants(server.pid ?? 0)) kill(pid);
    server.kill('SIGKILL');
    await gone;
  };
  return {
    url: `ssh://${userInfo().username}@127.0.0.1:${port}`,
    port,
    identity,
    stranger,
    knownHosts: file('known', `[127.0.0.1]:${port} ${publicKey(host)}\n`),
    changedHosts: file('changed', `[127.0.0.1]:${port} ${publicKey(other)}\n`),
    emptyHosts: file('empty', ''),
    log: () => said,
    cut: async () => {
      await end();
      server = await begin();
    },
    stop: async () => {
      await end();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has gone already.
  }
}

function descendants(pid: number): number[] {
  const children = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,comm='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, parent, name]) => Number(parent) === pid && name?.startsWith('sshd') === true)
    .map(([child]) => Number(child));
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}

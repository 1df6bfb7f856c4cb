import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, rmdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorCode } from '@papergate/config';
import type { Guard } from '../../guard/index.ts';
import { identify } from '../../process/facts.ts';
import { run } from '../../process/run.ts';
import { connectionError, sshMissing, unreachable } from '../errors.ts';
import { shellQuote } from '../quote.ts';
import type { SshAddress } from './address.ts';

export interface SshSettings {
  address: SshAddress;
  identity: string | undefined;
  knownHosts: string | undefined;
  env: Readonly<Record<string, string | undefined>>;
  connectTimeoutMs: number;
  guard: Guard;
}

/** One connection that all commands go over. */
export interface Master {
  /** Arguments of an ssh that uses it, and never makes a connection of its own. */
  readonly args: readonly string[];
  /** False once the connection has ended. */
  isUp(): boolean;
  /** Resolves when the connection has ended. */
  readonly ended: Promise<void>;
  /** What the connection said last. */
  words(): string;
  control(command: 'check' | 'forward', args?: readonly string[]): Promise<boolean>;
  close(): Promise<void>;
}

/** A path of a socket holds about 100 characters, and ssh adds 17 of its own while it makes one. */
const LONGEST_FOLDER = 60;
const FOLDER = 'pg-ssh-';

// Two lost keepalives of 5 s and the third's 5 s: a dead link is noticed within 20 s.
const OPTIONS = [
  'BatchMode=yes',
  'StrictHostKeyChecking=yes',
  'ServerAliveInterval=5',
  'ServerAliveCountMax=3',
  'ForwardAgent=no',
  'ForwardX11=no',
  'PermitLocalCommand=no',
  'UpdateHostKeys=no',
  'EscapeChar=none',
  'RequestTTY=no',
  'LogLevel=ERROR',
];

const asOptions = (options: readonly string[]): string[] => options.flatMap((option) => ['-o', option]);

function commonArgs({ address, identity, knownHosts, connectTimeoutMs }: SshSettings): string[] {
  return [
    ...asOptions([...OPTIONS, `ConnectTimeout=${Math.max(1, Math.round(connectTimeoutMs / 1000))}`]),
    ...(identity === undefined ? [] : ['-i', identity, ...asOptions(['IdentitiesOnly=yes'])]),
    ...(knownHosts === undefined
      ? []
      : asOptions([`UserKnownHostsFile="${knownHosts}"`, 'GlobalKnownHostsFile=/dev/null'])),
    ...(address.user === undefined ? [] : ['-l', address.user]),
    ...(address.port === undefined ? [] : ['-p', String(address.port)]),
  ];
}

/**
 * Opens the connection. Its far end is a `cat` that reads our pipe: when this process ends, however it ends, the
 * pipe closes, `cat` ends, and the connection with it.
 * @throws UserError HOST_KEY_REFUSED, SSH_KEY_REFUSED; ExternalError HOST_UNREACHABLE, SSH_MISSING
 */
export async function openMaster(settings: SshSettings): Promise<Master> {
  const { address, env, identity, guard } = settings;
  const temporary = env['TMPDIR'] ?? tmpdir();
  const base = temporary.length > LONGEST_FOLDER ? '/tmp' : temporary;
  await sweep(base);
  const folder = await mkdtemp(join(base, FOLDER));
  const socket = join(folder, 's');
  const common = commonArgs(settings);
  const mark = `papergate-${randomUUID()}`;
  const child = spawn(
    'ssh',
    [
      '-T',
      '-M',
      '-S',
      socket,
      ...asOptions(['ControlPersist=no', 'ClearAllForwardings=yes']),
      ...common,
      '--',
      address.host,
      `sh -c ${shellQuote(`echo ${mark}; exec cat >/dev/null`)}`,
    ],
    { detached: true, env: { ...env }, stdio: ['pipe', 'pipe', 'pipe'] },
  );
  const id = child.pid === undefined ? undefined : identify(child.pid);
  if (id !== undefined) guard.add(id);
  let up = true;
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-4_000)));
  child.stdin.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => {
    const over = (): void => {
      up = false;
      if (child.pid !== undefined) guard.drop(child.pid);
      rm(folder, { recursive: true, force: true }).then(
        () => resolve(),
        () => resolve(),
      );
    };
    child.once('close', over);
    child.once('error', over);
  });

  const outcome = await connected(child, mark, settings.connectTimeoutMs);
  if (outcome !== 'connected') {
    if (outcome === 'late') child.kill('SIGKILL');
    await ended;
    if (typeof outcome === 'object') throw errorCode(outcome) === 'ENOENT' ? sshMissing(outcome) : outcome;
    throw outcome === 'late'
      ? unreachable(address.name, `no answer within ${settings.connectTimeoutMs / 1000} s`)
      : connectionError(address.name, words, identity);
  }

  // A command whose master has gone would open a connection of its own: a proxy that cannot be run prevents it.
  const viaSocket = ['-T', '-S', socket, ...asOptions(['ControlMaster=no', 'ProxyJump=none', 'ProxyCommand=exit 1'])];
  const args = [...viaSocket, ...common, '--', address.host];
  return {
    args,
    isUp: () => up,
    ended,
    words: () => words.trim().split('\n').at(-1) ?? '',
    control: async (command, more = []) => {
      const asked = [...viaSocket, '-O', command, ...more, ...common, '--', address.host];
      return up && (await run('ssh', asked, { env: { ...env } })).code === 0;
    },
    close: async () => {
      child.stdin.end();
      const hard = setTimeout(() => child.kill('SIGKILL'), 2_000);
      await ended;
      clearTimeout(hard);
    },
  };
}

/** Removes folders of deployers that were killed: their sockets went with their connections, so they are empty. */
async function sweep(base: string): Promise<void> {
  const old = Date.now() - 600_000;
  for (const name of await readdir(base).catch(() => [])) {
    if (!name.startsWith(FOLDER)) continue;
    const path = join(base, name);
    const found = await stat(path).catch(() => undefined);
    // One with a socket in it is somebody's: it cannot be removed in this way.
    if (found !== undefined && found.mtimeMs < old) await rmdir(path).catch(() => undefined);
  }
}

function connected(
  child: ChildProcess,
  mark: string,
  timeoutMs: number,
): Promise<'connected' | 'ended' | 'late' | Error> {
  return new Promise((resolve) => {
    let said = '';
    // ssh has a limit of its own for the network; this one is for everything, a login that hangs too.
    const timer = setTimeout(() => resolve('late'), timeoutMs + 2_000);
    const settle = (outcome: 'connected' | 'ended' | Error): void => {
      clearTimeout(timer);
      resolve(outcome);
    };
    child.once('error', settle);
    child.once('close', () => settle('ended'));
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4_000);
      if (said.includes(`${mark}\n`)) settle('connected');
    });
  });
}

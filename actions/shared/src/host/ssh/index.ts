import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Readable } from 'node:stream';
import { ExternalError } from '@papergate/config';
import { Guard } from '../../guard/index.ts';
import { freePorts } from '../../net/free-port.ts';
import { runChild } from '../child.ts';
import { millisecondsOf } from '../clock.ts';
import { keyRefused, unreachable } from '../errors.ts';
import { shellCommand, shellQuote } from '../quote.ts';
import { slots } from '../slots.ts';
import type { Host, HostResult, HostRun } from '../types.ts';
import { parseSshUrl } from './address.ts';
import { sshFiles } from './files.ts';
import { openMaster, type Master, type SshSettings } from './master.ts';

export { parseSshUrl, type SshAddress } from './address.ts';

export interface SshHostOptions {
  /** `ssh://[user@]host[:port]`. */
  url: string;
  /** File of the private key; else what the user's own ssh would offer. */
  identity?: string | undefined;
  /** The only file in which the host's key is looked up; else the user's own and the machine's. */
  knownHosts?: string | undefined;
  /** For the ssh client: PATH, HOME, SSH_AUTH_SOCK. Nothing of it goes to the host. */
  env: Readonly<Record<string, string | undefined>>;
  connectTimeoutMs?: number;
}

/** sshd lets a connection have 10 sessions (MaxSessions); one is the master's own, one is left in reserve. */
const SESSIONS = 8;
const CONNECT_TIMEOUT_MS = 10_000;
/** ssh's own exit code for "did not get through"; also what it makes of a command that a signal ended. */
const SSH_FAILED = 255;

/**
 * A machine behind SSH, through the OpenSSH client and one connection that all commands share.
 *
 * The login shell there must be a POSIX one. A variable of a run is an argument of `env` there, which others on the
 * host can read: a secret goes by file or stdin. An exit code of 255 cannot be told from a signal and is undefined.
 * @throws UserError HOST_ADDRESS_INVALID, SSH_KEY_REFUSED where the key's file is not there
 */
export function sshHost(options: SshHostOptions): Host {
  const address = parseSshUrl(options.url);
  const { identity, knownHosts, env } = options;
  if (identity !== undefined && !existsSync(identity)) {
    throw keyRefused(address.name, 'there is no such file on this machine', identity);
  }
  let guard: Guard | undefined;
  let opening: Promise<Master> | undefined;
  const forwards = new Map<number, Promise<number>>();
  const opened = new Map<number, number>();
  const limited = slots(SESSIONS);

  const openForward = async (master: Master, port: number, local: number): Promise<boolean> =>
    master.control('forward', ['-L', `127.0.0.1:${local}:127.0.0.1:${port}`]);

  const open = async (): Promise<Master> => {
    guard ??= new Guard({ patienceMs: 3_000 });
    const settings: SshSettings = {
      address,
      identity,
      knownHosts,
      env,
      guard,
      connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    };
    const master = await openMaster(settings);
    // After a lost connection the tunnels come back under the ports that were handed out.
    for (const [port, local] of opened) await openForward(master, port, local);
    return master;
  };

  const connection = async (): Promise<Master> => {
    const present = opening;
    if (present !== undefined && (await present).isUp()) return present;
    // Of several callers that find it gone, one opens it anew.
    if (opening === present) {
      const next = open();
      opening = next;
      next.catch(() => {
        if (opening === next) opening = undefined;
      });
    }
    return connection();
  };

  const once = async (command: string, args: readonly string[], run: HostRun): Promise<HostResult | 'not begun'> => {
    const master = await connection();
    const { env: variables, ...rest } = run;
    const mark = randomUUID();
    const words = variables === undefined ? [command, ...args] : ['env', ...assignments(variables), command, ...args];
    const remote = `exec sh -c ${shellQuote(`echo "${mark} $$" >&2; exec "$@"`)} sh ${shellCommand(words)}`;
    const begun = new RegExp(`${mark} (\\d+)\\r?\\n`);
    let pid: string | undefined;
    const result = await runChild({
      ...rest,
      command: 'ssh',
      args: [...master.args, remote],
      env,
      ...(guard === undefined ? {} : { guard }),
      onLine: (line, stream) => {
        if (stream === 'stderr' && line.startsWith(mark)) pid = line.slice(mark.length + 1);
        else run.onLine?.(line, stream);
      },
      onCut: () => {
        if (pid !== undefined) void end(master, pid);
      },
    });
    const stderr = result.stderr.replace(begun, '');
    if (result.code !== SSH_FAILED) return { ...result, stderr };
    if (await isLost(master)) {
      if (pid === undefined) return 'not begun';
      throw unreachable(
        address.name,
        `the connection was lost during "${command}" (${master.words() || 'no reason given'})`,
      );
    }
    return pid === undefined ? 'not begun' : { ...result, code: undefined, stderr };
  };

  /** The program itself is asked to end: without a terminal, the end of its connection is nothing that it notices. */
  const end = async (master: Master, pid: string): Promise<void> => {
    await runChild({ command: 'ssh', args: [...master.args, `kill ${pid}`], env, timeoutMs: 5_000 }).catch(
      () => undefined,
    );
  };

  const run: Host['run'] = (command, args, given = {}) =>
    limited(async () => {
      // What has not begun may be tried again, unless its input has been given away.
      const tries = given.stdin instanceof Readable ? 1 : 4;
      for (let left = tries; left > 0; left -= 1) {
        const result = await once(command, args, given);
        if (result !== 'not begun') return result;
        if (left > 1) await delay((tries - left) * 200);
      }
      throw unreachable(
        address.name,
        `"${command}" could not be begun there (too many sessions, or the connection is gone)`,
      );
    });

  const forward = async (port: number): Promise<number> => {
    const known = forwards.get(port);
    if (known !== undefined) {
      await connection();
      return known;
    }
    const local = (async (): Promise<number> => {
      const master = await connection();
      for (let tries = 0; tries < 5; tries += 1) {
        const [free = 0] = await freePorts(1);
        if (!(await openForward(master, port, free))) continue;
        opened.set(port, free);
        return free;
      }
      throw new ExternalError({
        code: 'HOST_FORWARD_FAILED',
        message: `${address.name}: no tunnel to port ${port} there could be opened`,
        fix: 'let sshd there forward TCP (AllowTcpForwarding yes, PermitOpen any) for this user',
      });
    })();
    forwards.set(port, local);
    local.catch(() => forwards.delete(port));
    return local;
  };

  return {
    name: address.name,
    run,
    files: sshFiles(address.name, run),
    now: async () => millisecondsOf(await run('date', ['+%s%N']), address.name),
    home: async () => (await run('sh', ['-c', 'printf %s "$HOME"'])).stdout,
    forward,
    close: async () => {
      const [master, ending] = [opening, guard];
      opening = undefined;
      guard = undefined;
      forwards.clear();
      opened.clear();
      await (await master?.catch(() => undefined))?.close();
      await ending?.close();
    },
  };
}

function assignments(variables: Readonly<Record<string, string>>): string[] {
  return Object.entries(variables).map(([name, value]) => {
    if (!/^[A-Za-z_]\w*$/.test(name)) throw new TypeError(`"${name}" is no name of an environment variable`);
    return `${name}=${value}`;
  });
}

/** A session that ends with its connection ends a moment before it. */
async function isLost(master: Master): Promise<boolean> {
  if (!master.isUp()) return true;
  if (!(await master.control('check'))) return true;
  await Promise.race([master.ended, delay(50)]);
  return !master.isUp();
}

import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ExternalError } from '@papergate/config';
import { identify, type ProcessId } from '../process/facts.ts';
import { asUser } from './os-user.ts';
import type { Place } from './place.ts';

/**
 * Durability is a promise (an order is committed before it is acknowledged), so fsync, full pages and
 * synchronous commits stay on. The rest is modest: this shares a machine with everything else.
 */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  effective_cache_size: '1GB',
  max_wal_size: '2GB',
  wal_compression: 'on',
  checkpoint_timeout: '15min',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  password_encryption: 'scram-sha-256',
  log_line_prefix: '%m [%p] ',
  log_timezone: 'UTC',
  timezone: 'UTC',
  jit: 'off',
};

/** For throw-away clusters of tests only. Commits still wait for their record, which costs little without fsync: services ask for it. */
const VOLATILE = { fsync: 'off', full_page_writes: 'off', shared_buffers: '32MB' };

const LOG_LIMIT = 10 * 1024 * 1024;

export interface Server {
  child: ChildProcess;
  id: ProcessId;
}

export const logFile = (dir: string): string => join(dir, 'postgres.log');

export function spawnServer(place: Place, port: number, { durable }: { durable: boolean }): Server {
  const settings: Record<string, string> = { ...SETTINGS, ...(durable ? {} : VOLATILE), port: String(port) };
  const args = ['-D', place.data];
  for (const [name, value] of Object.entries(settings)) args.push('-c', `${name}=${value}`);

  const log = openLog(place.dir);
  try {
    // A session of its own: Ctrl-C on the terminal must not stop the database before the services.
    const child = spawn(join(place.binaries.root, 'bin', 'postgres'), args, {
      ...asUser(place.user),
      cwd: place.data,
      detached: true,
      stdio: ['ignore', log, log],
      env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC' },
    });
    child.on('error', () => {});
    const id = child.pid === undefined ? undefined : identify(child.pid);
    if (id === undefined) throw startFailed(place.dir, port);
    return { child, id };
  } finally {
    closeSync(log);
  }
}

function openLog(dir: string): number {
  const path = logFile(dir);
  if (existsSync(path) && statSync(path).size > LOG_LIMIT) renameSync(path, `${path}.1`);
  return openSync(path, 'a', 0o600);
}

export function startFailed(dir: string, port: number): ExternalError {
  return new ExternalError({
    code: 'PG_START',
    message: `PostgreSQL did not come up on 127.0.0.1:${port}; its last words: ${lastWords(dir)}`,
    fix: `read ${logFile(dir)}; or set DATABASE_URL to a PostgreSQL of your own`,
  });
}

function lastWords(dir: string): string {
  try {
    return readFileSync(logFile(dir), 'utf8').trimEnd().split('\n').slice(-6).join(' | ');
  } catch {
    return '(none)';
  }
}

/** The process that PostgreSQL's own lock file names, when it really is the server of this data folder. */
export function lockHolder(data: string, commandOf: (pid: number) => string | undefined): ProcessId | undefined {
  const path = join(data, 'postmaster.pid');
  if (!existsSync(path)) return undefined;
  const pid = Number(readFileSync(path, 'utf8').split('\n')[0]);
  const command = Number.isInteger(pid) && pid > 0 ? commandOf(pid) : undefined;
  return command !== undefined && command.includes(data) ? identify(pid) : undefined;
}

/** Removes a lock file whose server is gone; after a crash its pid may belong to anybody by now. */
export function clearStaleLock(data: string): void {
  rmSync(join(data, 'postmaster.pid'), { force: true });
}

import { homedir } from 'node:os';
import { errorCode } from '@papergate/config';
import { Guard } from '../../guard/index.ts';
import { runChild } from '../child.ts';
import { millisecondsOf } from '../clock.ts';
import type { Host, HostResult, HostRun } from '../types.ts';
import { localFiles } from './files.ts';

export interface LocalHostOptions {
  /** What programs get, beside what a run names: PATH, HOME, DOCKER_HOST and the like. */
  env: Readonly<Record<string, string | undefined>>;
}

/** This machine. Programs that are still at work when this process dies are ended with it. */
export function localHost({ env }: LocalHostOptions): Host {
  let guard: Guard | undefined;
  const run = async (command: string, args: readonly string[], options: HostRun = {}): Promise<HostResult> => {
    guard ??= new Guard({ patienceMs: 3_000 });
    try {
      return await runChild({ ...options, command, args, env: { ...env, ...options.env }, guard });
    } catch (error) {
      // As a shell has it, and so a host behind SSH.
      const code = errorCode(error);
      const { syscall } = error as NodeJS.ErrnoException;
      if (syscall?.startsWith('spawn') !== true || (code !== 'ENOENT' && code !== 'EACCES')) throw error;
      const missing = code === 'ENOENT';
      const stderr = `${command}: ${missing ? 'not found' : 'permission denied'}\n`;
      return { code: missing ? 127 : 126, stdout: '', stderr };
    }
  };
  return {
    name: 'local',
    run,
    files: localFiles((path) => run('touch', ['-c', '--', path])),
    now: async () => millisecondsOf(await run('date', ['+%s%N']), 'this machine'),
    home: async () => env['HOME'] ?? homedir(),
    forward: async (port) => port,
    close: async () => {
      const ending = guard;
      guard = undefined;
      await ending?.close();
    },
  };
}

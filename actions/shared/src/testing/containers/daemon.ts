import { spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { endProcess } from '../../process/end.ts';
import { identify } from '../../process/facts.ts';
import { waitFor } from '../../process/wait.ts';
import type { Guard } from '../../guard/index.ts';
import { lacking, type Environment } from './lacking.ts';

export interface Daemon {
  pid: number;
  stop(): Promise<void>;
}

/** Starts a program that serves until it is stopped, in a session of its own, ended by the guard should we be killed. */
export async function startDaemon(options: {
  command: string;
  args: string[];
  env: Environment;
  log: string;
  guard: Guard;
  ready: () => Promise<boolean>;
  timeoutMs: number;
  patienceMs: number;
}): Promise<Daemon> {
  const { command, args, env, log, guard, ready, timeoutMs, patienceMs } = options;
  const out = openSync(log, 'w', 0o600);
  const child = spawn(command, args, { detached: true, env: { ...env }, stdio: ['ignore', out, out] });
  const failed = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`it ended with ${code ?? signal}: ${lastWords(log)}`));
  });
  const id = child.pid === undefined ? undefined : identify(child.pid);
  if (id !== undefined) guard.add(id);
  child.unref();
  const name = command.split('/').at(-1) ?? command;
  let end: string | undefined;
  void failed.then((why) => (end = why));
  const came = await waitFor(async () => end !== undefined || (await ready()), { timeoutMs, everyMs: 100 });
  const stop = async (): Promise<void> => {
    if (id === undefined) return;
    await endProcess(id, { patienceMs });
    guard.drop(id.pid);
  };
  if (came === true && end === undefined && id !== undefined) return { pid: id.pid, stop };
  await stop();
  throw lacking(`${name} does not start: ${end ?? `not ready in ${timeoutMs / 1000} s: ${lastWords(log)}`}`);
}

function lastWords(log: string): string {
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  const error = lines.findLast((line) => /failed|fatal|error/i.test(line)) ?? lines.at(-1) ?? '';
  return error.slice(0, 400);
}

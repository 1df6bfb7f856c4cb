import { spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { createInterface } from 'node:readline';
import { ExternalError, messageOf } from '@papergate/config';
import { Guard } from '../guard/index.ts';
import { identify } from '../process/facts.ts';

export interface RunOptions {
  command: string;
  args: readonly string[];
  /** The whole environment of the child: it inherits nothing by itself. */
  env: Readonly<Record<string, string | undefined>>;
  cwd?: string;
  /** Everything that the child writes to stdout and stderr goes into this file, in the order of arrival. */
  logFile?: string;
  onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  signal?: AbortSignal | undefined;
  /** How long the child may take to end after an abort, ms; then its process group is killed. */
  patienceMs?: number;
}

export interface RunResult {
  /** Undefined where a signal ended it. */
  code: number | undefined;
  endedBy: NodeJS.Signals | undefined;
  /** The last lines of stderr, for messages. */
  stderrTail: string[];
}

const TAIL = 20;

/**
 * Runs a program to its end, in a process group of its own, so that an abort reaches whatever it starts; it also
 * ends when this process is killed.
 * @throws ExternalError TOOL_FAILED where it cannot be started; the signal's reason where it was aborted
 */
export async function runProgram(options: RunOptions): Promise<RunResult> {
  const { signal, patienceMs = 3000 } = options;
  signal?.throwIfAborted();
  const log = options.logFile === undefined ? undefined : createWriteStream(options.logFile, { mode: 0o600 });
  const guard = new Guard({ patienceMs });
  const child = spawn(options.command, [...options.args], {
    detached: true,
    env: { ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const id = child.pid === undefined ? undefined : identify(child.pid);
  if (id !== undefined) guard.add(id, 'SIGINT');

  const stderrTail: string[] = [];
  const read = (name: 'stdout' | 'stderr'): void => {
    createInterface({ input: child[name], crlfDelay: Infinity }).on('line', (line) => {
      log?.write(`${line}\n`);
      if (name === 'stderr' && stderrTail.push(line) > TAIL) stderrTail.shift();
      options.onLine?.(line, name);
    });
  };
  read('stdout');
  read('stderr');

  let hardEnd: NodeJS.Timeout | undefined;
  const abort = (): void => {
    signalGroup(child.pid, 'SIGINT');
    hardEnd = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), patienceMs);
  };
  signal?.addEventListener('abort', abort, { once: true });

  try {
    const [code, endedBy] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (...end) => resolve(end));
    });
    signal?.throwIfAborted();
    return { code: code ?? undefined, endedBy: endedBy ?? undefined, stderrTail };
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new ExternalError({
      code: 'TOOL_FAILED',
      message: `${options.command} cannot be started: ${messageOf(error)}`,
      fix: 'check that the file exists and may be run by this user',
      cause: error,
    });
  } finally {
    clearTimeout(hardEnd);
    signal?.removeEventListener('abort', abort);
    if (child.pid !== undefined) guard.drop(child.pid);
    await guard.close();
    await closeLog(log);
  }
}

async function closeLog(log: WriteStream | undefined): Promise<void> {
  if (log === undefined) return;
  log.end();
  await finished(log).catch(() => undefined);
}

function signalGroup(pid: number | undefined, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // The group has gone already, which is what was wanted.
  }
}

import { spawn, type ChildProcess } from 'node:child_process';
import { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { StringDecoder } from 'node:string_decoder';
import type { Guard } from '../guard/index.ts';
import { identify } from '../process/facts.ts';
import type { HostResult, HostRun } from './types.ts';

export interface ChildOptions extends Omit<HostRun, 'env'> {
  command: string;
  args: readonly string[];
  /** The whole environment: a child inherits nothing by itself. */
  env: Readonly<Record<string, string | undefined>>;
  /** Ends the child where this process is killed. */
  guard?: Guard;
  /** Called when time is up or the caller has aborted, before the child itself is ended. */
  onCut?: () => void;
}

/** Patience between asking a child to end and making it. */
const KILL_AFTER_MS = 3_000;

/**
 * Runs a program of this machine to its end. It stands in a process group of its own, so that a Ctrl-C at the
 * terminal reaches us and not, behind our back, what is being done.
 * @throws the system's error where it cannot be started, the caller's reason after an abort, a stream's error
 */
export async function runChild(options: ChildOptions): Promise<HostResult> {
  const { command, args, env, guard, signal, timeoutMs, onLine } = options;
  signal?.throwIfAborted();
  const child = spawn(command, [...args], { detached: true, env: { ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = endOf(child);
  const id = child.pid === undefined ? undefined : identify(child.pid);
  if (id !== undefined) guard?.add(id);

  let cut: 'aborted' | 'late' | undefined;
  let hardEnd: NodeJS.Timeout | undefined;
  const end = (why: 'aborted' | 'late' | undefined): void => {
    cut ??= why;
    options.onCut?.();
    signalGroup(child, 'SIGTERM');
    hardEnd ??= setTimeout(() => signalGroup(child, 'SIGKILL'), KILL_AFTER_MS);
  };
  const onAbort = (): void => end('aborted');
  signal?.addEventListener('abort', onAbort, { once: true });
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => end('late'), timeoutMs);

  let streamError: unknown;
  const onStreamError = (error: unknown): void => {
    streamError ??= error;
    end(undefined);
  };
  const stdout = collect(child.stdout, options.stdout === undefined, (line) => onLine?.(line, 'stdout'));
  const stderr = collect(child.stderr, true, (line) => onLine?.(line, 'stderr'));
  const written = options.stdout === undefined ? undefined : drain(child, options.stdout, onStreamError);
  feed(child, options.stdin, onStreamError);

  try {
    const code = await ended;
    await written;
    if (streamError !== undefined) throw streamError;
    if (cut === 'aborted') signal?.throwIfAborted();
    const late = cut === 'late' ? `\nended after ${(timeoutMs ?? 0) / 1000} s, which was all it had\n` : '';
    await close(options.stdout, cut === undefined && code === 0);
    return { code: cut === undefined ? code : undefined, stdout: stdout(), stderr: stderr() + late };
  } catch (error) {
    options.stdout?.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    clearTimeout(hardEnd);
    signal?.removeEventListener('abort', onAbort);
    if (child.pid !== undefined) guard?.drop(child.pid);
  }
}

function endOf(child: ChildProcess): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? undefined));
  });
}

function signalGroup({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // The group has gone already, which is what was wanted.
  }
}

/** Gathers a stream's text, and hands out its lines. */
function collect(stream: Readable, keep: boolean, onLine: (line: string) => void): () => string {
  if (!keep) return () => '';
  const chunks: Buffer[] = [];
  const decoder = new StringDecoder('utf8');
  let open = '';
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    const lines = (open + decoder.write(chunk)).split(/\r?\n/);
    open = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  stream.once('end', () => {
    if (open !== '') onLine(open);
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

async function drain(
  { stdout }: ChildProcess,
  into: NonNullable<HostRun['stdout']>,
  onError: (error: unknown) => void,
): Promise<void> {
  if (stdout === null) return;
  await pipeline(stdout, into, { end: false }).catch(onError);
}

/** A stream that got less than all must not look complete to whoever reads it: it is ended only after success. */
async function close(stream: HostRun['stdout'], complete: boolean): Promise<void> {
  if (stream === undefined) return;
  if (!complete) {
    stream.destroy();
    return;
  }
  const done = finished(stream, { readable: false });
  stream.end();
  await done;
}

function feed({ stdin }: ChildProcess, input: HostRun['stdin'], onError: (error: unknown) => void): void {
  if (stdin === null) return;
  // A program that ends without having read everything is no failure of ours: its exit code says what it was.
  const unlessClosed = (error: unknown): void => {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EPIPE' && code !== 'ECONNRESET' && code !== 'ERR_STREAM_PREMATURE_CLOSE') onError(error);
  };
  if (input instanceof Readable) {
    let broken: unknown;
    input.once('error', (error) => {
      broken = error;
    });
    // Half an input must not pass for a whole one.
    input.once('close', () => {
      if (!input.readableEnded && !stdin.destroyed) broken ??= new Error('the input was cut off before its end');
    });
    void pipeline(input, stdin).catch((error: unknown) =>
      broken === undefined ? unlessClosed(error) : onError(broken),
    );
    return;
  }
  stdin.on('error', unlessClosed);
  stdin.end(input ?? '');
}

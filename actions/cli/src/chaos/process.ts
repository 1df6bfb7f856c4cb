import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { ExternalError } from '@papergate/config';
import { identify, waitFor, type Guard } from '@papergate/delivery';

export interface ServiceProcess {
  readonly name: string;
  readonly pid: number;
  readonly running: boolean;
  /** The code it ended with; null for a signal. Resolves when it ends. */
  readonly exited: Promise<number | null>;
  signal(signal: NodeJS.Signals): void;
  /** Hands it a message; only execution-engine under treatment listens. */
  send(text: string): void;
  /** SIGKILL, and gone. */
  kill(): Promise<void>;
  /** Resolves true when it stands still by SIGSTOP; false where the time is over or it is gone. */
  stopped(timeoutMs: number): Promise<boolean>;
  /** The last of what it wrote. */
  log(): string;
}

/** What is kept of a process's output, characters. */
const KEPT = 20_000;

/** Starts a service's main.ts in a process of its own, which cannot outlive us: not even one that is stopped. */
export function startService(options: {
  name: string;
  entry: string;
  cwd: string;
  env: Record<string, string>;
  guard: Guard;
}): ServiceProcess {
  const { name, entry, cwd, env, guard } = options;
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', entry], {
    cwd,
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    env: { ...env, PAPERGATE_WATCH_STDIN: 'true' },
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (log = `${log}${text}`.slice(-KEPT)));
  }
  child.stdin?.on('error', () => {});
  const exited = new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null));
    child.once('exit', (code) => resolve(code));
  });
  const { pid } = child;
  const id = pid === undefined ? undefined : identify(pid);
  if (pid === undefined || id === undefined) {
    throw new ExternalError({ code: 'CHAOS_START', message: `${name} could not be started`, fix: 'run npm run setup' });
  }
  guard.add(id, 'SIGKILL');
  void exited.then(() => guard.drop(pid));
  const alive = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    name,
    pid,
    get running() {
      return alive();
    },
    exited,
    signal: (signal) => void child.kill(signal),
    send: (text) => void child.send(text, () => undefined),
    async kill() {
      if (alive()) child.kill('SIGKILL');
      await exited;
    },
    stopped: async (timeoutMs) =>
      (await waitFor(() => !alive() || stateOf(child) === 'T', { timeoutMs, everyMs: 5 })) === true && alive(),
    log: () => log,
  };
}

/** The letter that the kernel gives a process's state. */
function stateOf({ pid }: ChildProcess): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid ?? 0}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2)[0];
  } catch {
    return undefined;
  }
}

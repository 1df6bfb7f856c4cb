import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { waitFor } from '@papergate/delivery';
import { dockerEnvironment } from './docker.ts';

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A `papergate` command that runs, in a process group of its own. */
export interface Command {
  child: ChildProcess;
  output(): string;
  ended: Promise<Ended>;
  /** Waits until its output has the text. */
  sees(text: string, timeoutMs?: number): Promise<void>;
}

export interface CommandOptions {
  /** Checkout whose command it is. */
  repository: string;
  /** PAPERGATE_HOME. */
  home: string;
  env?: Readonly<Record<string, string | undefined>>;
  /** Node's own arguments, before the program. */
  node?: readonly string[];
  stdin?: string;
}

/** `papergate …` with this run's engine, and nothing else of the environment but what is given. */
export function papergate(
  { repository, home, env = {}, node = [], stdin }: CommandOptions,
  ...args: string[]
): Command {
  const main = join(repository, 'actions', 'cli', 'src', 'main.ts');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...node, main, ...args], {
    cwd: repository,
    detached: true,
    env: {
      ...dockerEnvironment(),
      PAPERGATE_HOME: home,
      NODE_COMPILE_CACHE: join(home, 'test', 'compile-cache'),
      ...env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => {});
  child.stdin.end(stdin ?? '');
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
  const output = (): string => `${stdout}${stderr}`;
  return {
    child,
    output,
    ended,
    sees: async (text, timeoutMs = 240_000) => {
      let over = false;
      void ended.then(() => (over = true));
      await waitFor(() => output().includes(text) || over, { timeoutMs });
      if (!output().includes(text)) throw new Error(`it never said "${text}", but:\n${output()}`);
    },
  };
}

/** Runs it to its end. @throws where it does not end with the wanted code, with all that it said */
export async function mustEnd(command: Command, code = 0): Promise<Ended> {
  const ended = await command.ended;
  if (ended.code !== code) throw new Error(`it ended with ${ended.code}, wanted ${code}:\n${command.output()}`);
  return ended;
}
